#pragma once

#include <cstddef>
#include <string>

#include "properties/property.hpp"

namespace orrery {

struct StoryOptions {
  std::size_t max_lines = 25;  // before the conclusion
};

/// A violation told in virtual time, a line an event; "!!" stands before faults and crashes, "*" before the evidence:
///
///      *    12.345s  user-1   committed transaction 71 on user_db: users + 3f2a77c1; outbox_events + 5c0e77a1
///     !!    12.400s  user-1   fault: crash user-1 at 12.4s for 3s
///     => what is wrong
///
/// Told are the events of the evidence; what led to each, as far back as a client's request or a few steps, and as far
/// as the history kept causes; the requests of the operations among them; and the faults, crashes, pauses and restarts
/// meanwhile of hosts that take part. What does not fit is folded ("… 12 more: 10 deliveries, 2 faults"), the evidence
/// last. Works on facts alone and on a full recording. Ids are shortened to their first 8 characters; a last line gives
/// those of the conclusion in full. Lines end in '\n'.
[[nodiscard]] std::string story(const Violation& violation, const History& history, const StoryOptions& options = {});

}  // namespace orrery
