#include "properties/told.hpp"

#include <algorithm>
#include <utility>

#include "properties/describe.hpp"
#include "properties/history_index.hpp"
#include "properties/outages.hpp"

namespace orrery {
namespace {

/// Causes that say something to a reader; the others are only walked through.
bool is_telling(const Event& event) {
  if (event.kind == EventKind::statement_failed) return true;
  return is_fact(event.kind) && event.kind != EventKind::log && event.kind != EventKind::phase &&
         !(event.kind == EventKind::host_started && event.number <= 1);
}

/// The ids that a row is known by, its own and those of what it belongs to.
template <class Take>
void each_id(const RowChange& change, const Take& take) {
  const std::vector<SqlValue>& cells = change.operation == RowOperation::remove ? change.before : change.after;
  for (std::size_t i = 0; i < cells.size() && i < change.shape->columns.size(); ++i) {
    const std::string_view column = change.shape->columns[i];
    const bool is_id = column == "id" || column == "key" || column.ends_with("_id");
    if (is_id && !cells[i].is_null()) take(cells[i].text());
  }
}

/// What came before this has another story: a client that asks, a fault, a process that starts.
bool is_origin(EventKind kind) {
  return kind == EventKind::operation_invoked || kind == EventKind::phase || is_fault(kind) || is_blow(kind);
}

/// Of so few faults each is told, wherever it struck: a shrunk plan keeps none that does not matter.
constexpr std::size_t kFew = 4;

/// Collects what belongs to a story.
class Collector {
 public:
  Collector(const Violation& violation, const History& history) : index_(history) {
    for (const EventId id : violation.evidence) {
      if (const Event* event = history.find(id)) evidence_.push_back(event);
    }
    for (std::size_t i = 0; i < evidence_.size(); ++i) {
      // Of evidence that is too long, the beginning and the end say most.
      add(*evidence_[i], ToldRank::evidence, std::min(i, evidence_.size() - 1 - i));
    }
    if (evidence_.empty()) return;
    add_requests();
    add_causes();
    add_blows();
  }

  [[nodiscard]] ToldEvents take() { return std::move(lines_); }

 private:
  void add(const Event& event, ToldRank rank, EventId distance) {
    ToldEvent& line = lines_.try_emplace(event.id, ToldEvent{&event, rank, distance}).first->second;
    if (rank < line.rank) line = {&event, rank, distance};
  }

  [[nodiscard]] EventId distance_of(const Event& event) const {
    EventId nearest = event.id;
    for (const Event* one : evidence_) {
      nearest = std::min(nearest, one->id > event.id ? one->id - event.id : event.id - one->id);
    }
    return nearest;
  }

  void add_request(const std::string& key) {
    for (const EventKind kind : {EventKind::request_sent, EventKind::request_received, EventKind::request_answered,
                                 EventKind::request_ended}) {
      for (const Event* event : index_.with_key(kind, key)) add(*event, ToldRank::request, distance_of(*event));
    }
  }

  void add_requests() {
    std::set<EventId> operations;
    for (const Event* event : evidence_) {
      if (is_request(event->kind)) add_request(event->key);
      if (event->kind == EventKind::operation_invoked) operations.insert(event->id);
    }
    if (operations.empty()) return;
    for (const Event* sent : index_.of(EventKind::request_sent)) {
      if (operations.contains(sent->cause)) add_request(sent->key);
    }
  }

  /// An event that belongs to the same matter as the evidence, or says how the evidence's host came to it.
  [[nodiscard]] bool is_related(const Event& event, const std::set<std::string>& ids) const {
    switch (event.kind) {
      case EventKind::operation_invoked:
      case EventKind::request_sent:
      case EventKind::request_received:
      case EventKind::message_delivered:
      case EventKind::statement_failed:
      case EventKind::commit_unknown:
      case EventKind::commit_failed:
        return true;
      case EventKind::transaction_committed:
      case EventKind::transaction_lost: {
        bool related = false;
        for (const RowChange& change : event.changes) {
          each_id(change, [&](const std::string& id) { related = related || ids.contains(id); });
        }
        return related;
      }
      default:
        return is_origin(event.kind) || ids.contains(event.key);
    }
  }

