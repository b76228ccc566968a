#pragma once

#include <string>
#include <vector>

#include "properties/property.hpp"

namespace orrery {

struct StoryOptions {
  std::size_t max_lines = 25;  // with the conclusion; the rest is folded: "… 12 more deliveries"
};

/// A violation told in virtual time, a line an event:
///
///       12.345s  user-db    committed transaction 71 of user-1: users + 1, outbox_events + 1 (event 5c0e77a1)
///   !!  12.400s  user-1     crashed
///   =>  what is wrong
///
/// Told are the events of the evidence, what led to them (their causes, as far as the history kept them), and the faults,
/// crashes and restarts in between of the hosts that take part. Works on facts alone and on a full recording; ids are
/// shortened to their first 8 characters. Lines end in '\n'.
[[nodiscard]] std::string story(const Violation& violation, const History& history, const StoryOptions& options = {});

/// One event in words, without its time and host: "stored message 5c0e77a1 at offset 3".
[[nodiscard]] std::string describe(const Event& event);

}  // namespace orrery
