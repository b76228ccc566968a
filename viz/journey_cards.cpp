#include "viz/journey_cards.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>
#include <utility>

#include "properties/describe.hpp"
#include "properties/outages.hpp"
#include "properties/told.hpp"
#include "viz/flights.hpp"

namespace orrery::viz {
namespace {

constexpr std::size_t kMostVisits = 4;  // of a state; the others are counted
constexpr std::size_t kMostHits = 4;    // faults and lost messages of a state

bool is_evidence_of(const Journey& journey, const std::set<EventId>& evidence, const History& history) {
  for (const Visit& visit : journey.visits) {
    if (visit.begun != nullptr && evidence.contains(visit.begun->id)) return true;
    if (visit.ended != nullptr && evidence.contains(visit.ended->id)) return true;
  }
  for (const EventId id : evidence) {
    const Event* event = history.find(id);
    if (event != nullptr && event->key == journey.id) return true;
  }
  return false;
}

/// Writes what happened on the cards.
class Writer {
 public:
  Writer(const HistoryIndex& index, const ChosenJourney& chosen)
      : index_(index), graph_(chosen.of->graph), journey_(*chosen.journey) {}

  StatePicture write() {
    for (const StateGraph::Node& node : graph_.nodes) card_of(node.id);
    for (std::size_t i = 0; i < picture_.cards.size(); ++i) picture_.cards[i].visited = graph_.nodes[i].kind == "start" && !journey_.steps.empty();
    std::map<std::string, std::vector<const Visit*>> visits;
    for (const Visit& visit : journey_.visits) visits[visit.state].push_back(&visit);
    for (const auto& [state, list] : visits) write_visits(card_of(state), list);
    write_hits();
    write_ways();
    return std::move(picture_);
  }

 private:
  /// A state that nobody declared has a card, too.
  StateCard& card_of(const std::string& id) {
    const auto [found, fresh] = places_.try_emplace(id, picture_.cards.size());
    if (!fresh) return picture_.cards[found->second];
    StateCard card;
    card.id = id;
    const StateGraph::Node* node = graph_.find(id);
    card.kind = node == nullptr ? "undeclared" : node->kind;
    card.words = node == nullptr ? "" : node->words;
    if (card.kind == "compensation" && id.starts_with("undo ")) card.words = "compensates " + id.substr(5);
    return picture_.cards.emplace_back(std::move(card));
  }

  static void write_visits(StateCard& card, const std::vector<const Visit*>& visits) {
    card.visited = true;
    card.failed = !visits.back()->good;
    for (std::size_t i = 0; i < visits.size(); ++i) {
      const Visit& visit = *visits[i];
      std::string text = clock_text(visit.begun->at);
      if (visits.size() > 1) text = fmt::format("{}. {}", visit.attempt, text);
      if (!visit.host.empty()) text += "  " + visit.host;
      if (!visit.outcome.empty()) text += ": " + visit.outcome;
      if (visit.ended != nullptr && visit.ended != visit.begun) text += " after " + span_text(visit.ended->at - visit.begun->at);
      const Mark mark = visit.good ? Mark::none : Mark::failed;
      card.title += (card.title.empty() ? "" : "\n") + text + (visit.error.empty() ? "" : " (" + visit.error + ")");
      // The first ones and the last say most.
      const bool shown = visits.size() <= kMostVisits || i + 1 < kMostVisits || i + 1 == visits.size();
      if (visits.size() > kMostVisits && i + 1 == visits.size()) {
        card.lines.push_back({Mark::none, fmt::format("… {} more", visits.size() - kMostVisits)});
      }
      if (shown) card.lines.push_back({mark, text});
      if (shown && !visit.error.empty()) card.lines.push_back({Mark::none, shortened(visit.error, 60)});
    }
  }