  void add_causes() {
    std::set<std::string> ids;
    std::vector<const Event*> told;
    for (const auto& [id, line] : lines_) {
      told.push_back(line.event);
      if (!line.event->key.empty()) ids.insert(line.event->key);
      for (const RowChange& change : line.event->changes) {
        each_id(change, [&](std::string row) { ids.insert(std::move(row)); });
      }
    }
    for (const Event* event : told) {
      EventId steps = 0;
      while (event != nullptr && !is_origin(event->kind)) {
        event = event->cause == 0 ? nullptr : index_.history().find(event->cause);
        if (event == nullptr || !is_telling(*event)) continue;
        // A loop's next round is caused by the one before, back to the beginning: that is not what happened here.
        if (!is_related(*event, ids)) break;
        add(*event, ToldRank::cause, ++steps);
      }
    }
  }

  void add_blows() {
    std::set<std::string_view> hosts;
    for (const auto& [id, line] : lines_) {
      if (line.rank == ToldRank::cause) continue;
      hosts.insert(line.event->host);
      hosts.insert(actor_of(*line.event));
    }
    hosts.erase("");
    const EventSpan span{evidence_.front()->id, evidence_.back()->id};
    const Event* struck = nullptr;  // the last fault that is told
    std::map<std::pair<std::string_view, std::string_view>, bool> episodes;
    const Outages& outages = outages_of(index_);
    for (const Outages::Fault& fault : outages.faults) {
      if (!fault.span.overlaps(span)) continue;
      ToldRank rank = rank_of(fault, hosts);
      if (rank == ToldRank::evidence && outages.faults.size() <= kFew) rank = ToldRank::surround;
      if (rank == ToldRank::evidence) continue;
      add(*fault.injected, rank, distance_of(*fault.injected));
      episodes[{fault.kind, fault.injected->key}] = true;
    }
    for (const Event& event : index_.history().events()) {
      if (event.id > span.to) break;
      if (event.kind == EventKind::fault_injected && lines_.contains(event.id)) struck = &event;
      if (event.id < span.from) continue;
      // The fault says it already, and where: "crash user-1 at user-1/outbox-relay before commit #3".
      const bool said = struck != nullptr && struck->at == event.at && struck->host == event.host;
      if (is_blow(event.kind) && !said && hosts.contains(event.host)) add(event, ToldRank::blow, distance_of(event));
      if (event.kind == EventKind::fault_healed && episodes.contains({event.subject, event.key})) {
        add(event, ToldRank::surround, distance_of(event));
      }
    }
  }

  /// ToldRank::evidence: it has nothing to do with these hosts.
  static ToldRank rank_of(const Outages::Fault& fault, const std::set<std::string_view>& hosts) {
    for (const std::string_view host : hosts) {
      if (fault.target == host) return ToldRank::blow;
      for (const std::string_view other : hosts) {
        if (host < other && strikes_link(fault.target, host, other)) return ToldRank::blow;
      }
    }
    const bool one_end = std::any_of(hosts.begin(), hosts.end(),
                                     [&](std::string_view host) { return strikes_host(fault.target, host); });
    return one_end ? ToldRank::surround : ToldRank::evidence;
  }

  HistoryIndex index_;
  std::vector<const Event*> evidence_;
  ToldEvents lines_;
};

}  // namespace

bool is_fault(EventKind kind) noexcept { return kind == EventKind::fault_injected || kind == EventKind::fault_healed; }

bool is_blow(EventKind kind) noexcept {
  return kind == EventKind::host_crashed || kind == EventKind::host_stopped || kind == EventKind::host_paused ||
         kind == EventKind::host_resumed || kind == EventKind::host_started;
}

bool is_request(EventKind kind) noexcept {
  return kind == EventKind::request_sent || kind == EventKind::request_received ||
         kind == EventKind::request_answered || kind == EventKind::request_ended;
}

ToldEvents told_events(const Violation& violation, const History& history) {
  return Collector(violation, history).take();
}

std::set<EventId> most_important(const ToldEvents& lines, std::size_t most) {
  std::vector<std::pair<std::pair<ToldRank, EventId>, EventId>> order;
  for (const auto& [id, line] : lines) order.push_back({{line.rank, line.distance}, id});
  std::sort(order.begin(), order.end());
  std::set<EventId> told;
  for (std::size_t i = 0; i < order.size() && i < most; ++i) told.insert(order[i].second);
  return told;
}

}  // namespace orrery
