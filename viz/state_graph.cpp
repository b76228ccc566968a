#include "viz/state_graph.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "properties/describe.hpp"
#include "viz/caption.hpp"
#include "viz/graph_layout.hpp"
#include "viz/journey_cards.hpp"
#include "viz/style.hpp"
#include "viz/text.hpp"
#include "viz/timeline_marks.hpp"

namespace orrery::viz {
namespace {

constexpr double kLeastWidth = 860;

/// What forms and lines mean.
double draw_key(Svg& svg, double top, double width, bool coverage) {
  const char* words = coverage ? "A blue way was taken as often as it says, the thicker the more often; a dashed grey one never. "
                                 "Grey states were never visited."
                               : "Blue ways were taken, in the order of their numbers; dashed grey ones were not, and grey states were "
                                 "never visited. A dashed vermillion way was taken although nobody declared it. Rounded: an end. Diamond: "
                                 "the pivot. Dashed frame: a compensation. Lightning: a fault that struck there; cross: what failed or "
                                 "was lost.";
  double y = top + 6;
  for (const std::string& line : wrapped(words, kSmallText, width - 32, 4)) {
    y += 15;
    svg.text({16, y}, line, {{"font-size", kSmallText}, {"fill", kMuted}});
  }
  return y;
}

std::string what_of(const ChosenJourney& chosen) {
  if (chosen.journey->id.empty()) return fmt::format("{} (no one)", chosen.of->graph.name);
  return fmt::format("{} {}", chosen.of->graph.name, short_id(chosen.journey->id));
}

}  // namespace

std::string graph_svg(const RunView& run, const GraphOptions& options) {
  const HistoryIndex index(run.history);
  const ChosenJourney chosen = choose_journey(run, index, options);
  const StatePicture picture = picture_of(index, chosen);
  Svg measure;
  const double width = std::max(draw_states(measure, picture, 0).width, kLeastWidth);
  Svg svg;
  double y = options.bare ? 12 : draw_head(svg, run, what_of(chosen), width);
  y += 4;
  const bool nobody = chosen.journey->id.empty();
  const std::string state = nobody ? "nothing went through it" : chosen.journey->id + " is now: " + chosen.journey->state;
  svg.text({16, y}, state, {{"font-size", 12.0}, {"fill", kInk}});
  y = draw_states(svg, picture, y + 14).height + 4;
  y = draw_key(svg, y, width, false);
  y = options.bare ? y + 14 : draw_story(svg, run, y + 4, width, 0);
  return svg.document(width, y, spoken(run, what_of(chosen)), timeline_css(), {});
}

std::string graph_dot(const RunView& run, const GraphOptions& options) {
  const HistoryIndex index(run.history);
  const ChosenJourney chosen = choose_journey(run, index, options);
  const StatePicture picture = picture_of(index, chosen);
  DotGraph dot;
  dot.name = chosen.of->graph.name;
  dot.attributes = {{"rankdir", "TB"}, {"label", fmt::format("{}: {}", run.name, what_of(chosen))}};
  for (const StateCard& card : picture.cards) {
    std::string label = card.id;
    for (const StateCard::Line& line : card.lines) label += "\n" + line.text;
    dot.nodes.push_back({card.id,
                         {{"shape", "box"},
                          {"style", card.visited ? "rounded" : "dashed"},
                          {"color", std::string(!card.visited ? kFaint : card.failed ? kVermillion : kBlue)},
                          {"fontcolor", std::string(card.visited ? kInk : kMuted)},
                          {"label", label}}});
  }
  for (const StateWay& way : picture.ways) {
    const bool taken = way.taken > 0;
    dot.edges.push_back({picture.cards[way.from].id,
                         picture.cards[way.to].id,
                         {{"label", way.label},
                          {"style", taken ? "bold" : "dashed"},
                          {"color", std::string(!way.declared ? kVermillion : taken ? kBlue : kFaint)}}});
  }
  return dot_text(dot);
}

std::vector<EventId> events_of_journey(const RunView& run, const std::string& id) {
  const HistoryIndex index(run.history);
  GraphOptions options;
  options.id = id;
  std::vector<EventId> events;
  for (const Visit& visit : choose_journey(run, index, options).journey->visits) {
    events.push_back(visit.begun->id);
    if (visit.ended != nullptr && visit.ended != visit.begun) events.push_back(visit.ended->id);
  }
  return events;
}

void GraphCoverage::add(const HistoryIndex& index) {
  for (const Journeys& journeys : journeys_of(index)) {
    Counts& counts = graphs[journeys.graph.name];
    counts.graph = journeys.graph;
    counts.journeys += static_cast<std::int64_t>(journeys.all.size());
    for (const Journey& journey : journeys.all) {
      for (const auto& step : journey.steps) ++counts.steps[step];
    }
  }
}

std::string coverage_svg(const GraphCoverage& coverage, const std::string& name) {
  if (coverage.graphs.empty()) throw std::invalid_argument("nothing in these runs went through a declared graph of states");
  Svg svg;
  double width = kLeastWidth;
  double y = 26;
  svg.text({16, y}, elided("Ways taken: " + name, 13, width - 32, Weight::bold), {{"font-size", 13.0}, {"font-weight", "bold"}});
  for (const auto& [graph, counts] : coverage.graphs) {
    StatePicture picture;
    std::map<std::string, std::size_t> places;
    const auto card_of = [&](const std::string& id) {
      const auto [found, fresh] = places.try_emplace(id, picture.cards.size());
      if (fresh) {
        const StateGraph::Node* node = counts.graph.find(id);
        StateCard card;
        card.id = id;
        card.kind = node == nullptr ? "undeclared" : node->kind;
        card.words = node == nullptr ? "" : node->words;
        picture.cards.push_back(std::move(card));
      }
      return found->second;
    };
    for (const StateGraph::Node& node : counts.graph.nodes) card_of(node.id);
    std::int64_t most = 1;
    for (const auto& [step, times] : counts.steps) most = std::max(most, times);
    const auto add = [&](const std::string& from, const std::string& to, const std::string& on, std::int64_t times, bool declared) {
      StateWay way;
      way.from = card_of(from);
      way.to = card_of(to);
      way.declared = declared;
      way.taken = times > 0 ? 1 : 0;
      way.label = fmt::format("{}{}{}", on, on.empty() ? "" : ": ", times == 0 ? "never" : fmt::format("{}", times));
      if (times > 0) way.stroke = 1.2 + 4.8 * std::log(1.0 + static_cast<double>(times)) / std::log(1.0 + static_cast<double>(most));
      if (times > 0) picture.cards[way.from].visited = picture.cards[way.to].visited = true;
      picture.ways.push_back(std::move(way));
    };
    auto steps = counts.steps;
    for (const StateGraph::Edge& edge : counts.graph.edges) {
      const auto taken = steps.extract(edge);
      add(edge.from, edge.to, edge.on, taken.empty() ? 0 : taken.mapped(), true);
    }
    for (const auto& [way, times] : steps) add(way.from, way.to, "not declared", times, false);
    y += 26;
    svg.text({16, y}, fmt::format("{}: {} went through it", graph, counts.journeys), {{"font-size", 12.0}, {"fill", kMuted}});
    const Box room = draw_states(svg, picture, y + 14);
    width = std::max(width, room.width);
    y = room.height + 8;
  }
  y = draw_key(svg, y, width, true) + 14;
  return svg.document(width, y, "Ways taken: " + name, timeline_css(), {});
}

}  // namespace orrery::viz
