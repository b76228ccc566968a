#include "viz/scope.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>
#include <utility>

#include "viz/words.hpp"

namespace orrery::viz {
namespace {

/// So far an effect is looked for behind a message, and a cause before one: what lies between are wake-ups and places.
constexpr int kMostSteps = 12;
constexpr int kMostOfWay = 600;
constexpr std::size_t kMostEvidence = 16;
constexpr int kSeldom = 3;
constexpr int kMostInVain = 4;  // from one host to another

bool mentions(const Event& event, std::string_view id) {
  if (event.key.find(id) != std::string::npos || event.text.find(id) != std::string::npos ||
      event.detail.find(id) != std::string::npos || event.subject.find(id) != std::string::npos) {
    return true;
  }
  for (const RowChange& change : event.changes) {
    for (const auto* cells : {&change.before, &change.after}) {
      for (const SqlValue& cell : *cells) {
        if (!cell.is_null() && cell.text().find(id) != std::string::npos) return true;
      }
    }
  }
  return false;
}

/// Kinds that nobody needs to see unless everything is asked for.
bool is_background(const Event& event) {
  switch (event.kind) {
    case EventKind::phase:
    case EventKind::log:
    case EventKind::message_settled:
    case EventKind::publish_confirmed:
      return true;
    case EventKind::host_started:
      return event.number <= 1;
    default:
      return false;
  }
}

ToldRank rank_of(const Event& event) {
  if (is_fault(event.kind) || is_blow(event.kind)) return ToldRank::blow;
  const Mark mark = mark_of(event);
  if (mark == Mark::failed || mark == Mark::unknown) return ToldRank::blow;
  return event.kind == EventKind::operation_invoked || is_request(event.kind) ? ToldRank::request : ToldRank::cause;
}

class Chooser {
 public:
  Chooser(const RunView& run, const HistoryIndex& index, const TimelineOptions& options)
      : run_(run), index_(index), options_(options) {}

  Scope choose() {
    const JudgedProperty* violated = run_.violated();
    if (violated != nullptr) {
      const std::vector<EventId>& evidence = violated->verdict.violations.front().evidence;
      evidence_ = {evidence.begin(), evidence.end()};
    }
    const bool narrowed = options_.around || !options_.trace.empty() || !options_.only.empty();
    ToldEvents events;
    if (violated != nullptr && !narrowed && !options_.unfold) {
      events = told_events(violated->verdict.violations.front(), run_.history);
      fold_evidence(events);
      add_ways(events);
      add_requests(events);
    } else {
      events = all();
    }
    std::erase_if(events, [&](const auto& one) { return !is_asked_for(*one.second.event); });
    // Without a violation there is no centre, and what is far apart takes room.
    const std::size_t most = violated == nullptr && !narrowed ? options_.most / 2 : options_.most;
    if (!options_.unfold && events.size() > most) {
      const std::set<EventId> kept = most_important(events, most);
      scope_.left_out += events.size() - kept.size();
      std::erase_if(events, [&](const auto& one) { return !kept.contains(one.first); });
    }
    if (events.empty()) throw std::invalid_argument("nothing to draw: " + what_was_asked());
    scope_.events = std::move(events);
    scope_.folded = !options_.unfold;
    int number = 0;
    for (const EventId id : evidence_) {
      if (scope_.events.contains(id)) scope_.evidence[id] = ++number;
    }
    choose_flights();
    return std::move(scope_);
  }

 private:
  /// The beginning and the end of what goes on and on say what happens, and what is seldom among it.
  void fold_evidence(ToldEvents& events) {
    std::map<EventKind, int> of_kind;
    for (const auto& [id, told] : events) of_kind[told.event->kind] += told.rank == ToldRank::evidence ? 1 : 0;
    ToldEvents evidence;
    for (const auto& [id, told] : events) {
      if (told.rank == ToldRank::evidence && of_kind[told.event->kind] > kSeldom) evidence.emplace(id, told);
    }
    const std::set<EventId> kept = most_important(evidence, kMostEvidence);
    std::erase_if(events, [&](const auto& one) { return evidence.contains(one.first) && !kept.contains(one.first); });
    scope_.left_out += evidence.size() - kept.size();
    std::erase_if(evidence_, [&](EventId id) { return evidence.contains(id) && !kept.contains(id); });
  }

