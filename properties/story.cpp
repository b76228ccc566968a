#include "properties/story.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "properties/describe.hpp"
#include "properties/outages.hpp"

namespace orrery {
namespace {

/// How much a line matters; the evidence most.
enum class Rank : std::uint8_t {
  evidence,
  blow,      // what struck a host or a link that takes part
  request,   // of an operation in the evidence
  cause,     // of the evidence
  surround,  // what else struck, and ended
};

struct Line {
  const Event* event = nullptr;
  Rank rank = Rank::evidence;
  EventId distance = 0;  // from what is told anyway; decides within a rank
};

using Lines = std::map<EventId, Line>;  // in the order of the story

bool is_fault(EventKind kind) { return kind == EventKind::fault_injected || kind == EventKind::fault_healed; }

bool is_blow(EventKind kind) {
  return kind == EventKind::host_crashed || kind == EventKind::host_stopped || kind == EventKind::host_paused ||
         kind == EventKind::host_resumed || kind == EventKind::host_started;
}

bool is_request(EventKind kind) {
  return kind == EventKind::request_sent || kind == EventKind::request_received ||
         kind == EventKind::request_answered || kind == EventKind::request_ended;
}

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

/// Collects what belongs to a story.
class Collector {
 public:
  Collector(const Violation& violation, const History& history) : index_(history) {
    for (const EventId id : violation.evidence) {
      if (const Event* event = history.find(id)) evidence_.push_back(event);
    }
    for (std::size_t i = 0; i < evidence_.size(); ++i) {
      // Of evidence that is too long, the beginning and the end say most.
      add(*evidence_[i], Rank::evidence, std::min(i, evidence_.size() - 1 - i));
    }
    if (evidence_.empty()) return;
    add_requests();
    add_causes();
    add_blows();
  }

  [[nodiscard]] const std::vector<const Event*>& evidence() const { return evidence_; }
  [[nodiscard]] const Lines& lines() const { return lines_; }

 private:
  void add(const Event& event, Rank rank, EventId distance) {
    Line& line = lines_.try_emplace(event.id, Line{&event, rank, distance}).first->second;
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
      for (const Event* event : index_.with_key(kind, key)) add(*event, Rank::request, distance_of(*event));
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
        add(*event, Rank::cause, ++steps);
      }
    }
  }

  void add_blows() {
    std::set<std::string_view> hosts;
    for (const auto& [id, line] : lines_) {
      if (line.rank == Rank::cause) continue;
      hosts.insert(line.event->host);
      hosts.insert(actor_of(*line.event));
    }
    hosts.erase("");
    const Span span{evidence_.front()->id, evidence_.back()->id};
    const Event* struck = nullptr;  // the last fault that is told
    std::map<std::pair<std::string_view, std::string_view>, bool> episodes;
    for (const Outages::Fault& fault : outages_of(index_).faults) {
      if (!fault.span.overlaps(span)) continue;
      const Rank rank = rank_of(fault, hosts);
      if (rank == Rank::evidence) continue;
      add(*fault.injected, rank, distance_of(*fault.injected));
      episodes[{fault.kind, fault.injected->key}] = true;
    }
    for (const Event& event : index_.history().events()) {
      if (event.id > span.to) break;
      if (event.kind == EventKind::fault_injected && lines_.contains(event.id)) struck = &event;
      if (event.id < span.from) continue;
      // The fault says it already, and where: "crash user-1 at user-1/outbox-relay before commit #3".
      const bool said = struck != nullptr && struck->at == event.at && struck->host == event.host;
      if (is_blow(event.kind) && !said && hosts.contains(event.host)) add(event, Rank::blow, distance_of(event));
      if (event.kind == EventKind::fault_healed && episodes.contains({event.subject, event.key})) {
        add(event, Rank::surround, distance_of(event));
      }
    }
  }

  /// Rank::evidence: it has nothing to do with these hosts.
  static Rank rank_of(const Outages::Fault& fault, const std::set<std::string_view>& hosts) {
    for (const std::string_view host : hosts) {
      if (fault.target == host) return Rank::blow;
      for (const std::string_view other : hosts) {
        if (host < other && strikes_link(fault.target, host, other)) return Rank::blow;
      }
    }
    const bool one_end = std::any_of(hosts.begin(), hosts.end(),
                                     [&](std::string_view host) { return strikes_host(fault.target, host); });
    return one_end ? Rank::surround : Rank::evidence;
  }

  HistoryIndex index_;
  std::vector<const Event*> evidence_;
  Lines lines_;
};

