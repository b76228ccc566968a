#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>

#include "properties/property.hpp"

namespace orrery {

/// How much an event matters to the story of a violation; the evidence most.
enum class ToldRank : std::uint8_t {
  evidence,
  blow,      // what struck a host or a link that takes part
  request,   // of an operation in the evidence
  cause,     // of the evidence
  surround,  // what else struck, and ended
};

struct ToldEvent {
  const Event* event = nullptr;  // of the history
  ToldRank rank = ToldRank::evidence;
  EventId distance = 0;  // from what is told anyway; decides within a rank
};
using ToldEvents = std::map<EventId, ToldEvent>;  // in the order of the story

/// What belongs to the story of a violation: the evidence; what led to it, as far back as a client's request or a few steps, and as
/// far as the history kept causes; the requests of the operations among it; and the faults, crashes, pauses and restarts meanwhile of
/// hosts that take part; all faults, if the run has but a few. Stories and pictures are made of the same events.
[[nodiscard]] ToldEvents told_events(const Violation& violation, const History& history);

/// The `most` most important ones.
[[nodiscard]] std::set<EventId> most_important(const ToldEvents& events, std::size_t most);

[[nodiscard]] bool is_fault(EventKind kind) noexcept;
/// A host crashes, stops, is paused, goes on or starts.
[[nodiscard]] bool is_blow(EventKind kind) noexcept;
[[nodiscard]] bool is_request(EventKind kind) noexcept;

}  // namespace orrery