  /// How answers among the evidence came about: back along the causes to the client's request.
  void add_ways(ToldEvents& events) const {
    for (const EventId id : evidence_) {
      const Event* event = run_.history.find(id);
      if (event == nullptr || (event->kind != EventKind::operation_ended && event->kind != EventKind::request_ended &&
                               event->kind != EventKind::request_answered)) {
        continue;
      }
      std::vector<const Event*> way;
      for (int step = 0; event != nullptr && event->kind != EventKind::operation_invoked && step < kMostOfWay; ++step) {
        event = run_.history.find(event->cause);
        if (event != nullptr && is_fact(event->kind) && !is_background(*event)) way.push_back(event);
      }
      if (event == nullptr || event->kind != EventKind::operation_invoked) continue;
      EventId distance = 0;
      for (const Event* fact : way) events.try_emplace(fact->id, ToldEvent{fact, ToldRank::request, ++distance});
    }
  }

  /// The requests of operations that are told. A full recording has a place between an operation and its request.
  void add_requests(ToldEvents& events) const {
    for (const Event* sent : index_.of(EventKind::request_sent)) {
      const Event* cause = near_cause(*sent);
      if (cause == nullptr || cause->kind != EventKind::operation_invoked || !events.contains(cause->id)) continue;
      for (const EventKind kind : {EventKind::request_sent, EventKind::request_received, EventKind::request_answered,
                                   EventKind::request_ended}) {
        for (const Event* event : index_.with_key(kind, sent->key)) {
          events.try_emplace(event->id, ToldEvent{event, ToldRank::request, event->id - sent->id});
        }
      }
    }
  }

  ToldEvents all() {
    const std::set<std::string_view> keys = related_keys();
    const std::set<EventId> only(options_.only.begin(), options_.only.end());
    ToldEvents events;
    for (const Event& event : run_.history.events()) {
      if (event.kind == EventKind::phase) continue;
      if (!is_fact(event.kind) && event.kind != EventKind::statement_failed) continue;
      if (!options_.unfold && is_background(event) && !evidence_.contains(event.id)) continue;
      if (!options_.trace.empty() || !only.empty()) {
        const bool related = only.contains(event.id) || (!event.key.empty() && keys.contains(event.key)) ||
                             (!options_.trace.empty() && mentions(event, options_.trace)) || is_crash(event);
        if (!related) continue;
      }
      ToldRank rank = evidence_.contains(event.id) ? ToldRank::evidence : rank_of(event);
      if (only.contains(event.id)) rank = ToldRank::evidence;
      events[event.id] = {&event, rank, distance_of(event)};
    }
    if (!options_.trace.empty() || !only.empty()) keep_to_time_of_matter(events);
    return events;
  }

  static bool is_crash(const Event& event) { return is_blow(event.kind) || event.kind == EventKind::fault_injected; }

  /// The requests and messages that an id's events belong to.
  std::set<std::string_view> related_keys() const {
    std::set<std::string_view> keys;
    const auto take = [&](const Event& event) {
      const bool own = is_request(event.kind) || event.kind == EventKind::operation_invoked ||
                       event.kind == EventKind::publish_started || event.kind == EventKind::message_delivered;
      if (own && !event.key.empty()) keys.insert(event.key);
    };
    if (!options_.trace.empty()) {
      for (const Event& event : run_.history.events()) {
        if (is_fact(event.kind) && mentions(event, options_.trace)) take(event);
      }
    }
    for (const EventId id : options_.only) {
      if (const Event* event = run_.history.find(id)) take(*event);
    }
    return keys;
  }

  /// Crashes long before and after, and of hosts that take no part, have nothing to do with the matter.
  static void keep_to_time_of_matter(ToldEvents& events) {
    std::set<std::string_view> hosts;
    EventId first = 0;
    EventId last = 0;
    for (const auto& [id, one] : events) {
      if (is_crash(*one.event)) continue;
      if (first == 0) first = id;
      last = id;
      hosts.insert(lane_of(*one.event));
    }
    std::erase_if(events, [&](const auto& one) {
      const Event& event = *one.second.event;
      return is_crash(event) && (event.id < first || event.id > last || !hosts.contains(lane_of(event)));
    });
  }

  EventId distance_of(const Event& event) const {
    if (!options_.around) return event.id;
    const Duration off = event.at - *options_.around;
    return static_cast<EventId>(off < Duration::zero() ? -off.count() : off.count());
  }

