#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "properties/history_index.hpp"

namespace orrery {

// The paths of things (sagas, a user's events) through declared graphs of states, as their systems committed them: for pictures.

/// A declared graph of states, as data.
struct StateGraph {
  struct Node {
    std::string id;
    std::string kind;   // "start", "step", "pivot", "compensation", "end" (well), "failed end"
    std::string words;  // what the state means; may be empty
  };
  struct Edge {
    std::string from, to;
    std::string on;  // what leads there
    auto operator<=>(const Edge&) const = default;
  };
  std::string name;
  std::vector<Node> nodes;
  std::vector<Edge> edges;

  [[nodiscard]] const Node* find(std::string_view id) const noexcept;
  [[nodiscard]] bool has_edge(std::string_view from, std::string_view to) const noexcept;
  /// The way between two states that is taken for this reason; if none is declared for it the first one; a way of its own, with
  /// an empty reason, if none is declared at all.
  [[nodiscard]] Edge edge(std::string_view from, std::string_view to, std::string_view on) const;
};

/// A thing is in a state once.
struct Visit {
  std::string state;
  std::int64_t attempt = 1;       // how often it has been there, from 1
  std::string host;               // who did it
  const Event* begun = nullptr;
  const Event* ended = nullptr;   // null: nothing says so
  std::string outcome;            // "done", "refused", "timed out"; may be empty
  bool good = true;               // the outcome is what one hopes for
  std::string error;
};

/// The path of one thing.
struct Journey {
  std::string id;
  std::string state;  // the last
  std::vector<Visit> visits;                             // in the order of their beginning
  std::vector<StateGraph::Edge> steps;  // from state to state, in order; a state that is repeated leads to itself
};

struct Journeys {
  StateGraph graph;
  std::vector<Journey> all;  // in the order of their beginning
};

/// What went through declared graphs in a run: the sagas of each database that keeps some, and the events of the user/notification
/// system if they are there. Shared by all that ask.
[[nodiscard]] const std::vector<Journeys>& journeys_of(const HistoryIndex& index);

/// The journey that visits states in this order.
[[nodiscard]] Journey walk(std::string id, const StateGraph& graph, std::vector<Visit> visits);

/// The way of a user's event from the row in the outbox to the mail.
[[nodiscard]] StateGraph event_graph();
[[nodiscard]] Journeys event_journeys(const HistoryIndex& index);

}  // namespace orrery
