#include "viz/scene.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>
#include <tuple>
#include <utility>

#include "properties/describe.hpp"
#include "properties/outages.hpp"

namespace orrery::viz {
namespace {

constexpr Duration kLongStatement = std::chrono::milliseconds(5);

/// "user" of "user-1": replicas stand side by side.
std::string_view stem_of(std::string_view host) {
  const std::size_t dash = host.rfind('-');
  const bool numbered = dash != std::string_view::npos && dash + 1 < host.size() &&
                        host.find_first_not_of("0123456789", dash + 1) == std::string_view::npos;
  return numbered ? host.substr(0, dash) : host;
}

class Builder {
 public:
  Builder(const RunView& run, const HistoryIndex& index, const Scope& scope) : run_(run), index_(index), scope_(scope) {}

  Scene build() {
    make_lanes();
    for (const auto& [id, told] : scope_.events) add_event(*told.event);
    for (const Flight& flight : scope_.flights) add_flight(flight);
    add_bars();
    add_outages();
    add_cuts();
    drop_needless_labels();
    count_hidden();
    return std::move(scene_);
  }

 private:
  // ---- lanes ----
  void make_lanes() {
    std::map<std::string_view, EventId> first;
    const auto see = [&](std::string_view host, EventId id) {
      if (host.empty() || host == "*") return;
      const auto [found, fresh] = first.try_emplace(host, id);
      if (!fresh) found->second = std::min(found->second, id);
    };
    // What strikes comes from outside: lanes stand in the order in which the hosts do something.
    constexpr EventId kStruck = EventId{1} << 62U;
    for (const auto& [id, told] : scope_.events) {
      const bool struck = is_fault(told.event->kind) || is_blow(told.event->kind);
      see(lane_of(*told.event), struck ? id + kStruck : id);
    }
    for (const Flight& flight : scope_.flights) {
      see(flight.from, flight.sent->id);
      see(flight.to, flight.ended != nullptr ? flight.ended->id : flight.sent->id);
    }
    std::map<std::string_view, EventId> stems;
    for (const auto& [host, id] : first) {
      const auto [found, fresh] = stems.try_emplace(stem_of(host), id);
      if (!fresh) found->second = std::min(found->second, id);
    }
    for (const auto& [host, id] : first) scene_.lanes.push_back({host, kind_of(host)});
    std::ranges::sort(scene_.lanes, [&](const Lane& a, const Lane& b) {
      const auto place = [&](const Lane& lane) {
        return std::tuple(lane.kind != LaneKind::client, stems.at(stem_of(lane.host)), lane.host);
      };
      return place(a) < place(b);
    });
    for (std::size_t i = 0; i < scene_.lanes.size(); ++i) lane_by_host_[scene_.lanes[i].host] = i;
  }

  LaneKind kind_of(std::string_view host) const {
    if (!index_.of(EventKind::transaction_committed, host).empty() || !index_.of(EventKind::transaction_begun, host).empty()) {
      return LaneKind::database;
    }
    const auto& stored = index_.of(EventKind::message_stored);
    if (host == "broker" || (!stored.empty() && stored.front()->host == host)) return LaneKind::broker;
    if (stem_of(host) == "client") return LaneKind::client;
    return LaneKind::service;
  }

  /// The number of lanes: none.
  [[nodiscard]] std::size_t lane(std::string_view host) const {
    const auto found = lane_by_host_.find(host);
    return found == lane_by_host_.end() ? scene_.lanes.size() : found->second;
  }
  [[nodiscard]] bool has(std::size_t lane) const { return lane < scene_.lanes.size(); }

  // ---- events and messages ----
  void add_event(const Event& event) {
    const std::size_t on = lane(lane_of(event));
    if (!has(on)) return;
    Note note{on, &event, mark_of(event), label_of(event), 0};
    if (const auto found = scope_.evidence.find(event.id); found != scope_.evidence.end()) note.evidence = found->second;
    scene_.notes[event.id] = std::move(note);
  }

