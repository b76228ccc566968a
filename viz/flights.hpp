#pragma once

#include <string_view>
#include <vector>

#include "properties/history_index.hpp"

namespace orrery::viz {

/// What came of a message.
enum class Fate {
  delivered,
  late,       // much later than usual
  duplicate,  // arrived once more
  dropped,    // lost on its way
  refused,    // nobody listened
  under_way,  // the history ends before it arrives
};
[[nodiscard]] const char* to_string(Fate fate) noexcept;

/// What a message is for; a folded picture leaves statements and polls out.
enum class Freight { call, reply, publish, delivery, statement, commit, poll };

/// A message between two hosts, from its sending to what came of it.
struct Flight {
  std::string_view from;
  std::string_view to;
  const Event* sent = nullptr;
  const Event* ended = nullptr;  // arrived, or dropped; null: under way
  Fate fate = Fate::delivered;
  Freight freight = Freight::call;
  std::string_view text;  // what it carries
};

/// Every message of a history, in the order of sending. Of a full recording these are the network's own messages, one Flight for
/// each copy that arrived. Where only facts were kept (real mode), what client and server, publisher, broker and consumer say of the
/// same request or message is put together. A message counts as late if it took 20 ms or more, and ten times the median.
[[nodiscard]] std::vector<Flight> flights_of(const HistoryIndex& index);

}  // namespace orrery::viz
