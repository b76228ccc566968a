#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "properties/history_index.hpp"

namespace orrery {

/// The event is no commit but says that one is gone (a failover, a crash with synchronous_commit off). What it "changes" puts
/// rows back to what they were; nobody wrote it, and no rule of the application is about it.
[[nodiscard]] inline bool takes_back(const Event& commit) noexcept { return commit.kind == EventKind::transaction_lost; }

/// What one commit left of a row.
struct RowState {
  const Event* commit = nullptr;
  const RowChange* change = nullptr;  // the commit's last change of this row
  bool exists = true;                 // false: the commit removed it

  /// The row as committed; only if it exists.
  [[nodiscard]] Row row() const { return change->new_row(); }
};

/// All committed states of one row, in commit order; never empty. What a transaction did in between is not seen.
struct RowLife {
  std::vector<RowState> states;

  [[nodiscard]] const RowState& first() const { return states.front(); }
  [[nodiscard]] const RowState& last() const { return states.back(); }
  /// The newest state in which the row existed; null if the history only saw its removal.
  [[nodiscard]] const RowState* last_existing() const;
};

/// The commits that made a row what it is: its last few, in their order.
[[nodiscard]] std::vector<EventId> last_commits_of(const RowLife& life, std::size_t most = 4);

using RowLives = std::map<std::string, RowLife, std::less<>>;

/// The lives of a table's rows by the text of a key column, or of several: "consumer,message_id" gives keys
/// "notification|5c0e…". Shared by all checks of a run.
[[nodiscard]] const RowLives& lives_of(const HistoryIndex& index, std::string_view database_and_table,
                                       std::string_view key_columns);

/// The cell as text; NULL gives "".
[[nodiscard]] std::string cell(const Row& row, std::string_view column);

/// "user_db" of "user_db.users".
[[nodiscard]] std::string_view database_of(std::string_view database_and_table);
/// "users" of "user_db.users".
[[nodiscard]] std::string_view table_of(std::string_view database_and_table);

}  // namespace orrery
