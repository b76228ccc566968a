#include "viz/caption.hpp"

#include <fmt/format.h>

#include <string_view>

#include "properties/story.hpp"
#include "viz/style.hpp"
#include "viz/text.hpp"

namespace orrery::viz {
namespace {

constexpr double kMargin = 16;
constexpr double kStorySize = 11;
constexpr double kStoryLine = 15;

struct Writer {
  Svg& svg;
  double width;
  double y;

  void lines(std::string_view text, double size, Weight weight, std::string_view colour, std::size_t most) {
    for (const std::string& line : wrapped(text, size, width - 2 * kMargin, most, weight)) {
      y += size + 5;
      svg.text({kMargin, y}, line,
               {{"font-size", size}, {"font-weight", weight == Weight::bold ? "bold" : "normal"}, {"fill", colour}});
    }
  }
};

std::size_t count_of(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

/// At most so many characters of a line.
std::string cut(std::string_view line, std::size_t characters) {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < characters && bytes < line.size(); ++i) {
    do {
      ++bytes;
    } while (bytes < line.size() && (static_cast<unsigned char>(line[bytes]) & 0xC0) == 0x80);
  }
  if (bytes >= line.size()) return std::string(line);
  return std::string(line.substr(0, bytes)) + "…";
}

/// A line of the story in pieces that fit; what is broken off goes on below the words, not below the time.
std::vector<std::string> broken(std::string_view line, std::size_t characters) {
  std::vector<std::string> pieces;
  std::size_t indent = line.find_first_not_of(' ');
  constexpr std::size_t kWords = 28;
  while (line.size() > characters && pieces.size() < 2) {
    std::size_t end = line.rfind(' ', characters);
    if (end == std::string_view::npos || end <= indent + 1 || end < kWords) break;
    pieces.emplace_back(pieces.empty() ? line.substr(0, end) : std::string(kWords, ' ') + std::string(line.substr(0, end)));
    line.remove_prefix(end + 1);
    indent = 0;
    if (pieces.size() == 1) characters -= kWords;
  }
  pieces.push_back(std::string(pieces.empty() ? 0 : kWords, ' ') + cut(line, characters));
  return pieces;
}

}  // namespace

double draw_head(Svg& svg, const RunView& run, const std::string& what, double width) {
  Writer writer{svg, width, 8};
  writer.lines(fmt::format("{}: {}", what, run.name), 13, Weight::bold, kInk, 2);
  const JudgedProperty* violated = run.violated();
  if (violated != nullptr) {
    writer.lines(fmt::format("violated: {}", violated->property->name), 15, Weight::bold, kVermillion, 2);
    if (!violated->property->claim.empty()) {
      writer.lines("What must hold: " + violated->property->claim, 12, Weight::regular, kMuted, 2);
    }
    writer.lines("What happened: " + violated->verdict.violations.front().what, 12, Weight::bold, kInk, 4);
  } else if (!run.stuck.empty()) {
    writer.lines("violated: every run comes to its end", 15, Weight::bold, kVermillion, 2);
    writer.lines("What happened: " + run.stuck, 12, Weight::bold, kInk, 3);
  } else {
    writer.lines(run.judged.empty() ? "nothing was judged" : "every property held", 14, Weight::bold, kGreen, 1);
  }
  return writer.y + 14;
}

double draw_story(Svg& svg, const RunView& run, double top, double width, std::size_t evidence) {
  const JudgedProperty* violated = run.violated();
  const auto characters = static_cast<std::size_t>((width - 2 * kMargin) / mono_width("m", kStorySize)) - 1;
  double y = top;
  if (violated != nullptr) {
    y += 16;
    svg.text({kMargin, y}, "The story", {{"font-size", 12.0}, {"font-weight", "bold"}, {"fill", kInk}});
    const std::string text = story(violated->verdict.violations.front(), run.history, {24});
    const std::size_t starred = count_of(text, "\n   *") + (text.starts_with("   *") ? 1 : 0);
    std::size_t star = 0;
    std::string_view rest = text;
    while (!rest.empty()) {
      const std::size_t end = rest.find('\n');
      std::string line(rest.substr(0, end));
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
      const bool struck = line.starts_with("  !!");
      const bool strong = line.starts_with("   *") || line.starts_with("  =>");
      // The pictures number the evidence; the words take the number if they tell all of it.
      if (line.starts_with("   *") && starred == evidence) line.replace(0, 4, fmt::format("{:>4}", fmt::format("({})", ++star)));
      for (const std::string& piece : broken(line, characters)) {
        y += kStoryLine;
        svg.text({kMargin, y}, piece,
                 {{"class", "m"}, {"font-weight", strong ? "bold" : "normal"}, {"fill", struck ? kVermillion : kInk}, {"xml:space", "preserve"}});
      }
    }
  }
  if (!run.command.empty()) {
    y += 22;
    svg.text({kMargin, y}, cut(run.command, characters), {{"class", "m"}, {"fill", kMuted}});
  }
  return y + 14;
}

std::string spoken(const RunView& run, const std::string& what) {
  const JudgedProperty* violated = run.violated();
  if (violated == nullptr) return fmt::format("{}: {}", what, run.name);
  return fmt::format("{}: {}. Violated: {}. {}", what, run.name, violated->property->name, violated->verdict.violations.front().what);
}

}  // namespace orrery::viz
