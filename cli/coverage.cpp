#include "cli/coverage.hpp"

#include <string>
#include <utility>

#include "runtime/json.hpp"

namespace orrery::cli {
namespace {

/// Keys of ours begin with a character that no property's name has; the rest is JSON.
constexpr char kOurs = '\x1e';

Json json_of(const StateGraph& graph) {
  Json nodes = Json::array();
  for (const StateGraph::Node& node : graph.nodes) nodes.push_back({node.id, node.kind, node.words});
  Json edges = Json::array();
  for (const StateGraph::Edge& edge : graph.edges) edges.push_back({edge.from, edge.to, edge.on});
  return {{"graph", graph.name}, {"nodes", nodes}, {"edges", edges}};
}

StateGraph graph_of(const Json& json) {
  StateGraph graph;
  graph.name = json.at("graph").get<std::string>();
  for (const Json& node : json.at("nodes")) graph.nodes.push_back({node[0], node[1], node[2]});
  for (const Json& edge : json.at("edges")) graph.edges.push_back({edge[0], edge[1], edge[2]});
  return graph;
}

std::string key_of(const Json& json) { return kOurs + json.dump(-1, ' ', true, Json::error_handler_t::replace); }

}  // namespace

RunFunction counting_ways(RunFunction run) {
  return [run = std::move(run)](const RunRequest& request) {
    RunResult result = run(request);
    viz::GraphCoverage coverage;
    coverage.add(HistoryIndex(result.history));
    for (const auto& [name, counts] : coverage.graphs) {
      result.sometimes[key_of(json_of(counts.graph))] = counts.journeys;
      for (const auto& [way, times] : counts.steps) {
        result.sometimes[key_of({{"way", name}, {"from", way.from}, {"to", way.to}, {"on", way.on}})] = times;
      }
    }
    return result;
  };
}

viz::GraphCoverage take_ways(CampaignResult& result) {
  viz::GraphCoverage coverage;
  std::erase_if(result.sometimes, [&](const auto& one) {
    if (one.first.empty() || one.first.front() != kOurs) return false;
    const Json json = Json::parse(one.first.substr(1));
    if (json.contains("graph")) {
      viz::GraphCoverage::Counts& counts = coverage.graphs[json.at("graph").get<std::string>()];
      counts.graph = graph_of(json);
      counts.journeys += one.second;
    } else {
      coverage.graphs[json.at("way").get<std::string>()].steps[{json.at("from"), json.at("to"), json.at("on")}] += one.second;
    }
    return true;
  });
  return coverage;
}

}  // namespace orrery::cli