  /// What struck between the beginning of a visit and the next one's.
  void write_hits() {
    const std::vector<Flight> flights = flights_of(index_);
    std::set<EventId> said;
    std::map<std::string, std::vector<std::pair<StateCard::Line, int>>> struck;  // by state; how often
    for (std::size_t i = 0; i < journey_.visits.size(); ++i) {
      const Visit& visit = journey_.visits[i];
      const EventId until = i + 1 < journey_.visits.size() ? journey_.visits[i + 1].begun->id
                            : visit.ended != nullptr       ? visit.ended->id
                                                           : visit.begun->id;
      const EventSpan span{visit.begun->id, std::max(until, visit.begun->id)};
      std::vector<StateCard::Line> hits;
      for (const Outages::Fault& fault : outages_of(index_).faults) {
        if (!fault.span.overlaps(span) || !strikes_host(fault.target, visit.host) || !said.insert(fault.injected->id).second) continue;
        hits.push_back({Mark::fault, shortened(label_of(*fault.injected), 48) + " at " + clock_text(fault.injected->at)});
      }
      for (const Flight& flight : flights) {
        if (flight.sent->id < span.from || flight.sent->id > span.to || !is_hit(flight, visit.host)) continue;
        if (!said.insert(flight.sent->id).second) continue;
        hits.push_back({Mark::failed, fmt::format("{}: {} to {}", to_string(flight.fate), shortened(flight.text, 28), flight.to)});
      }
      std::vector<std::pair<StateCard::Line, int>>& all = struck[visit.state];
      for (StateCard::Line& hit : hits) {
        const auto same = std::ranges::find(all, hit.text, [](const auto& one) { return one.first.text; });
        if (same != all.end()) {
          ++same->second;
        } else {
          all.emplace_back(std::move(hit), 1);
        }
      }
    }
    for (const auto& [state, hits] : struck) {
      StateCard& card = card_of(state);
      for (std::size_t i = 0; i < hits.size(); ++i) {
        const auto& [line, times] = hits[i];
        const std::string text = times == 1 ? line.text : fmt::format("{} ({} times)", line.text, times);
        card.title += "\n" + text;
        if (i < kMostHits) card.lines.push_back({line.mark, text});
      }
      if (hits.size() > kMostHits) card.lines.push_back({Mark::none, fmt::format("… struck {} times more", hits.size() - kMostHits)});
    }
  }

  static bool is_hit(const Flight& flight, std::string_view host) {
    if (flight.fate == Fate::delivered || flight.fate == Fate::under_way || flight.freight == Freight::poll) return false;
    return flight.from == host || flight.to == host;
  }

  void write_ways() {
    std::map<StateGraph::Edge, std::vector<std::size_t>> taken;  // in which steps, from 1
    for (std::size_t i = 0; i < journey_.steps.size(); ++i) taken[journey_.steps[i]].push_back(i + 1);
    for (const StateGraph::Edge& edge : graph_.edges) {
      const auto steps = taken.extract(edge);
      add_way(edge.from, edge.to, edge.on, steps.empty() ? std::vector<std::size_t>{} : steps.mapped(), true);
    }
    for (const auto& [way, steps] : taken) add_way(way.from, way.to, "not declared", steps, false);
  }

  void add_way(const std::string& from, const std::string& to, const std::string& on, const std::vector<std::size_t>& steps,
               bool declared) {
    card_of(from);
    card_of(to);
    StateWay way;
    way.from = places_.at(from);
    way.to = places_.at(to);
    way.taken = static_cast<int>(steps.size());
    way.declared = declared;
    if (steps.size() > 3) {
      way.label = fmt::format("{}, {}, … {}", steps[0], steps[1], steps.back());
    } else if (!steps.empty()) {
      way.label = fmt::format("{}", fmt::join(steps, ", "));
    }
    if (!on.empty()) way.label += (way.label.empty() ? "" : ": ") + on;
    picture_.ways.push_back(std::move(way));
  }

  const HistoryIndex& index_;
  const StateGraph& graph_;
  const Journey& journey_;
  StatePicture picture_;
  std::map<std::string, std::size_t> places_;
};

}  // namespace

ChosenJourney choose_journey(const RunView& run, const HistoryIndex& index, const GraphOptions& options) {
  const std::vector<Journeys>& all = journeys_of(index);
  if (all.empty()) throw std::invalid_argument("nothing in this run went through a declared graph of states: there is no saga to draw");
  std::set<EventId> evidence;
  std::set<EventId> causes;
  if (const JudgedProperty* violated = run.violated()) {
    const Violation& violation = violated->verdict.violations.front();
    evidence = {violation.evidence.begin(), violation.evidence.end()};
    for (const auto& [id, told] : told_events(violation, run.history)) causes.insert(id);
  }
  ChosenJourney best;
  std::pair<int, std::size_t> most{-1, 0};
  for (const Journeys& journeys : all) {
    for (const Journey& journey : journeys.all) {
      if (!options.id.empty()) {
        if (journey.id.starts_with(options.id)) return {&journeys, &journey};
        continue;
      }
      const int near = is_evidence_of(journey, evidence, run.history) ? 2 : is_evidence_of(journey, causes, run.history) ? 1 : 0;
      // Of the evidence's the last one: that is what the violation came to.
      const std::pair<int, std::size_t> rank{near, near == 2 ? 0 : journey.visits.size()};
      if (rank > most || (near == 2 && rank == most)) {
        most = rank;
        best = {&journeys, &journey};
      }
    }
  }
  if (best.journey != nullptr) return best;
  // That nothing went through a declared graph is a picture, too.
  static const Journey kNone;
  if (options.id.empty()) return {&all.front(), &kNone};
  throw std::invalid_argument(fmt::format("no saga of this run has an id that begins with \"{}\"", options.id));
}

StatePicture picture_of(const HistoryIndex& index, const ChosenJourney& chosen) {
  return Writer(index, chosen).write();
}

}  // namespace orrery::viz
