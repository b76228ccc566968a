#pragma once

#include <map>
#include <string>
#include <vector>

#include "viz/scene.hpp"
#include "viz/svg.hpp"

namespace orrery::viz {

/// Where things stand on paper.
struct Placement {
  double width = 0;
  double top = 0;     // of the lanes
  double bottom = 0;  // of the lanes
  double column = 0;  // the width of a lane's column
  std::vector<double> lane_x;
  std::map<EventId, double> y;  // of each note
  struct Label {
    EventId event = 0;
    Box box;  // of the text; no two of them overlap
    std::vector<std::string> lines;
  };
  std::vector<Label> labels;
  struct Tick {
    double y = 0;
    std::string text;
    bool head = false;  // a time of day; the others count from the head before them
  };
  std::vector<Tick> ticks;
  struct Gap {
    double from = 0;
    double to = 0;
    std::string text;   // "8.2 s later"
    std::string title;  // with what is not shown
  };
  std::vector<Gap> gaps;  // stretches of time that are cut short
};

/// Puts a scene on paper, below `top`. Time goes down: between two moments lies more paper the more time lies between them, by its
/// logarithm, and half a second or more is cut short. In causal order every step is equal.
[[nodiscard]] Placement place(const Scene& scene, bool causal, double top);

}  // namespace orrery::viz
