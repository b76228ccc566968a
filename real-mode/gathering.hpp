#pragma once

#include <string>
#include <utility>
#include <vector>

#include "real-mode/decoding.hpp"
#include "runtime/history.hpp"

namespace orrery::real {

/// When a run began, on the machine's monotonic clock, and how far the wall clock was from it then.
struct Beginning {
  Instant at{};
  Duration wall_offset{0};

  [[nodiscard]] static Beginning now();
};

/// The name under which the broker's database is captured.
inline constexpr const char* kBrokerDatabase = "broker";

/// Captured changes by database; of `kBrokerDatabase` they say what the broker stored and settled.
using Captures = std::vector<std::pair<std::string, ChangeCapture>>;

/// Adds what was committed since the captures were made. Blocking. Throws as ChangeCapture::take, and std::runtime_error if the
/// machine's clock was set meanwhile: then commits cannot be placed among other events.
void add_committed(Captures& captures, const Beginning& beginning, std::vector<Event>& events);

/// Events of several processes as one history, in the order of the machine's monotonic clock; of one process, of which they
/// must be in order, also in the order in which it wrote them. What came after `end` is left out.
[[nodiscard]] History in_order(std::vector<Event> events, const Beginning& beginning, Instant end);

}  // namespace orrery::real
