#include "properties/sagas.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "properties/bodies.hpp"
#include "properties/outages.hpp"
#include "properties/rows.hpp"

namespace orrery {
namespace {

std::string table(std::string_view database, std::string_view name) {
  std::string full(database);
  return full.append(".").append(name);
}

SagaGraph graph_of(const std::string& text) {
  SagaGraph graph;
  const Json json = parse_body(text);
  graph.saga = member_text(json, "saga");
  if (!json.is_object()) return graph;
  for (const Json& node : json.value("nodes", Json::array())) {
    graph.nodes.push_back({member_text(node, "id"), member_text(node, "kind")});
  }
  for (const Json& edge : json.value("edges", Json::array())) {
    graph.edges.push_back({member_text(edge, "from"), member_text(edge, "to"), member_text(edge, "on")});
  }
  return graph;
}

/// Writes the stories, commit by commit.
class Narrator {
 public:
  explicit Narrator(Sagas& sagas) : sagas_(sagas) {}

  void saga(const History::Change& change) {
    if (change.row->operation == RowOperation::remove) return;
    const Row row = change.row->new_row();
    const std::string id = cell(row, "id");
    const auto [place, is_new] = places_.emplace(id, sagas_.stories.size());
    if (is_new) sagas_.stories.emplace_back();
    SagaStory& story = sagas_.stories[place->second];
    const std::string state = cell(row, "state");
    if (is_new) {
      story.id = id;
      story.name = cell(row, "name");
      story.business_key = cell(row, "business_key");
      story.input = cell(row, "input");
      story.started = change.commit;
    }
    if (is_new || state != story.state) story.changes.push_back({change.commit, "", story.state, state});
    story.state = state;
    story.reason = cell(row, "reason");
    story.escalated = row["escalated"].boolean();
    story.ended = state == "completed" || state == "compensated" ? change.commit : nullptr;
  }

  void step(const History::Change& change) {
    if (change.row->operation == RowOperation::remove) return;
    const Row row = change.row->new_row();
    SagaStory* story = find(cell(row, "saga_id"));
    if (story == nullptr) return;
    const std::string name = cell(row, "name");
    Step& known = steps_[{story->id, name}];
    if (known.state.empty()) {
      story->steps.push_back(name);
      known.state = "pending";
    }
    const std::string state = cell(row, "state");
    const std::int64_t attempts = row["attempts"].integer();
    const std::int64_t undo_attempts = row["undo_attempts"].integer();
    const bool acts = attempts > known.attempts;
    const bool undoes = undo_attempts > known.undo_attempts;
    if (known.open) end_attempt(*story, known, change.commit, acts || undoes ? "taken over" : state, cell(row, "last_error"));
    if (acts) begin_attempt(*story, known, change.commit, name, false, attempts);
    if (undoes) begin_attempt(*story, known, change.commit, name, true, undo_attempts);
    if (state != known.state) story->changes.push_back({change.commit, name, known.state, state});
    known.state = state;
    known.attempts = attempts;
    known.undo_attempts = undo_attempts;
  }

  void signal(const History::Change& change) {
    if (change.row->operation != RowOperation::insert) return;
    const Row row = change.row->new_row();
    SagaStory* story = find(cell(row, "saga_id"));
    if (story == nullptr) return;
    story->signals.push_back({change.commit, cell(row, "step"), cell(row, "outcome") == "done"});
  }

 private:
  struct Step {
    std::string state;
    std::int64_t attempts = 0;
    std::int64_t undo_attempts = 0;
    bool open = false;  // an attempt has not ended
    std::size_t attempt = 0;
  };

  SagaStory* find(const std::string& id) {
    const auto place = places_.find(id);
    return place == places_.end() ? nullptr : &sagas_.stories[place->second];
  }

  static void begin_attempt(SagaStory& story, Step& step, const Event* commit, const std::string& name, bool compensation,
                            std::int64_t number) {
    step.open = true;
    step.attempt = story.attempts.size();
    SagaAttempt& attempt = story.attempts.emplace_back();
    attempt.step = name;
    attempt.compensation = compensation;
    attempt.number = number;
    attempt.host = std::string(host_of_session(commit->key));
    attempt.begun = commit;
  }

  static void end_attempt(SagaStory& story, Step& step, const Event* commit, std::string outcome, std::string error) {
    SagaAttempt& attempt = story.attempts[step.attempt];
    attempt.ended = commit;
    attempt.outcome = std::move(outcome);
    attempt.error = std::move(error);
    step.open = false;
  }

  Sagas& sagas_;
  std::map<std::string, std::size_t> places_;
  std::map<std::pair<std::string, std::string>, Step> steps_;
};

Sagas collect(const HistoryIndex& index, std::string_view database) {
  Sagas sagas;
  std::map<std::string, SagaGraph> graphs;
  for (const History::Change& change : index.committed(table(database, "saga_declarations"))) {
    if (change.row->operation == RowOperation::remove) continue;
    SagaGraph graph = graph_of(cell(change.row->new_row(), "graph"));
    std::string name = graph.saga;
    graphs[std::move(name)] = std::move(graph);
  }
  for (auto& [name, graph] : graphs) sagas.graphs.push_back(std::move(graph));

  Narrator narrator(sagas);
  for (const Event* commit : index.of(EventKind::transaction_committed, database)) {
    // The saga's own row first, whatever the order within the transaction.
    for (const RowChange& row : commit->changes) {
      if (row.table == "sagas") narrator.saga({commit, &row});
    }
    for (const RowChange& row : commit->changes) {
      if (row.table == "saga_steps") narrator.step({commit, &row});
      if (row.table == "saga_signals") narrator.signal({commit, &row});
    }
  }
  return sagas;
}

}  // namespace

std::string SagaStory::state_of(std::string_view step) const {
  for (auto change = changes.rbegin(); change != changes.rend(); ++change) {
    if (change->step == step) return change->to;
  }
  return "pending";
}

const SagaStory* Sagas::find(std::string_view id) const noexcept {
  const auto found = std::ranges::find(stories, id, &SagaStory::id);
  return found == stories.end() ? nullptr : &*found;
}

const SagaGraph* Sagas::graph(std::string_view saga) const noexcept {
  const auto found = std::ranges::find(graphs, saga, &SagaGraph::saga);
  return found == graphs.end() ? nullptr : &*found;
}

const Sagas& sagas_of(const HistoryIndex& index, std::string_view database) {
  return index.shared<Sagas>("sagas of " + std::string(database),
                             [&](const HistoryIndex& of) { return collect(of, database); });
}

std::vector<std::string> saga_databases(const HistoryIndex& index) {
  std::set<std::string> databases;
  for (const Event* commit : index.of(EventKind::transaction_committed)) {
    for (const RowChange& row : commit->changes) {
      if (row.table == "saga_declarations") databases.insert(commit->subject);
    }
  }
  return {databases.begin(), databases.end()};
}

}  // namespace orrery
