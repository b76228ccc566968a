#include "properties/journeys.hpp"

#include <algorithm>
#include <set>

#include "properties/outages.hpp"
#include "properties/sagas.hpp"

namespace orrery {
namespace {

/// Walks from state to state. What leads to a state is the last state before it from which the graph has a way there: several
/// things go on at once, so that is not always the last state of all. Without such a state the step is one that nobody declared.
class Walker {
 public:
  Walker(const StateGraph& graph, Journey& journey) : graph_(graph), journey_(journey) {
    for (const StateGraph::Node& node : graph.nodes) {
      if (node.kind == "start") been_.push_back(node.id);
    }
  }

  /// `on`: why, where that is known.
  void enter(const std::string& state, std::string_view on = {}) {
    std::string from = been_.empty() ? state : been_.back();
    for (auto before = been_.rbegin(); before != been_.rend(); ++before) {
      if (!graph_.has_edge(*before, state)) continue;
      from = *before;
      break;
    }
    journey_.steps.push_back(graph_.edge(from, state, on));
    journey_.state = state;
    been_.push_back(state);
  }

 private:
  const StateGraph& graph_;
  Journey& journey_;
  std::vector<std::string> been_;
};

StateGraph graph_of(const SagaGraph& declared) {
  StateGraph graph;
  graph.name = declared.saga;
  for (const SagaGraph::Node& node : declared.nodes) {
    const bool undone = node.kind == "end" && node.id == "compensated";
    graph.nodes.push_back({node.id, undone ? "failed end" : node.kind, {}});
  }
  for (const SagaGraph::Edge& edge : declared.edges) graph.edges.push_back({edge.from, edge.to, edge.on});
  return graph;
}

/// How the step ended that a saga turned back for: "refused", "timed out".
std::string turned_back_for(const SagaStory& story) {
  for (const SagaChange& change : story.changes) {
    if (change.to == "refused") return "refused";
    if (change.to == "timed_out") return "timed out";
  }
  return {};
}

Journey journey_of(const SagaStory& story, const StateGraph& graph) {
  Journey journey;
  journey.id = story.id;
  Walker walker(graph, journey);
  const std::string why = turned_back_for(story);
  for (const SagaAttempt& attempt : story.attempts) {
    Visit visit;
    visit.state = (attempt.compensation ? "undo " : "") + attempt.step;
    visit.attempt = attempt.number;
    visit.host = attempt.host;
    visit.begun = attempt.begun;
    visit.ended = attempt.ended;
    visit.outcome = attempt.outcome;
    visit.good = attempt.outcome == "done" || attempt.outcome == "awaiting" || attempt.outcome == "compensated";
    visit.error = attempt.error;
    // A repeated attempt stays in its state.
    if (attempt.number <= 1 || graph.has_edge(visit.state, visit.state)) walker.enter(visit.state, attempt.compensation ? why : "");
    journey.visits.push_back(std::move(visit));
  }
  if (story.ended != nullptr) {
    Visit end;
    end.state = story.state;
    end.begun = story.ended;
    end.host = std::string(host_of_session(story.ended->key));
    end.error = story.reason;
    end.good = story.state == "completed";
    walker.enter(end.state, end.good ? "" : why);
    journey.visits.push_back(std::move(end));
  }
  journey.state = story.state;
  return journey;
}

void add_sagas(const HistoryIndex& index, std::vector<Journeys>& all) {
  for (const std::string& database : saga_databases(index)) {
    const Sagas& sagas = sagas_of(index, database);
    for (const SagaGraph& declared : sagas.graphs) {
      Journeys journeys;
      journeys.graph = graph_of(declared);
      for (const SagaStory& story : sagas.stories) {
        if (story.name == declared.saga) journeys.all.push_back(journey_of(story, journeys.graph));
      }
      all.push_back(std::move(journeys));
    }
  }
}

}  // namespace

const StateGraph::Node* StateGraph::find(std::string_view id) const noexcept {
  const auto found = std::ranges::find(nodes, id, &Node::id);
  return found == nodes.end() ? nullptr : &*found;
}

bool StateGraph::has_edge(std::string_view from, std::string_view to) const noexcept {
  return std::ranges::any_of(edges, [&](const Edge& edge) { return edge.from == from && edge.to == to; });
}

StateGraph::Edge StateGraph::edge(std::string_view from, std::string_view to, std::string_view on) const {
  const Edge* found = nullptr;
  for (const Edge& edge : edges) {
    if (edge.from != from || edge.to != to) continue;
    if (edge.on == on) return edge;
    if (found == nullptr) found = &edge;
  }
  return found != nullptr ? *found : Edge{std::string(from), std::string(to), {}};
}

Journey walk(std::string id, const StateGraph& graph, std::vector<Visit> visits) {
  Journey journey;
  journey.id = std::move(id);
  Walker walker(graph, journey);
  for (Visit& visit : visits) {
    walker.enter(visit.state);
    journey.visits.push_back(std::move(visit));
  }
  return journey;
}

const std::vector<Journeys>& journeys_of(const HistoryIndex& index) {
  return index.shared<std::vector<Journeys>>("journeys", [](const HistoryIndex& of) {
    std::vector<Journeys> all;
    add_sagas(of, all);
    Journeys events = event_journeys(of);
    if (!events.all.empty()) all.push_back(std::move(events));
    return all;
  });
}

}  // namespace orrery
