#pragma once

#include <cstdint>
#include <limits>
#include <string>
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

/// What a server commits; of `kBrokerDatabase` it says what the broker stored and settled.
struct Capture {
  std::string database;
  ChangeCapture changes;
  /// Of a server that another replaced: how much of its log the successor has, and since when that is the database.
  std::uint64_t survives = std::numeric_limits<std::uint64_t>::max();
  Instant replaced = Instant::max();
};
/// Of several servers of a database the later one stands later.
using Captures = std::vector<Capture>;

/// Adds what was committed since the captures were made, and what of it was lost when a server was replaced. Blocking. Throws as ChangeCapture::take, and std::runtime_error if the
/// machine's clock was set meanwhile: then commits cannot be placed among other events.
void add_committed(Captures& captures, const Beginning& beginning, std::vector<Event>& events);

/// Of what one host wrote, in order: where it starts although nobody wrote that it had ended, it had crashed before. For systems
/// whose processes somebody else ends.
void tell_crashes(std::vector<Event>& of_host);

/// Events of several processes as one history, in the order of the machine's monotonic clock; of one process, of which they
/// must be in order, also in the order in which it wrote them. What came after `end` is left out.
[[nodiscard]] History in_order(std::vector<Event> events, const Beginning& beginning, Instant end);

}  // namespace orrery::real
