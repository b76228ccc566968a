#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "properties/history_index.hpp"

namespace orrery {

// Sagas as their orchestrator committed them (services/patterns/saga.hpp keeps them in the tables saga_declarations, sagas,
// saga_steps and saga_signals): for properties and for pictures. What is not committed did not happen: an attempt is in the
// tables before its call is made, and its outcome after.

/// A declared saga. Nodes are "start", each step's name, "undo <step>", "completed" and "compensated".
struct SagaGraph {
  struct Node {
    std::string id;
    std::string kind;  // "start", "step", "pivot", "compensation", "end"
  };
  struct Edge {
    std::string from, to;
    std::string on;  // "started", "done", "refused", "timed out"
  };
  std::string saga;
  std::vector<Node> nodes;
  std::vector<Edge> edges;
};

/// One call of a step's action or compensation.
struct SagaAttempt {
  std::string step;
  bool compensation = false;
  std::int64_t number = 1;       // of its kind, from 1
  std::string host;              // whose worker made it
  const Event* begun = nullptr;  // the commit before the call
  const Event* ended = nullptr;  // the commit that first noted something after it; null: none did
  std::string outcome;           // the state of the step then; "taken over" if that was another attempt; empty: none
  std::string error;             // what went wrong, if it did
};

/// A commit that changed the state of the saga, or of one of its steps.
struct SagaChange {
  const Event* commit = nullptr;
  std::string step;  // empty: of the saga itself
  std::string from, to;
};

/// Something that a participant said of a step.
struct SagaSignal {
  const Event* commit = nullptr;
  std::string step;
  bool done = true;  // or refused
};

struct SagaStory {
  std::string id;
  std::string name;
  std::string business_key;
  std::string input;  // JSON
  std::string state;  // the last: "running", "compensating", "completed" or "compensated"
  std::string reason; // why it was compensated
  bool escalated = false;
  const Event* started = nullptr;
  const Event* ended = nullptr;  // null: it has not
  std::vector<std::string> steps;
  std::vector<SagaAttempt> attempts;  // in the order of their beginning
  std::vector<SagaChange> changes;    // in commit order
  std::vector<SagaSignal> signals;

  /// The last state of a step; "pending" before its first attempt.
  [[nodiscard]] std::string state_of(std::string_view step) const;
};

struct Sagas {
  std::vector<SagaGraph> graphs;   // by name
  std::vector<SagaStory> stories;  // in the order in which they were started

  [[nodiscard]] const SagaStory* find(std::string_view id) const noexcept;
  [[nodiscard]] const SagaGraph* graph(std::string_view saga) const noexcept;
};

/// The sagas that are kept in a database ("saga_db"). Shared by all checks of a run.
[[nodiscard]] const Sagas& sagas_of(const HistoryIndex& index, std::string_view database);
/// The databases of a run in which sagas are kept, sorted.
[[nodiscard]] std::vector<std::string> saga_databases(const HistoryIndex& index);

}  // namespace orrery
