#include "runtime/history.hpp"

#include <algorithm>
#include <array>

namespace orrery {
namespace {

constexpr std::array<const char*, static_cast<std::size_t>(EventKind::count_)> kNames = {
    "phase",
    "host started",
    "host crashed",
    "host stopped",
    "host paused",
    "host resumed",
    "operation invoked",
    "operation ended",
    "request sent",
    "request received",
    "request answered",
    "request ended",
    "transaction committed",
    "commit unknown",
    "commit failed",
    "publish started",
    "message stored",
    "publish confirmed",
    "publish failed",
    "message delivered",
    "message acknowledged",
    "message refused",
    "message settled",
    "message dead-lettered",
    "fault injected",
    "fault healed",
    "service failed",
    "log",
    "fiber started",
    "fiber ended",
    "fiber woken",
    "message sent",
    "message arrived",
    "message dropped",
    "transaction begun",
    "statement",
    "statement failed",
    "transaction ended",
    "place reached",
    "file written",
    "file removed",
    "choice made",
    "transaction lost",
};

}  // namespace

const char* to_string(EventKind kind) noexcept {
  const auto index = static_cast<std::size_t>(kind);
  return index < kNames.size() ? kNames[index] : "?";
}

std::vector<History::Change> History::committed(std::string_view database_and_table) const {
  const std::size_t dot = database_and_table.find('.');
  CHECK(dot != std::string_view::npos, "a table is named database.table");
  const std::string_view database = database_and_table.substr(0, dot);
  const std::string_view table = database_and_table.substr(dot + 1);
  std::vector<Change> changes;
  for (const Event& event : events_) {
    const bool changes_rows = event.kind == EventKind::transaction_committed || event.kind == EventKind::transaction_lost;
    if (!changes_rows || event.subject != database) continue;
    for (const RowChange& row : event.changes) {
      if (row.table == table) changes.push_back({&event, &row});
    }
  }
  return changes;
}

std::vector<const Event*> History::of(EventKind kind) const {
  std::vector<const Event*> found;
  for (const Event& event : events_) {
    if (event.kind == kind) found.push_back(&event);
  }
  return found;
}

std::vector<const Event*> History::of(EventKind kind, std::string_view subject) const {
  std::vector<const Event*> found;
  for (const Event& event : events_) {
    if (event.kind == kind && event.subject == subject) found.push_back(&event);
  }
  return found;
}

const Event* History::find(EventId id) const noexcept {
  const auto at = std::lower_bound(events_.begin(), events_.end(), id,
                                   [](const Event& event, EventId wanted) { return event.id < wanted; });
  return at != events_.end() && at->id == id ? &*at : nullptr;
}

Instant History::healed_at() const noexcept {
  for (const Event& event : events_) {
    if (event.kind == EventKind::phase && event.subject == "healed") return event.at;
  }
  return Instant::max();
}

}  // namespace orrery
