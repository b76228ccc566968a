#include "real-mode/gathering.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <map>
#include <stdexcept>
#include <utility>

#include "real-mode/loop.hpp"

namespace orrery::real {
namespace {

/// The system clock may be slewed by NTP during a run, which is evened out; if it was set, commits cannot be placed.
constexpr Duration kMostSlew = 50ms;

std::string text_of(const Row& row, const char* column) { return row[column].text(); }

/// What a commit in the broker's database means.
void add_broker_events(const DecodedTransaction& transaction, Instant at, std::map<std::int64_t, std::string>& bodies,
                       std::vector<Event>& events) {
  for (const RowChange& change : transaction.changes) {
    Event event;
    event.at = at;
    event.host = kBrokerDatabase;
    if (change.table == "orrery_messages" && change.operation == RowOperation::insert) {
      const Row row = change.new_row();
      event.kind = EventKind::message_stored;
      event.subject = text_of(row, "topic");
      event.key = text_of(row, "id");
      event.number = row["message_offset"].integer();
      event.text = text_of(row, "body");
      event.detail = text_of(row, "key");
      bodies[event.number] = event.key + "\n" + event.text;
    } else if (change.table == "orrery_deliveries" && change.operation == RowOperation::update) {
      const Row row = change.new_row();
      const std::string state = text_of(row, "state");
      if (state == text_of(change.old_row(), "state") || (state != "settled" && state != "dead")) continue;
      const std::string& message = bodies[row["message_offset"].integer()];
      const std::size_t line = message.find('\n');
      event.subject = text_of(row, "topic") + "/" + text_of(row, "group_name");
      event.key = message.substr(0, line);
      event.kind = EventKind::message_settled;
      if (state == "dead") {
        event.kind = EventKind::message_dead_lettered;
        event.number = row["attempts"].integer();
        event.text = line == std::string::npos ? "" : message.substr(line + 1);
      }
    } else {
      continue;
    }
    events.push_back(std::move(event));
  }
}

/// The successor is without this commit.
Event undoing(const Event& committed, Instant at) {
  Event event = committed;
  event.at = at;
  event.kind = EventKind::transaction_lost;
  std::ranges::reverse(event.changes);
  for (RowChange& change : event.changes) {
    std::swap(change.before, change.after);
    if (change.operation != RowOperation::update) {
      change.operation = change.operation == RowOperation::insert ? RowOperation::remove : RowOperation::insert;
    }
  }
  return event;
}

}  // namespace

Beginning Beginning::now() {
  Beginning beginning;
  beginning.at = monotonic_now();
  beginning.wall_offset = std::chrono::system_clock::now().time_since_epoch() - beginning.at.time_since_epoch();
  return beginning;
}

void add_committed(Captures& captures, const Beginning& beginning, std::vector<Event>& events) {
  const Beginning now = Beginning::now();
  const Duration slew = now.wall_offset - beginning.wall_offset;
  if (slew > kMostSlew || slew < -kMostSlew) {
    throw std::runtime_error("the machine's clock was set during the run, so commits cannot be placed among other events");
  }
  // The offset when the machine's monotonic clock showed `at`, if it was slewed evenly.
  const auto to_monotonic = [&](SystemTime wall) {
    const Instant rough = Instant(Duration(wall.time_since_epoch()) - beginning.wall_offset);
    const double share = static_cast<double>((rough - beginning.at).count()) / static_cast<double>((now.at - beginning.at).count());
    return rough - Duration(static_cast<std::int64_t>(static_cast<double>(slew.count()) * share));
  };
  for (Capture& capture : captures) {
    std::map<std::int64_t, std::string> bodies;
    Instant last = Instant::min();
    std::vector<Event> lost;
    for (DecodedTransaction& transaction : capture.changes.take()) {
      // The time is taken before the commit's record is written, so two of them can be the other way round.
      const Instant at = last = std::max(last, to_monotonic(transaction.committed_at));
      if (capture.database == kBrokerDatabase) {
        add_broker_events(transaction, at, bodies, events);
        continue;
      }
      if (transaction.changes.empty()) continue;
      Event event;
      event.at = at;
      event.kind = EventKind::transaction_committed;
      event.host = capture.database;
      event.subject = capture.database;
      event.key = transaction.session;
      event.number = static_cast<std::int64_t>(transaction.id);
      event.changes = std::move(transaction.changes);
      if (transaction.end > capture.survives) lost.push_back(undoing(event, capture.replaced));
      events.push_back(std::move(event));
    }
    std::move(lost.rbegin(), lost.rend(), std::back_inserter(events));  // the newest first, as one would take them back
  }
}

void tell_crashes(std::vector<Event>& of_host) {
  for (std::size_t i = 1; i < of_host.size(); ++i) {
    if (of_host[i].kind != EventKind::host_started || of_host[i - 1].kind == EventKind::host_stopped) continue;
    Event crash;
    crash.kind = EventKind::host_crashed;
    crash.at = of_host[i].at;
    crash.host = of_host[i].host;
    crash.detail = "nobody saw it end";
    of_host.insert(of_host.begin() + static_cast<std::ptrdiff_t>(i++), std::move(crash));
  }
}

History in_order(std::vector<Event> events, const Beginning& beginning, Instant end) {
  History history;
  std::erase_if(events, [&](const Event& event) { return event.at > end; });
  EventId id = 0;
  for (Event& event : events) event.id = ++id;  // what a process wrote first stays first
  std::ranges::sort(events, [](const Event& a, const Event& b) { return a.at != b.at ? a.at < b.at : a.id < b.id; });
  id = 0;
  for (Event& event : events) {
    event.id = ++id;
    event.at = Instant(std::max(event.at - beginning.at, Duration::zero()));
    history.add(std::move(event));
  }
  return history;
}

}  // namespace orrery::real
