#include "properties/history_index.hpp"

namespace orrery {
namespace {

const HistoryIndex::Events kNoEvents;
const HistoryIndex::Changes kNoChanges;

}  // namespace

HistoryIndex::HistoryIndex(const History& history) : history_(history), healed_at_(history.healed_at()) {
  std::string table;
  for (const Event& event : history.events()) {
    by_kind_[static_cast<std::size_t>(event.kind)].push_back(&event);
    for (const RowChange& change : event.changes) {
      table.assign(event.subject).append(".").append(change.table);
      by_table_[table].push_back({&event, &change});
    }
  }
}

const HistoryIndex::Events& HistoryIndex::of(EventKind kind, std::string_view subject) const {
  std::unique_ptr<ByText>& by_subject = by_subject_[static_cast<std::size_t>(kind)];
  if (by_subject == nullptr) {
    by_subject = std::make_unique<ByText>();
    for (const Event* event : of(kind)) (*by_subject)[event->subject].push_back(event);
  }
  const auto found = by_subject->find(subject);
  return found == by_subject->end() ? kNoEvents : found->second;
}

const HistoryIndex::Events& HistoryIndex::with_key(EventKind kind, std::string_view key) const {
  std::unique_ptr<ByText>& by_key = by_key_[static_cast<std::size_t>(kind)];
  if (by_key == nullptr) {
    by_key = std::make_unique<ByText>();
    for (const Event* event : of(kind)) (*by_key)[event->key].push_back(event);
  }
  const auto found = by_key->find(key);
  return found == by_key->end() ? kNoEvents : found->second;
}

const HistoryIndex::Changes& HistoryIndex::committed(std::string_view database_and_table) const {
  CHECK(database_and_table.find('.') != std::string_view::npos, "a table is named database.table");
  const auto found = by_table_.find(database_and_table);
  return found == by_table_.end() ? kNoChanges : found->second;
}

Instant HistoryIndex::end_at() const noexcept {
  return history_.events().empty() ? Instant{} : history_.events().back().at;
}

EventId HistoryIndex::end() const noexcept { return history_.events().empty() ? 0 : history_.events().back().id; }

}  // namespace orrery
