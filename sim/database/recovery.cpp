#include <algorithm>
#include <utility>

#include "sim/database/engine_impl.hpp"
#include "sim/database/errors.hpp"
#include "sim/database/session_impl.hpp"

// What a crash leaves. A commit is taken back by the undo of a rollback: its versions are all there still, because clean-up
// stops at the last commit that is safe.

namespace orrery::sim::database {
namespace {

constexpr std::uint32_t kRoomSite = 0xdb000003;

RowOperation undo_of(RowWrite write) {
  return write == RowWrite::insert   ? RowOperation::remove
         : write == RowWrite::update ? RowOperation::update
                                     : RowOperation::insert;
}

std::vector<SqlValue> cells_of(const Table& table, VersionId version) {
  std::vector<SqlValue> cells;
  if (version == kNoVersion) return cells;
  const Value* row = (*table.heap)[version].row;
  for (std::size_t i = 0; i < table.columns.size(); ++i) append_sql_value(row[i], table.columns[i].type, cells);
  return cells;
}

}  // namespace

std::vector<LoggedSequence> EngineImpl::log_sequences() const {
  std::vector<LoggedSequence> logged;
  for (const auto& sequence : catalog.sequences()) {
    logged.push_back({sequence->id, sequence->last_value, sequence->is_called, sequence->logged_ahead});
  }
  return logged;
}

void EngineImpl::keep_commits() {
  if (keeps_commits) return;
  keeps_commits = true;
  settled = transactions.last_commit();
  safe_sequences = log_sequences();
}

void EngineImpl::remember(const SessionImpl& session, std::uint64_t place) {
  const Transaction& txn = session.transaction;
  unsafe.push_back({place, session.name, txn.xids, txn.writes, log_sequences()});
}

void EngineImpl::settle(std::uint64_t place) {
  if (!keeps_commits || place <= settled) return;
  settled = place;
  if (unsafe.empty() || unsafe.front().place > place) {
    if (unsafe.empty()) safe_sequences = log_sequences();
    return;
  }
  while (!unsafe.empty() && unsafe.front().place <= place) {
    safe_sequences = std::move(unsafe.front().sequences);
    unsafe.pop_front();
  }
}

void EngineImpl::recover() {
  for (const SessionImpl* session : sessions) {
    CHECK(session == nullptr || session->replayed, "recovery comes after all sessions are gone");
  }
  clean_up(SIZE_MAX);
  for (const auto& sequence : catalog.sequences()) sequence->recover();
}

std::vector<LostTransaction> EngineImpl::lose_after(std::uint64_t place) {
  for (const SessionImpl* session : sessions) {
    CHECK(session == nullptr || session->replayed, "commits are lost after all sessions are gone");
  }
  std::vector<LostTransaction> lost;
  while (!unsafe.empty() && unsafe.back().place > place) {
    const UnsafeCommit commit = std::move(unsafe.back());
    unsafe.pop_back();
    LostTransaction taken{commit.xids.front(), commit.session, {}};
    for (auto write = commit.writes.rbegin(); write != commit.writes.rend(); ++write) {
      RowChange undo;
      undo.table = write->table->qualified_name;
      undo.operation = undo_of(write->operation);
      undo.shape = write->table->shape;
      undo.before = cells_of(*write->table, write->after);
      undo.after = cells_of(*write->table, write->before);
      taken.changes.push_back(std::move(undo));
      if (write->after != kNoVersion) remove_version(*write->table, write->after);
      if (write->before == kNoVersion) continue;
      Version& before = (*write->table->heap)[write->before];
      before.xmax = 0;
      before.cmax = 0;
      before.ending = Ending::none;
      before.newer = kNoVersion;
    }
    transactions.take_back(commit.xids);
    lost.push_back(std::move(taken));
  }
  if (!lost.empty()) {
    std::erase_if(garbage, [place](const GarbageVersion& dead) { return dead.sequence > place; });
    const std::vector<LoggedSequence>& logged = unsafe.empty() ? safe_sequences : unsafe.back().sequences;
    for (const auto& sequence : catalog.sequences()) {
      const auto then = std::ranges::find(logged, sequence->id, &LoggedSequence::id);
      if (then == logged.end()) continue;
      sequence->last_value = then->last_value;
      sequence->is_called = then->is_called;
      sequence->logged_ahead = then->logged_ahead;
    }
  }
  recover();
  return lost;
}

void EngineImpl::find_room(const Table& table) {
  if (!is_disk_full) return;
  // One in four goes into a page that has room left.
  if (environment.draw(kRoomSite, table.id, ++pages_wanted) % 4 == 0) return;
  fail("53100", "could not extend file \"base/5/" + std::to_string(16384 + table.id) + "\": No space left on device", 0, {},
       "Check free disk space.");
}

}  // namespace orrery::sim::database
