#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "properties/history_index.hpp"
#include "properties/told.hpp"
#include "viz/flights.hpp"
#include "viz/timeline.hpp"

namespace orrery::viz {

/// Which events and messages of a run a picture shows.
struct Scope {
  ToldEvents events;                  // with the rank that brought them in
  std::map<EventId, int> evidence;    // of those shown, numbered from 1 in the order of the history
  std::vector<Flight> flights;        // the messages between them
  std::size_t left_out = 0;           // facts that were asked for and found no room
  bool folded = true;
};

/// Throws std::invalid_argument if there is nothing to show.
[[nodiscard]] Scope choose_scope(const RunView& run, const HistoryIndex& index, const TimelineOptions& options);

}  // namespace orrery::viz
