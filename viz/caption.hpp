#pragma once

#include <cstddef>
#include <string>

#include "viz/run_view.hpp"
#include "viz/svg.hpp"

namespace orrery::viz {

/// Above a picture: which run, what is drawn, whether it held, and what is wrong. Returns where it ends.
double draw_head(Svg& svg, const RunView& run, const std::string& what, double width);

/// Below a picture: the story of the first violation in words; of evidence with its number in the
/// picture, which shows so many of them. Returns where it ends.
double draw_story(Svg& svg, const RunView& run, double top, double width, std::size_t evidence);

/// What stands in the picture's label for those who cannot see it.
[[nodiscard]] std::string spoken(const RunView& run, const std::string& what);

}  // namespace orrery::viz
