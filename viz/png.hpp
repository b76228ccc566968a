#pragma once

#include <string>
#include <string_view>

namespace orrery::viz {

/// The SVG document as PNG, drawn by librsvg and cairo, at `scale` pixels of the image for one of the document. Throws
/// std::runtime_error, in one line, if the document cannot be read or is larger than cairo can draw (32,767 pixels either way).
[[nodiscard]] std::string png_of(std::string_view svg, double scale = 2);

}  // namespace orrery::viz
