// How a graph of states looks: cards that graphviz has placed, and ways between them.
#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "viz/journey_cards.hpp"
#include "viz/style.hpp"
#include "viz/text.hpp"
#include "viz/timeline_marks.hpp"

namespace orrery::viz {
namespace {

constexpr double kMargin = 16;
constexpr double kPad = 10;
constexpr double kTitleSize = 12.5;
constexpr double kIconRoom = 18;
constexpr double kMarkRoom = 16;
constexpr double kMostText = 330;
constexpr double kLabelPad = 6;

struct Card {
  std::vector<StateCard::Line> lines;  // as they fit
  double width = 0;
  double height = 0;
};

Card measured(const StateCard& state) {
  Card card;
  double width = text_width(state.id, kTitleSize, Weight::bold) + kIconRoom;
  if (!state.words.empty()) width = std::max(width, text_width(state.words, kSmallText));
  for (const StateCard::Line& line : state.lines) {
    const double room = kMostText - (line.mark == Mark::none ? 0 : kMarkRoom);
    bool first = true;
    for (std::string& part : wrapped(line.text, kTextSize, room, 2)) {
      const double indent = line.mark == Mark::none ? 0 : kMarkRoom;
      width = std::max(width, text_width(part, kTextSize) + indent);
      card.lines.push_back({first ? line.mark : Mark::none, (first || line.mark == Mark::none ? "" : "    ") + std::move(part)});
      first = false;
    }
  }
  card.width = std::ceil(std::min(width, kMostText + 8) + 2 * kPad);
  card.height = 26 + (state.words.empty() ? 0 : 14) + kLineHeight * static_cast<double>(card.lines.size()) + (card.lines.empty() ? 0 : 6);
  return card;
}

std::string_view colour_of(const StateCard& state) {
  if (!state.visited) return kFaint;
  if (state.kind == "undeclared" || state.kind == "failed end" || state.failed) return kVermillion;
  if (state.kind == "end") return kGreen;
  return state.kind == "compensation" ? kPurple : kBlue;
}

/// What kind of state it is, as a form.
void draw_kind(Svg& svg, Point at, const StateCard& state, std::string_view colour) {
  const double x = at.x;
  const double y = at.y;
  const Attributes stroke = {{"fill", "none"}, {"stroke", colour}, {"stroke-width", 1.8}, {"stroke-linecap", "round"}};
  const auto path = [&](const std::string& data) { svg.path(data, stroke); };
  const std::string from = "M" + number(x - 5) + " " + number(y);
  if (state.kind == "start") {
    svg.element("circle", {{"cx", x}, {"cy", y}, {"r", 4.5}, {"fill", colour}});
  } else if (state.kind == "end") {
    path(from + "l4 4l7 -8");
  } else if (state.kind == "failed end") {
    path("M" + number(x - 4) + " " + number(y - 4) + "l8 8m0 -8l-8 8");
  } else if (state.kind == "compensation") {
    path("M" + number(x + 5) + " " + number(y + 3) + "a5 5 0 1 0 -4 3m-4 -3l3.5 3.5l-3.5 2.5");
  } else if (state.kind == "pivot") {
    path("M" + number(x) + " " + number(y - 6) + "l6 6l-6 6l-6 -6Z");
  } else {
    svg.rect({x - 4.5, y - 4.5, 9, 9}, {{"rx", 2}, {"fill", "none"}, {"stroke", colour}, {"stroke-width", 1.8}});
  }
}

void draw_card(Svg& svg, Point centre, const StateCard& state, const Card& card) {
  const std::string_view colour = colour_of(state);
  const Box box{centre.x - card.width / 2, centre.y - card.height / 2, card.width, card.height};
  svg.open("g", {{"class", "state"}, {"data-state", state.id}, {"data-visited", state.visited ? "yes" : "no"}});
  svg.title(state.title.empty() ? state.id : state.id + "\n" + state.title);
  Attributes frame = {{"rx", state.kind == "end" || state.kind == "failed end" ? 13 : 5},
                      {"fill", state.visited ? "#fff" : "#fafafa"},
                      {"stroke", colour},
                      {"stroke-width", state.visited ? 2.2 : 1.2}};
  if (!state.visited) {
    frame.emplace_back("stroke-dasharray", "3 3");
  } else if (state.kind == "compensation") {
    frame.emplace_back("stroke-dasharray", "7 3");
  }
  svg.rect(box, frame);
  if (state.visited && (state.kind == "end" || state.kind == "failed end")) {
    svg.rect({box.x + 3, box.y + 3, box.width - 6, box.height - 6}, {{"rx", 10}, {"fill", "none"}, {"stroke", colour}, {"stroke-width", 1}});
  }
  const double left = box.x + kPad;
  double y = box.y + 18;
  draw_kind(svg, {left + 5, y - 4.5}, state, colour);
  svg.text({left + kIconRoom, y}, state.id,
           {{"font-size", kTitleSize}, {"font-weight", "bold"}, {"fill", state.visited ? kInk : kMuted}});
  if (!state.words.empty()) {
    y += 14;
    svg.text({left, y}, state.words, {{"font-size", kSmallText}, {"fill", kMuted}, {"font-style", "italic"}});
  }
  for (const StateCard::Line& line : card.lines) {
    y += kLineHeight;
    if (line.mark != Mark::none) {
      svg.open("g", {{"transform", "translate(" + number(left + 6) + " " + number(y - 4) + ") scale(0.72)"}});
      draw_mark(svg, {0, 0}, line.mark);
      svg.close("g");
    }
    svg.text({left + (line.mark == Mark::none ? 0 : kMarkRoom), y}, line.text, {{"fill", line.mark == Mark::fault ? kVermillion : kInk}, {"xml:space", "preserve"}});
  }
  svg.close("g");
}

void draw_way(Svg& svg, const GraphLayout::Route& route, const StateWay& way, Point offset) {
  const auto at = [&](Point point) { return number(point.x + offset.x) + " " + number(point.y + offset.y); };
  const std::string_view colour = !way.declared ? kVermillion : way.taken > 0 ? kBlue : kFaint;
  std::string data = "M" + at(route.curve.front());
  for (std::size_t i = 1; i + 2 < route.curve.size(); i += 3) {
    data += "C" + at(route.curve[i]) + " " + at(route.curve[i + 1]) + " " + at(route.curve[i + 2]);
  }
  svg.open("g", {{"class", "way"}, {"data-taken", way.taken}, {"data-declared", way.declared ? "yes" : "no"}});
  svg.title(way.label);
  const double stroke = way.stroke > 0 ? way.stroke : way.taken > 0 ? 2.4 : 1.1;
  Attributes line = {{"fill", "none"}, {"stroke", colour}, {"stroke-width", stroke}};
  if (!way.declared) {
    line.emplace_back("stroke-dasharray", "8 3");
  } else if (way.taken == 0) {
    line.emplace_back("stroke-dasharray", "3 3");
  }
  svg.path(data, line);
  const Point end = route.curve.back();
  const double length = std::hypot(route.tip.x - end.x, route.tip.y - end.y);
  if (length > 0) {
    const Point across{(route.tip.y - end.y) / length * 4.2, -(route.tip.x - end.x) / length * 4.2};
    svg.path("M" + at({end.x + across.x, end.y + across.y}) + "L" + at(route.tip) + "L" + at({end.x - across.x, end.y - across.y}) + "Z",
             {{"fill", colour}});
  }
  if (!way.label.empty()) {
    svg.text({route.label.x + offset.x, route.label.y + offset.y + 4}, way.label,
             {{"class", "l"}, {"text-anchor", "middle"}, {"font-size", kSmallText}, {"font-weight", way.taken > 0 ? "bold" : "normal"},
              {"fill", !way.declared ? kVermillion : way.taken > 0 ? kInk : kMuted}});
  }
  svg.close("g");
}

}  // namespace

Box draw_states(Svg& svg, const StatePicture& picture, double top) {
  GraphShape shape;
  std::vector<Card> cards;
  std::map<std::string, std::size_t> places;
  for (const StateCard& state : picture.cards) {
    places[state.id] = cards.size();
    cards.push_back(measured(state));
    shape.nodes.push_back({cards.back().width, cards.back().height});
  }
  for (const StateWay& way : picture.ways) {
    const double width = way.label.empty() ? 0 : text_width(way.label, kSmallText, Weight::bold) + 2 * kLabelPad;
    const auto undoes = [&](std::size_t place) { return picture.cards[place].kind == "compensation"; };
    using Leads = GraphShape::Edge::Leads;
    const bool ends = picture.cards[way.to].kind.ends_with("end");
    const Leads leads = !way.declared && !ends ? Leads::any : undoes(way.from) && undoes(way.to) ? Leads::up : Leads::down;
    shape.edges.push_back({way.from, way.to, width, width > 0 ? kSmallText + 5 : 0, leads});
  }
  for (const auto& [id, place] : places) {
    // A compensation stands beside the step that it undoes.
    const auto step = id.starts_with("undo ") ? places.find(id.substr(5)) : places.end();
    if (step != places.end()) shape.same_rank.push_back({step->second, place});
  }
  const GraphLayout layout = lay_out(shape);
  const Point offset{kMargin, top};
  for (const bool taken : {false, true}) {
    for (std::size_t i = 0; i < picture.ways.size(); ++i) {
      if ((picture.ways[i].taken > 0) == taken) draw_way(svg, layout.routes[i], picture.ways[i], offset);
    }
  }
  for (std::size_t i = 0; i < cards.size(); ++i) {
    draw_card(svg, {layout.nodes[i].x + offset.x, layout.nodes[i].y + offset.y}, picture.cards[i], cards[i]);
  }
  return {0, top, layout.width + 2 * kMargin, top + layout.height};
}

}  // namespace orrery::viz