std::string_view noun_of(EventKind kind) {
  if (is_fault(kind)) return "faults";
  if (is_blow(kind)) return "crashes and restarts";
  if (is_request(kind)) return "requests";
  switch (kind) {
    case EventKind::transaction_committed:
    case EventKind::transaction_lost:
      return "commits";
    case EventKind::message_delivered:
    case EventKind::message_acknowledged:
    case EventKind::message_refused:
    case EventKind::message_settled:
      return "deliveries";
    case EventKind::publish_started:
    case EventKind::publish_confirmed:
    case EventKind::publish_failed:
    case EventKind::message_stored:
      return "publishes";
    case EventKind::operation_invoked:
    case EventKind::operation_ended:
      return "operations";
    default:
      return "others";
  }
}

/// "12.345s": milliseconds, so that the columns stay straight.
std::string time_of(const Event& event) {
  const std::int64_t ms = std::chrono::duration_cast<std::chrono::milliseconds>(event.at.time_since_epoch()).count();
  return fmt::format("{}.{:03}s", ms / 1000, ms % 1000);
}

/// The lines that are told, the most important first; `most` of them.
std::set<EventId> choose(const Lines& lines, std::size_t most) {
  std::vector<std::pair<std::pair<Rank, EventId>, EventId>> order;
  for (const auto& [id, line] : lines) order.push_back({{line.rank, line.distance}, id});
  std::sort(order.begin(), order.end());
  std::set<EventId> told;
  for (std::size_t i = 0; i < order.size() && i < most; ++i) told.insert(order[i].second);
  return told;
}

std::vector<std::string> render(const Lines& lines, const std::set<EventId>& told) {
  std::size_t width = 0;
  for (const EventId id : told) width = std::max(width, actor_of(*lines.at(id).event).size());
  std::vector<std::string> text;
  std::map<std::string_view, std::size_t> folded;
  const auto unfold = [&] {
    if (folded.empty()) return;
    std::size_t sum = 0;
    std::string nouns;
    for (const auto& [noun, count] : folded) {
      sum += count;
      nouns += fmt::format("{}{} {}", nouns.empty() ? "" : ", ", count, noun);
    }
    text.push_back(fmt::format("{:>14}  … {} more: {}", "", sum, nouns));
    folded.clear();
  };
  for (const auto& [id, line] : lines) {
    const Event& event = *line.event;
    if (!told.contains(id)) {
      ++folded[noun_of(event.kind)];
      continue;
    }
    unfold();
    const bool struck = event.kind == EventKind::fault_injected || event.kind == EventKind::host_crashed;
    const char* mark = struck ? "!!" : line.rank == Rank::evidence ? " *" : "  ";
    text.push_back(
        fmt::format("  {} {:>10}  {:<{}}  {}", mark, time_of(event), actor_of(event), width, describe(event)));
  }
  unfold();
  return text;
}

/// "3f2a77c1 is 3f2a77c1-…": the ids that the conclusion shortens, in full as the evidence has them.
std::string ids_in_full(const std::string& what, const std::vector<const Event*>& evidence) {
  constexpr std::size_t kMost = 3;
  std::vector<std::string> found;
  const auto look_at = [&](const std::string& id) {
    const std::string brief = short_id(id);
    if (brief.size() != 8 || id.size() == 8 || what.find(brief) == std::string::npos || found.size() == kMost) return;
    const std::string line = brief + " is " + id;
    if (std::find(found.begin(), found.end(), line) == found.end()) found.push_back(line);
  };
  for (const Event* event : evidence) {
    look_at(event->key);
    look_at(event->detail);
    for (const RowChange& change : event->changes) {
      for (const SqlValue& value : change.operation == RowOperation::remove ? change.before : change.after) {
        if (std::holds_alternative<std::string>(value.variant())) look_at(value.text());
      }
    }
  }
  std::string text;
  for (const std::string& line : found) text += (text.empty() ? "" : "; ") + line;
  return text;
}

}  // namespace

std::string story(const Violation& violation, const History& history, const StoryOptions& options) {
  const Collector collector(violation, history);
  const Lines& lines = collector.lines();
  const std::size_t most = std::max<std::size_t>(options.max_lines, 2);
  std::vector<std::string> text;
  for (std::size_t told = std::min(lines.size(), most);; --told) {
    text = render(lines, choose(lines, told));
    if (text.size() <= most || told == 0) break;
  }
  std::string result;
  for (const std::string& line : text) result += line + "\n";
  result += "  => " + violation.what + "\n";
  const std::string ids = ids_in_full(violation.what, collector.evidence());
  if (!ids.empty()) result += "     (ids are shortened to 8 characters: " + ids + ")\n";
  return result;
}

}  // namespace orrery