  /// A place on a lane where nothing is written, unless something is already.
  void add_place(const Event& event, std::size_t on) {
    if (has(on)) scene_.notes.try_emplace(event.id, Note{on, &event, Mark::none, {}, 0});
  }

  void add_place_beside(const Event& event, std::size_t otherwise) {
    const std::size_t own = lane(lane_of(event));
    add_place(event, has(own) ? own : otherwise);
  }

  void add_flight(const Flight& flight) {
    const Arrow arrow{lane(flight.from), lane(flight.to), flight};
    if (!has(arrow.from) || !has(arrow.to) || arrow.from == arrow.to) return;
    add_place(*flight.sent, arrow.from);
    const bool recorded = flight.sent->kind == EventKind::message_sent;
    if (flight.ended != nullptr) {
      const bool lost = flight.fate == Fate::dropped || flight.fate == Fate::refused;
      add_place(*flight.ended, lost ? arrow.from : arrow.to);
      if (lost && recorded) scene_.notes[flight.ended->id].label = label_of(*flight.ended);
      if (flight.fate == Fate::duplicate && recorded && scene_.notes[flight.ended->id].label.empty()) {
        scene_.notes[flight.ended->id].label = "again: " + shortened(flight.text, 60);
      }
      if (flight.fate == Fate::late && recorded && scene_.notes[flight.ended->id].label.empty()) {
        scene_.notes[flight.ended->id].label = "arrives after " + span_text(flight.ended->at - flight.sent->at);
      }
    }
    if (!scope_.folded && recorded && scene_.notes[flight.sent->id].label.empty()) {
      scene_.notes[flight.sent->id].label = label_of(*flight.sent);
    }
    if (scope_.folded && recorded && scene_.notes[flight.sent->id].label.empty() && is_statement(flight)) {
      scene_.notes[flight.sent->id].label = label_of(*flight.sent);
    }
    scene_.arrows.push_back(arrow);
  }

  [[nodiscard]] static bool is_statement(const Flight& flight) {
    const bool of_database = flight.freight == Freight::commit || flight.freight == Freight::statement;
    return of_database && !flight.text.starts_with("reply");
  }

  // ---- transactions ----
  void add_bars() {
    std::set<EventId> done;
    const std::vector<EventId> shown = ids();
    for (const EventId id : shown) {
      const Event& event = *scene_.notes.at(id).event;
      if (event.kind == EventKind::transaction_committed) add_bar(event, Bar::End::committed, done);
      if (event.kind == EventKind::commit_unknown || event.kind == EventKind::commit_failed) add_unfinished(event, done);
    }
    if (scope_.folded || shown.empty()) return;
    for (const Event* ended : index_.of(EventKind::transaction_ended)) {
      if (ended->id < shown.front() || ended->id > shown.back()) continue;
      add_bar(*ended, Bar::End::rolled_back, done);
    }
  }

  [[nodiscard]] std::vector<EventId> ids() const {
    std::vector<EventId> all;
    for (const auto& [id, note] : scene_.notes) all.push_back(id);
    return all;
  }

  /// The last event of a kind and key before another one; null: there is none.
  [[nodiscard]] const Event* last_before(EventKind kind, const Event& event) const {
    const auto& events = index_.with_key(kind, event.key);
    const auto found = std::ranges::lower_bound(events, event.id, {}, [](const Event* one) { return one->id; });
    return found == events.begin() ? nullptr : *std::prev(found);
  }

