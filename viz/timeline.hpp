#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "viz/run_view.hpp"

namespace orrery::viz {

/// What of a run a space-time diagram shows.
struct TimelineOptions {
  /// Everything, every message included; otherwise what matters around the violation, or at most `most` events of what was asked for.
  bool unfold = false;
  /// Down the page goes "happened before" (L. Lamport, "Time, Clocks, and the Ordering of Events in a Distributed System", CACM
  /// 21(7), 1978) in equal steps, instead of virtual time.
  bool causal = false;
  /// Only what happened within `window` before and after this moment.
  std::optional<Instant> around;
  Duration window = std::chrono::milliseconds(250);
  /// Only these hosts; none: all that take part.
  std::vector<std::string> hosts;
  /// Only what has to do with this id: a request, message, row or trace, by at least its first characters.
  std::string trace;
  /// Only these events and what has to do with them: the steps of one saga.
  std::vector<EventId> only;
  std::size_t most = 48;
  /// Without the words above and below: they stand beside it.
  bool bare = false;
};

/// The space-time diagram of a run as an SVG document: a lane for each host, database and broker, time down the page, messages as
/// arrows from lane to lane. The same run and options give the same bytes. Throws std::invalid_argument, in one line for the user,
/// if a host is not of this run, or if nothing is left to draw.
[[nodiscard]] std::string timeline_svg(const RunView& run, const TimelineOptions& options = {});

}  // namespace orrery::viz
