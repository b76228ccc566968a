#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::viz {

enum class Weight { regular, bold };

/// How wide a line of text is, in pixels, at a font size in pixels. An upper bound for the fonts that the pictures name: characters
/// beyond ASCII count as one em.
[[nodiscard]] double text_width(std::string_view utf8, double size, Weight weight = Weight::regular);

/// The text, cut at a character's end and closed with "…" if it is wider than `width` pixels.
[[nodiscard]] std::string elided(std::string_view utf8, double size, double width, Weight weight = Weight::regular);

/// The text in lines of at most `width` pixels, broken at spaces, or within a word that is wider than a line; the last of
/// `max_lines` ends in "…" if more would follow. At least one line.
[[nodiscard]] std::vector<std::string> wrapped(std::string_view utf8, double size, double width, std::size_t max_lines,
                                               Weight weight = Weight::regular);

/// A line of the monospaced font: 0.602 em a character.
[[nodiscard]] double mono_width(std::string_view utf8, double size);

}  // namespace orrery::viz