  void add_bar(const Event& end, Bar::End how, std::set<EventId>& done) {
    const Event* begun = last_before(EventKind::transaction_begun, end);
    if (begun == nullptr) return;
    for (const EventKind kind : {EventKind::transaction_committed, EventKind::transaction_ended}) {
      // That one ended before: this is a statement by itself.
      const Event* before = last_before(kind, end);
      if (before != nullptr && before->id > begun->id) return;
    }
    const std::size_t on = lane(end.subject);
    if (!has(on) || !done.insert(begun->id).second) return;
    Bar bar{on, begun, &end, how, {}, {}};
    const char* outcome = how == Bar::End::committed ? "committed" : how == Bar::End::rolled_back ? "rolled back" : "never committed";
    bar.title = fmt::format("transaction of {}, {}, {}", end.key, span_text(end.at - begun->at), outcome);
    // Where the client that began it, or who says how it ended, has no lane, its moment stands on the database's.
    add_place_beside(*begun, on);
    add_place_beside(end, on);
    add_waits(bar);
    scene_.bars.push_back(std::move(bar));
  }

  /// A COMMIT whose outcome its client did not learn: the server knows it.
  void add_unfinished(const Event& unknown, std::set<EventId>& done) {
    const Event* begun = last_before(EventKind::transaction_begun, unknown);
    const Event* committed = last_before(EventKind::transaction_committed, unknown);
    if (begun != nullptr && committed != nullptr && committed->id > begun->id) {
      add_bar(*committed, Bar::End::committed, done);
    } else {
      add_bar(unknown, Bar::End::unknown, done);
    }
  }

  void add_waits(Bar& bar) {
    for (const Event* statement : index_.with_key(EventKind::statement, bar.to->key)) {
      if (statement->id < bar.from->id || statement->id > bar.to->id) continue;
      const Event* reply = reply_to(*statement, bar.to->id);
      if (reply == nullptr || reply->at - statement->at < kLongStatement) continue;
      bar.waits.push_back({statement, reply});
      bar.title += fmt::format("; a statement took {}", span_text(reply->at - statement->at));
      add_place(*statement, bar.lane);
      add_place(*reply, bar.lane);
    }
  }

  /// What the server sent next for the session of a statement.
  [[nodiscard]] const Event* reply_to(const Event& statement, EventId until) const {
    const auto& events = run_.history.events();
    auto at = std::ranges::upper_bound(events, statement.id, {}, &Event::id);
    for (; at != events.end() && at->id <= until; ++at) {
      if (at->kind != EventKind::message_sent || at->host != statement.host) continue;
      const Event* cause = &*at;
      for (int step = 0; step < 4 && cause != nullptr; ++step) {
        cause = run_.history.find(cause->cause);
        if (cause != nullptr && (cause->key == statement.key || cause->subject == statement.key)) return &*at;
      }
    }
    return nullptr;
  }

  // ---- outages ----
  void add_outages() {
    const Outages& outages = outages_of(index_);
    for (const auto& [host, spans] : outages.down) add_stretches(Stretch::Kind::down, host, spans);
    for (const auto& [host, spans] : outages.paused) add_stretches(Stretch::Kind::paused, host, spans);
  }

  void add_stretches(Stretch::Kind kind, std::string_view host, const std::vector<EventSpan>& spans) {
    const std::size_t on = lane(host);
    if (!has(on)) return;
    for (const EventSpan& span : spans) {
      Stretch stretch{kind, on, on, nullptr, nullptr, {}};
      stretch.title = fmt::format("{} is {}", host, kind == Stretch::Kind::down ? "down" : "paused");
      add_stretch(stretch, span);
    }
  }

  void add_stretch(Stretch stretch, EventSpan span) {
    const EventId first = scene_.notes.begin()->first;
    const EventId last = scene_.notes.rbegin()->first;
    if (!span.overlaps({first, last})) return;
    if (span.from >= first) stretch.from = run_.history.find(span.from);
    if (span.to <= last) stretch.to = run_.history.find(span.to);
    for (const Event* end : {stretch.from, stretch.to}) {
      if (end != nullptr && has(stretch.lane)) {
        const Mark mark = stretch.kind == Stretch::Kind::down ? mark_of(*end) : Mark::none;
        scene_.notes.try_emplace(end->id, Note{stretch.lane, end, mark, {}, 0});
      }
    }
    scene_.stretches.push_back(std::move(stretch));
  }

