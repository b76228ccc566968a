#include "viz/timeline_marks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>
#include <utility>

#include "viz/style.hpp"
#include "viz/text.hpp"

namespace orrery::viz {
namespace {

std::string move_to(Point at) { return "M" + number(at.x) + " " + number(at.y); }
std::string line_to(Point at) { return "L" + number(at.x) + " " + number(at.y); }

Point along(Point from, Point to, double distance) {
  const double length = std::hypot(to.x - from.x, to.y - from.y);
  if (length == 0) return from;
  return {from.x + (to.x - from.x) * distance / length, from.y + (to.y - from.y) * distance / length};
}

/// A triangle whose tip is at `to`.
void draw_arrow_head(Svg& svg, Point from, Point to, std::string_view colour, bool open) {
  const Point back = along(to, from, 9);
  const double length = std::hypot(to.x - from.x, to.y - from.y);
  if (length == 0) return;
  const Point across{(to.y - from.y) / length * 3.6, -(to.x - from.x) / length * 3.6};
  const Point left{back.x + across.x, back.y + across.y};
  const Point right{back.x - across.x, back.y - across.y};
  if (open) {
    svg.path(move_to(left) + line_to(to) + line_to(right), {{"fill", "none"}, {"stroke", colour}, {"stroke-width", 1.4}});
  } else {
    svg.path(move_to(left) + line_to(to) + line_to(right) + "Z", {{"fill", colour}});
  }
}

void draw_cross(Svg& svg, Point at, double reach) {
  const std::string data = move_to({at.x - reach, at.y - reach}) + line_to({at.x + reach, at.y + reach}) +
                           move_to({at.x + reach, at.y - reach}) + line_to({at.x - reach, at.y + reach});
  svg.path(data, {{"stroke", "#fff"}, {"stroke-width", 4.6}, {"stroke-linecap", "round"}, {"fill", "none"}});
  svg.path(data, {{"stroke", kVermillion}, {"stroke-width", 2.2}, {"stroke-linecap", "round"}, {"fill", "none"}});
}

void draw_clock(Svg& svg, Point at) {
  svg.element("circle", {{"cx", at.x}, {"cy", at.y}, {"r", 5.5}, {"fill", "#fff"}, {"stroke", kOrange}, {"stroke-width", 1.8}});
  svg.path(move_to({at.x, at.y - 3.4}) + line_to(at) + line_to({at.x + 2.6, at.y + 1.4}),
           {{"fill", "none"}, {"stroke", kInk}, {"stroke-width", 1.2}});
}

void draw_icon(Svg& svg, Point at, LaneKind kind) {
  const Attributes outline = {{"fill", "none"}, {"stroke", kInk}, {"stroke-width", 1.3}};
  const double x = at.x;
  const double y = at.y;
  switch (kind) {
    case LaneKind::client:
      svg.element("circle", {{"cx", x}, {"cy", y - 3.2}, {"r", 2.6}, {"fill", kInk}});
      svg.path(move_to({x - 5, y + 5.5}) + "a5 5 0 0 1 10 0Z", {{"fill", kInk}});
      break;
    case LaneKind::service:
      svg.rect({x - 5, y - 5, 10, 10}, {{"rx", 2}, {"fill", "none"}, {"stroke", kInk}, {"stroke-width", 1.3}});
      break;
    case LaneKind::database:
      svg.path(move_to({x - 5, y - 3.5}) + "a5 2 0 0 1 10 0v7a5 2 0 0 1 -10 0Z" + move_to({x - 5, y - 3.5}) + "a5 2 0 0 0 10 0", outline);
      break;
    case LaneKind::broker:
      svg.path(move_to({x - 5, y - 4}) + "h10" + move_to({x - 5, y}) + "h10" + move_to({x - 5, y + 4}) + "h10",
               {{"fill", "none"}, {"stroke", kInk}, {"stroke-width", 2.0}});
      break;
  }
}

}  // namespace

std::string_view timeline_patterns() {
  return R"svg(<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">)svg"
         R"svg(<rect width="6" height="6" fill="#fff"/><line x1="0" y1="0" x2="0" y2="6" stroke="#5f6368" stroke-width="2.4"/></pattern>)svg"
         R"svg(<pattern id="wait" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)">)svg"
         R"svg(<rect width="5" height="5" fill="#fff"/><line x1="0" y1="0" x2="0" y2="5" stroke="#009e73" stroke-width="2"/></pattern>)svg"
         R"svg(<pattern id="cut" width="9" height="9" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">)svg"
         R"svg(<rect width="9" height="9" fill="#d55e00" fill-opacity="0.06"/><line x1="0" y1="0" x2="0" y2="9" stroke="#d55e00" stroke-opacity="0.22" stroke-width="1.6"/></pattern>)svg";
}

std::string timeline_css() {
  return fmt::format(
      ".m{{font-family:{};font-size:11px}}"
      ".l{{paint-order:stroke;stroke:#fff;stroke-width:3.4px;stroke-linejoin:round}}"
      ".e{{font-weight:bold}}",
      kMono);
}

