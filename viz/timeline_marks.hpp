#pragma once

#include <string_view>

#include "viz/scene.hpp"
#include "viz/svg.hpp"

namespace orrery::viz {

/// Patterns that the diagram fills areas with: markup for <defs>.
[[nodiscard]] std::string_view timeline_patterns();
/// CSS of the diagram.
[[nodiscard]] std::string timeline_css();

/// The form of an event, centred there.
void draw_mark(Svg& svg, Point at, Mark mark);
/// A black disc with the number of a piece of evidence.
void draw_evidence(Svg& svg, Point at, int number);
/// A message from point to point in the form of its fate. Of a lost one `to` is where it would have arrived.
void draw_arrow(Svg& svg, Point from, Point to, Fate fate, bool reply, std::string_view title);
/// A lane's head, centred there.
void draw_lane_head(Svg& svg, Point at, double width, const Lane& lane);
/// What the forms that occur mean. Returns where it ends.
double draw_legend(Svg& svg, const Scene& scene, double top, double width);

}  // namespace orrery::viz
