#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "properties/journeys.hpp"
#include "viz/run_view.hpp"

namespace orrery::viz {

/// Which journey is drawn.
struct GraphOptions {
  /// The beginning of its id; empty: the one that the violation's evidence is about, or else the one with most visits.
  std::string id;
  /// Without the words above and below: they stand beside it.
  bool bare = false;
};

/// The declared graph of a journey with its path on top, as an SVG document. Throws std::invalid_argument, in one line for the user,
/// if nothing in the run went through a declared graph, or if the id is of none of them.
[[nodiscard]] std::string graph_svg(const RunView& run, const GraphOptions& options = {});
/// The same as DOT text for graphviz' own tools.
[[nodiscard]] std::string graph_dot(const RunView& run, const GraphOptions& options = {});

/// The events of one journey, whose id begins so. Throws std::invalid_argument as the others do.
[[nodiscard]] std::vector<EventId> events_of_journey(const RunView& run, const std::string& id);

/// How often each edge of each declared graph was taken, summed over runs.
struct GraphCoverage {
  struct Counts {
    StateGraph graph;
    std::int64_t journeys = 0;
    std::map<StateGraph::Edge, std::int64_t> steps;
  };
  std::map<std::string, Counts> graphs;  // by name

  /// Adds the journeys of a run.
  void add(const HistoryIndex& index);
};
/// Every graph of a coverage, one below the other, as an SVG document. Throws std::invalid_argument if there is none.
[[nodiscard]] std::string coverage_svg(const GraphCoverage& coverage, const std::string& name);

}  // namespace orrery::viz