void draw_mark(Svg& svg, Point at, Mark mark) {
  const double x = at.x;
  const double y = at.y;
  switch (mark) {
    case Mark::none:
      return;
    case Mark::dot:
      svg.element("circle", {{"cx", x}, {"cy", y}, {"r", 3.2}, {"fill", kInk}});
      return;
    case Mark::operation:
      svg.element("circle", {{"cx", x}, {"cy", y}, {"r", 3.8}, {"fill", "#fff"}, {"stroke", kInk}, {"stroke-width", 1.8}});
      return;
    case Mark::commit:
      svg.rect({x - 4.5, y - 4.5, 9, 9}, {{"fill", kGreen}, {"stroke", "#fff"}, {"stroke-width", 1}});
      return;
    case Mark::unknown:
      svg.path(move_to({x, y - 8}) + line_to({x + 8, y}) + line_to({x, y + 8}) + line_to({x - 8, y}) + "Z",
               {{"fill", "#fff"}, {"stroke", kOrange}, {"stroke-width", 2}});
      svg.text({x, y + 4}, "?", {{"text-anchor", "middle"}, {"font-weight", "bold"}});
      return;
    case Mark::failed:
      draw_cross(svg, at, 4.2);
      return;
    case Mark::fault:
      svg.path(move_to({x + 2, y - 9}) + line_to({x - 5.5, y + 1.5}) + line_to({x - 0.5, y + 1.5}) + line_to({x - 2.5, y + 9}) +
                   line_to({x + 5.5, y - 2.5}) + line_to({x + 0.5, y - 2.5}) + "Z",
               {{"fill", kVermillion}, {"stroke", "#fff"}, {"stroke-width", 1.2}});
      return;
    case Mark::crash:
      svg.rect({x - 7, y - 2, 14, 4}, {{"fill", kVermillion}});
      draw_cross(svg, at, 5);
      return;
    case Mark::start:
      svg.path(move_to({x - 5.5, y - 4}) + line_to({x + 5.5, y - 4}) + line_to({x, y + 5}) + "Z", {{"fill", kGreen}, {"stroke", "#fff"}});
      return;
  }
}

void draw_evidence(Svg& svg, Point at, int figure) {
  svg.element("circle", {{"cx", at.x}, {"cy", at.y}, {"r", 8}, {"fill", kInk}, {"stroke", "#fff"}, {"stroke-width", 1.4}});
  svg.text({at.x, at.y + 4}, std::to_string(figure),
           {{"text-anchor", "middle"}, {"style", "fill:#fff;font-weight:bold;font-size:11px"}});
}

void draw_arrow(Svg& svg, Point from, Point to, Fate fate, bool reply, std::string_view title) {
  svg.open("g", {{"class", "a"}, {"data-fate", to_string(fate)}});
  svg.title(title);
  const std::string whole = move_to(from) + line_to(to);
  const double length = std::hypot(to.x - from.x, to.y - from.y);
  switch (fate) {
    case Fate::delivered:
      svg.path(whole, {{"fill", "none"}, {"stroke", kBlue}, {"stroke-width", reply ? 1.1 : 1.6}});
      draw_arrow_head(svg, from, to, kBlue, reply);
      break;
    case Fate::late:
      svg.path(whole, {{"fill", "none"}, {"stroke", kOrange}, {"stroke-width", 2.2}, {"stroke-dasharray", "10 4 2 4"}});
      draw_arrow_head(svg, from, to, kOrange, reply);
      draw_clock(svg, along(from, to, length / 2));
      break;
    case Fate::duplicate:
      svg.path(whole, {{"fill", "none"}, {"stroke", kPurple}, {"stroke-width", 4.6}});
      svg.path(whole, {{"fill", "none"}, {"stroke", "#fff"}, {"stroke-width", 1.8}});
      draw_arrow_head(svg, from, to, kPurple, false);
      break;
    case Fate::dropped: {
      const Point end = along(from, to, length * 0.58);
      svg.path(move_to(from) + line_to(end), {{"fill", "none"}, {"stroke", kVermillion}, {"stroke-width", 1.8}, {"stroke-dasharray", "5 4"}});
      draw_cross(svg, end, 5);
      break;
    }
    case Fate::refused: {
      const Point end = along(to, from, 6);
      svg.path(move_to(from) + line_to(end), {{"fill", "none"}, {"stroke", kVermillion}, {"stroke-width", 1.8}, {"stroke-dasharray", "5 4"}});
      svg.line({end.x, end.y - 8}, {end.x, end.y + 8}, {{"stroke", kVermillion}, {"stroke-width", 3}});
      break;
    }
    case Fate::under_way: {
      const Point end = along(from, to, length * 0.45);
      svg.path(move_to(from) + line_to(end), {{"fill", "none"}, {"stroke", kMuted}, {"stroke-width", 1.6}, {"stroke-dasharray", "1.5 4"}, {"stroke-linecap", "round"}});
      break;
    }
  }
  svg.close("g");
}

