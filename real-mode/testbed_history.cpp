// What happened in a test bed, put together from what its processes wrote and what the server committed.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <utility>

#include "real-mode/testbed.hpp"

namespace orrery::real {
namespace {

constexpr const char* kBroker = "broker";
/// The system clock may be slewed by NTP during a run, which is evened out; if it was set, commits cannot be placed.
constexpr Duration kMostSlew = 50ms;

std::string text_of(const Row& row, const char* column) { return row[column].text(); }

/// What a commit in the broker's database means.
void add_broker_events(const DecodedTransaction& transaction, Instant at, std::map<std::int64_t, std::string>& bodies,
                       std::vector<Event>& events) {
  for (const RowChange& change : transaction.changes) {
    Event event;
    event.at = at;
    event.host = kBroker;
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

}  // namespace

void TestBed::add_committed(std::vector<Event>& events) {
  const Instant now = loop_.now();
  const Duration offset_now = std::chrono::system_clock::now().time_since_epoch() - now.time_since_epoch();
  const Duration slew = offset_now - wall_offset_;
  if (slew > kMostSlew || slew < -kMostSlew) {
    throw std::runtime_error("the machine's clock was set during the run, so commits cannot be placed among other events");
  }
  // The offset when the machine's monotonic clock showed `at`, if it was slewed evenly.
  const auto to_monotonic = [&](SystemTime wall) {
    const Instant rough = Instant(Duration(wall.time_since_epoch()) - wall_offset_);
    const double share = static_cast<double>((rough - began_).count()) / static_cast<double>((now - began_).count());
    return rough - Duration(static_cast<std::int64_t>(static_cast<double>(slew.count()) * share));
  };
  for (auto& [database, capture] : captures_) {
    std::map<std::int64_t, std::string> bodies;
    Instant last = Instant::min();
    for (DecodedTransaction& transaction : capture.take()) {
      // The time is taken before the commit's record is written, so two of them can be the other way round.
      const Instant at = last = std::max(last, to_monotonic(transaction.committed_at));
      if (database == kBroker) {
        add_broker_events(transaction, at, bodies, events);
        continue;
      }
      if (transaction.changes.empty()) continue;
      Event event;
      event.at = at;
      event.kind = EventKind::transaction_committed;
      event.host = database;
      event.subject = database;
      event.key = transaction.session;
      event.number = static_cast<std::int64_t>(transaction.id);
      event.changes = std::move(transaction.changes);
      events.push_back(std::move(event));
    }
  }
}

History TestBed::gather() {
  ending_ = true;
  const Instant end = loop_.now();
  for (const auto& replica : replicas_) replica->process = Child();  // killed
  History history;
  std::vector<Event> events = events_;
  for (const auto& replica : replicas_) {
    if (!std::filesystem::exists(replica->events)) continue;
    for (Event& event : read_events(replica->events)) {
      if (event.kind == EventKind::fault_injected) {
        if (const auto kind = fault_kind(event.subject)) {
          Fault fault;
          fault.kind = *kind;
          fault.target = event.text.substr(event.subject.size() + 1);
          fault.target = fault.target.substr(0, fault.target.find_first_of(" ,"));
          event.host = fault.target;
          struck_.push_back(std::move(fault));
        }
      }
      events.push_back(std::move(event));
    }
  }
  add_committed(events);
  std::erase_if(events, [&](const Event& event) { return event.at > end; });
  EventId id = 0;
  for (Event& event : events) event.id = ++id;  // what a process wrote first stays first
  std::ranges::sort(events, [](const Event& a, const Event& b) { return a.at != b.at ? a.at < b.at : a.id < b.id; });
  id = 0;
  for (Event& event : events) {
    event.id = ++id;
    event.at = Instant(std::max(event.at - began_, Duration::zero()));
    history.add(std::move(event));
  }
  return history;
}

}  // namespace orrery::real