  bool is_asked_for(const Event& event) const {
    if (!options_.hosts.empty() && std::ranges::find(options_.hosts, lane_of(event)) == options_.hosts.end()) return false;
    return is_in_window(event.at);
  }

  bool is_in_window(Instant at) const {
    return !options_.around || (at >= *options_.around - options_.window && at <= *options_.around + options_.window);
  }

  std::string what_was_asked() const {
    std::string text;
    const auto say = [&](const std::string& words) { text += (text.empty() ? "" : ", ") + words; };
    if (!options_.trace.empty()) say(fmt::format("no event mentions \"{}\"", options_.trace));
    if (options_.around) {
      say(fmt::format("within {} of {}", orrery::to_string(options_.window), orrery::to_string(options_.around->time_since_epoch())));
    }
    if (!options_.hosts.empty()) say(fmt::format("on {}", fmt::join(options_.hosts, ", ")));
    return text.empty() ? "the history has no events" : text;
  }

  /// The nearest event before this one on the same host that is a fact or a message's arrival.
  const Event* near_cause(const Event& event) const {
    const Event* at = &event;
    const std::string_view host = lane_of(event);
    for (int step = 0; step < kMostSteps; ++step) {
      at = at->cause == 0 ? nullptr : index_.history().find(at->cause);
      if (at == nullptr || lane_of(*at) != host) return nullptr;
      if (at->kind == EventKind::message_arrived || (is_fact(at->kind) && at->kind != EventKind::log)) return at;
    }
    return nullptr;
  }

  void choose_flights() {
    std::set<EventId> arrivals;
    for (const auto& [id, one] : scope_.events) {
      if (const Event* cause = near_cause(*one.event); cause != nullptr && cause->kind == EventKind::message_arrived) {
        arrivals.insert(cause->id);
      }
    }
    std::set<std::string_view> busy;
    for (const auto& [id, one] : scope_.events) busy.insert(lane_of(*one.event));
    std::map<std::pair<std::string_view, std::string_view>, int> in_vain;  // connections and statements
    for (Flight& flight : flights_of(index_)) {
      if (!options_.hosts.empty() && (!is_shown_host(flight.from) || !is_shown_host(flight.to))) continue;
      if (options_.unfold ? !is_in_window(flight.sent->at) : !matters(flight, arrivals)) continue;
      if (options_.unfold && (!options_.trace.empty() || !options_.only.empty()) && !matters(flight, arrivals)) continue;
      // A host that does nothing but to receive what nobody follows needs no lane.
      const bool routine = flight.fate == Fate::delivered || flight.fate == Fate::under_way;
      if (!options_.unfold && routine && (!busy.contains(flight.from) || !busy.contains(flight.to))) continue;
      const bool tried = flight.freight == Freight::statement && (flight.fate == Fate::refused || flight.fate == Fate::dropped);
      const bool told = scope_.events.contains(flight.sent->id) || (flight.ended != nullptr && scope_.events.contains(flight.ended->id));
      if (scope_.folded && tried && !told && ++in_vain[{flight.from, flight.to}] > kMostInVain) continue;
      scope_.flights.push_back(flight);
    }
  }

  bool is_shown_host(std::string_view host) const { return std::ranges::find(options_.hosts, host) != options_.hosts.end(); }

  bool matters(const Flight& flight, const std::set<EventId>& arrivals) const {
    if (scope_.events.contains(flight.sent->id) || (flight.ended != nullptr && scope_.events.contains(flight.ended->id))) return true;
    if (flight.ended != nullptr && arrivals.contains(flight.ended->id)) return flight.freight != Freight::poll;
    const Event* cause = near_cause(*flight.sent);
    if (cause == nullptr || !scope_.events.contains(cause->id)) return false;
    const bool routine = flight.freight == Freight::statement || flight.freight == Freight::poll;
    return !routine || (flight.freight == Freight::statement && flight.fate != Fate::delivered && flight.fate != Fate::under_way);
  }

  const RunView& run_;
  const HistoryIndex& index_;
  const TimelineOptions& options_;
  std::set<EventId> evidence_;
  Scope scope_;
};

}  // namespace

Scope choose_scope(const RunView& run, const HistoryIndex& index, const TimelineOptions& options) {
  return Chooser(run, index, options).choose();
}

}  // namespace orrery::viz
