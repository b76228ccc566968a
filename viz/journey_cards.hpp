#pragma once

#include <string>
#include <vector>

#include "viz/graph_layout.hpp"
#include "viz/state_graph.hpp"
#include "viz/words.hpp"

namespace orrery::viz {

/// A state of a declared graph, with what happened in it.
struct StateCard {
  struct Line {
    Mark mark = Mark::none;
    std::string text;
  };
  std::string id;
  std::string kind;  // as in StateGraph
  std::string words;
  bool visited = false;
  bool failed = false;  // the last thing that happened there is not what one hopes for
  std::vector<Line> lines;
  std::string title;  // all of it, for the pointer
};

/// A way from state to state.
struct StateWay {
  std::size_t from = 0;
  std::size_t to = 0;
  std::string label;
  int taken = 0;
  bool declared = true;
  double stroke = 0;  // 0: as `taken` says
};

struct StatePicture {
  std::vector<StateCard> cards;
  std::vector<StateWay> ways;
};

/// The journey that is meant. Throws std::invalid_argument.
struct ChosenJourney {
  const Journeys* of = nullptr;
  const Journey* journey = nullptr;
};
[[nodiscard]] ChosenJourney choose_journey(const RunView& run, const HistoryIndex& index, const GraphOptions& options);

/// The declared graph with the journey's visits, and the faults and lost messages that hit it.
[[nodiscard]] StatePicture picture_of(const HistoryIndex& index, const ChosenJourney& chosen);

/// Draws it below `top` and returns the room that it took: width and where it ends.
Box draw_states(Svg& svg, const StatePicture& picture, double top);

}  // namespace orrery::viz