  void add_cuts() {
    for (const Outages::Fault& fault : outages_of(index_).faults) {
      const bool one_way = fault.kind == "one_way_partition";
      if (!one_way && fault.kind != "partition") continue;
      const std::size_t at = fault.target.find_first_of(">|");
      if (at == std::string_view::npos) continue;
      const std::string_view a = fault.target.substr(0, at);
      const std::string_view b = fault.target.substr(at + 1);
      Stretch stretch{one_way ? Stretch::Kind::cut_one_way : Stretch::Kind::cut, 0, 0, nullptr, nullptr, {}};
      stretch.title = fmt::format("{} {}", one_way ? "one-way partition" : "partition", fault.target);
      for (const std::size_t from : lanes_of(a, b)) {
        for (const std::size_t to : lanes_of(b, a)) {
          stretch.lane = from;
          stretch.other = to;
          if (from != to) add_stretch(stretch, fault.span);
        }
      }
    }
  }

  /// The host's lane; of "*" the outermost ones, which take all others between them.
  [[nodiscard]] std::vector<std::size_t> lanes_of(std::string_view host, std::string_view other) const {
    if (host != "*") return has(lane(host)) ? std::vector<std::size_t>{lane(host)} : std::vector<std::size_t>{};
    if (scene_.lanes.size() < 2 || !has(lane(other))) return {};
    return {0, scene_.lanes.size() - 1};
  }

  // ---- labels ----
  /// What an arrow or another label at the same moment says already.
  void drop_needless_labels() {
    std::map<std::pair<std::size_t, Instant>, std::vector<Note*>> together;
    for (auto& [id, note] : scene_.notes) together[{note.lane, note.event->at}].push_back(&note);
    std::set<EventId> arrow_ends;
    for (const Arrow& arrow : scene_.arrows) {
      if (arrow.flight.ended != nullptr) arrow_ends.insert(arrow.flight.ended->id);
    }
    for (auto& [where, notes] : together) {
      const auto any = [&](EventKind kind) {
        return std::ranges::any_of(notes, [&](const Note* note) { return note->event->kind == kind && !note->label.empty(); });
      };
      for (Note* note : notes) {
        if (note->evidence != 0) continue;
        const EventKind kind = note->event->kind;
        const bool said = (kind == EventKind::request_sent && any(EventKind::operation_invoked)) ||
                          (kind == EventKind::request_ended && any(EventKind::operation_ended)) ||
                          (kind == EventKind::request_received && !scene_.arrows.empty()) ||
                          (kind == EventKind::request_ended && note->event->number != 0) ||
                          (kind == EventKind::host_crashed && any(EventKind::fault_injected)) ||
                          (kind == EventKind::host_paused && any(EventKind::fault_injected)) ||
                          (kind == EventKind::fault_healed && (any(EventKind::host_resumed) || any(EventKind::host_started))) ||
                          (kind == EventKind::message_dropped && any(EventKind::publish_failed)) ||
                          (note->event->kind == EventKind::message_sent && any(EventKind::operation_invoked));
        if (!said) continue;
        note->label.clear();
        if (kind == EventKind::request_sent) note->mark = Mark::none;  // the operation's stands there
      }
    }
  }

  void count_hidden() {
    auto next = scene_.notes.begin();
    std::size_t count = 0;
    for (const Event& event : run_.history.events()) {
      while (next != scene_.notes.end() && event.id >= next->first) {
        if (count > 0) scene_.hidden[next->first] = count;
        count = 0;
        ++next;
      }
      if (next == scene_.notes.end()) break;
      if (is_fact(event.kind) && !scene_.notes.contains(event.id)) ++count;
    }
  }

  const RunView& run_;
  const HistoryIndex& index_;
  const Scope& scope_;
  Scene scene_;
  std::map<std::string_view, std::size_t> lane_by_host_;
};

}  // namespace

Scene make_scene(const RunView& run, const HistoryIndex& index, const Scope& scope) { return Builder(run, index, scope).build(); }

}  // namespace orrery::viz