void draw_lane_head(Svg& svg, Point at, double width, const Lane& lane) {
  const std::string name = elided(lane.host, 12, width - 34, Weight::bold);
  const double room = std::min(width - 10, text_width(name, 12, Weight::bold) + 34);
  const Box box{at.x - 14, at.y - 12, room, 24};
  svg.open("g", {{"class", "lane"}});
  svg.title(lane.host);
  svg.rect(box, {{"rx", 5}, {"fill", "#f1f3f4"}, {"stroke", kMuted}, {"stroke-width", 1.2}});
  draw_icon(svg, {at.x, at.y}, lane.kind);
  svg.text({at.x + 12, at.y + 4.2}, name, {{"style", "font-size:12px;font-weight:bold"}});
  svg.close("g");
}

double draw_legend(Svg& svg, const Scene& scene, double top, double width) {
  using Draw = std::function<void(Point)>;
  std::vector<std::pair<std::string, Draw>> entries;
  std::set<Mark> marks;
  bool evidence = false;
  for (const auto& [id, note] : scene.notes) {
    if (note.evidence == 0) marks.insert(note.mark);
    evidence = evidence || note.evidence != 0;
  }
  std::set<std::pair<Fate, bool>> fates;
  for (const Arrow& arrow : scene.arrows) {
    fates.insert({arrow.flight.fate, arrow.flight.fate == Fate::delivered && arrow.flight.freight == Freight::reply});
  }
  const auto mark = [&](Mark kind, const char* words) {
    if (marks.contains(kind)) entries.emplace_back(words, [&svg, kind](Point at) { draw_mark(svg, {at.x + 15, at.y}, kind); });
  };
  const auto arrow = [&](Fate fate, bool reply, const char* words) {
    if (!fates.contains({fate, reply})) return;
    entries.emplace_back(words, [&svg, fate, reply](Point at) { draw_arrow(svg, at, {at.x + 32, at.y}, fate, reply, {}); });
  };
  if (evidence) entries.emplace_back("evidence, in order", [&svg](Point at) { draw_evidence(svg, {at.x + 15, at.y}, 1); });
  arrow(Fate::delivered, false, "message");
  arrow(Fate::delivered, true, "answer");
  arrow(Fate::late, false, "late");
  arrow(Fate::duplicate, false, "duplicate");
  arrow(Fate::dropped, false, "lost");
  arrow(Fate::refused, false, "refused: nobody listens");
  arrow(Fate::under_way, false, "still under way");
  mark(Mark::operation, "client operation");
  mark(Mark::commit, "commit");
  mark(Mark::unknown, "outcome of COMMIT unknown");
  mark(Mark::failed, "failed");
  mark(Mark::fault, "fault");
  mark(Mark::crash, "crash or stop");
  mark(Mark::start, "start");
  const auto bar = [&](Bar::End end, const char* words) {
    if (std::ranges::none_of(scene.bars, [&](const Bar& one) { return one.end == end; })) return;
    const bool good = end == Bar::End::committed;
    entries.emplace_back(words, [&svg, good](Point at) {
      svg.rect({at.x + 11, at.y - 8, 8, 16}, good ? Attributes{{"fill", "#cfeadf"}, {"stroke", kGreen}, {"stroke-width", 1.2}}
                                                  : Attributes{{"fill", "#fff"}, {"stroke", kVermillion}, {"stroke-width", 1.4}, {"stroke-dasharray", "3 2"}});
    });
  };
  bar(Bar::End::committed, "transaction");
  bar(Bar::End::unknown, "transaction that was not committed");
  bar(Bar::End::rolled_back, "transaction rolled back");
  const auto area = [&](bool present, const char* fill, const char* words) {
    if (!present) return;
    entries.emplace_back(words, [&svg, fill](Point at) {
      svg.rect({at.x + 3, at.y - 7, 24, 14}, {{"fill", fill}, {"stroke", kMuted}, {"stroke-width", 0.6}});
    });
  };
  const auto stretch = [&](Stretch::Kind kind) {
    return std::ranges::any_of(scene.stretches, [&](const Stretch& one) { return one.kind == kind; });
  };
  area(std::ranges::any_of(scene.bars, [](const Bar& one) { return !one.waits.empty(); }), "url(#wait)", "statement that takes long");
  area(stretch(Stretch::Kind::paused), "url(#hatch)", "paused");
  area(stretch(Stretch::Kind::cut) || stretch(Stretch::Kind::cut_one_way), "url(#cut)", "link cut (partition)");
  if (stretch(Stretch::Kind::down)) {
    entries.emplace_back("down", [&svg](Point at) {
      svg.line({at.x + 15, at.y - 9}, {at.x + 15, at.y + 9}, {{"stroke", kVermillion}, {"stroke-width", 1.6}, {"stroke-dasharray", "1.5 5"}});
    });
  }
  double x = 16;
  double y = top + 12;
  for (const auto& [words, draw] : entries) {
    const double room = 40 + text_width(words, kSmallText) + 18;
    if (x + room > width && x > 16) {
      x = 16;
      y += 24;
    }
    draw({x, y});
    svg.text({x + 40, y + 4}, words, {{"style", "font-size:11px"}});
    x += room;
  }
  return entries.empty() ? top : y + 14;
}

}  // namespace orrery::viz
