#include "properties/rows.hpp"

#include <algorithm>

namespace orrery {
namespace {

std::string key_of(const Row& row, std::string_view columns) {
  std::string key;
  while (true) {
    const std::size_t comma = columns.find(',');
    key += row[columns.substr(0, comma)].text();
    if (comma == std::string_view::npos) return key;
    key += '|';
    columns.remove_prefix(comma + 1);
  }
}

RowLives follow(const HistoryIndex& index, std::string_view table, std::string_view columns) {
  RowLives lives;
  const auto note = [&lives](std::string key, const History::Change& change, bool exists) {
    std::vector<RowState>& states = lives[std::move(key)].states;
    const RowState state{change.commit, change.row, exists};
    if (!states.empty() && states.back().commit == change.commit) {
      states.back() = state;
    } else {
      states.push_back(state);
    }
  };
  for (const History::Change& change : index.committed(table)) {
    const RowChange& row = *change.row;
    if (row.operation == RowOperation::remove) {
      note(key_of(row.old_row(), columns), change, false);
      continue;
    }
    std::string key = key_of(row.new_row(), columns);
    if (row.operation == RowOperation::update && !row.before.empty()) {
      std::string old_key = key_of(row.old_row(), columns);
      if (old_key != key) note(std::move(old_key), change, false);
    }
    note(std::move(key), change, true);
  }
  return lives;
}

}  // namespace

std::vector<EventId> last_commits_of(const RowLife& life, std::size_t most) {
  std::vector<EventId> commits;
  const std::size_t skipped = life.states.size() - std::min(most, life.states.size());
  for (std::size_t i = skipped; i < life.states.size(); ++i) commits.push_back(life.states[i].commit->id);
  return commits;
}

const RowState* RowLife::last_existing() const {
  for (auto state = states.rbegin(); state != states.rend(); ++state) {
    if (state->exists) return &*state;
  }
  return nullptr;
}

const RowLives& lives_of(const HistoryIndex& index, std::string_view database_and_table, std::string_view key_columns) {
  std::string name = "rows ";
  name.append(database_and_table).append(" by ").append(key_columns);
  return index.shared<RowLives>(name,
                                [&](const HistoryIndex& of) { return follow(of, database_and_table, key_columns); });
}

std::string cell(const Row& row, std::string_view column) { return row[column].text(); }

std::string_view database_of(std::string_view database_and_table) {
  return database_and_table.substr(0, database_and_table.find('.'));
}

std::string_view table_of(std::string_view database_and_table) {
  return database_and_table.substr(database_and_table.find('.') + 1);
}

}  // namespace orrery
