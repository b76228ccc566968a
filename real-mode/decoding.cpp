// PostgreSQL 15's manual, chapter 49 "Logical Decoding"; the format is that of contrib/test_decoding.
#include "real-mode/decoding.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <stdexcept>
#include <utility>

#include "real-mode/pg_link.hpp"

namespace orrery::real {
namespace {

constexpr std::string_view kMigrations = "orrery_migrations";
/// Tables of services/patterns that have rows before anybody uses a system: of the schema, or written by a service that starts. One that
/// was used has rows in others, too.
constexpr std::array<std::string_view, 3> kWrittenAtStart = {"event_head", "feed_checkpoints", "saga_declarations"};

[[noreturn]] void unreadable(std::string_view text) {
  throw std::runtime_error("logical decoding says what cannot be read: " + std::string(text.substr(0, 200)));
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

template <class Number>
Number number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) unreadable(text);
  return value;
}

/// "2026-01-02 03:04:05.678901+00"
SystemTime time_of(std::string_view text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  const std::string copy(text);
  int used = 0;
  if (std::sscanf(copy.c_str(), "%d-%d-%d %d:%d:%d%n", &year, &month, &day, &hour, &minute, &second, &used) != 6) {
    unreadable(text);
  }
  std::int64_t us = 0;
  std::size_t at = static_cast<std::size_t>(used);
  if (at < copy.size() && copy[at] == '.') {
    std::string digits = copy.substr(at + 1, copy.find_first_not_of("0123456789", at + 1) - at - 1);
    at += 1 + digits.size();
    digits.resize(6, '0');
    us = number<std::int64_t>(digits);
  }
  if (copy.substr(at) != "+00") unreadable(text);
  const std::chrono::sys_days date =
      std::chrono::year(year) / std::chrono::month(static_cast<unsigned>(month)) / static_cast<unsigned>(day);
  return SystemTime(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) + std::chrono::seconds(second) +
         std::chrono::microseconds(us);
}

struct Cell {
  std::string column;
  SqlValue value;
  bool unchanged = false;  // a large value that the update left as it was
};

SqlValue typed(std::string_view type, std::string_view text) {
  if (type == "boolean") return text == "true";
  if (type == "smallint" || type == "integer" || type == "bigint" || type == "oid") return number<std::int64_t>(text);
  if (type == "real" || type == "double precision") return number<double>(text);
  return text;
}

/// ` id[uuid]:'6f2c…' name[text]:'O''Neill' n[integer]:7 m[text]:null`, up to the end or to " new-tuple:".
std::vector<Cell> cells(std::string_view& text) {
  std::vector<Cell> found;
  while (take_prefix(text, " ") && !text.starts_with("new-tuple:")) {
    Cell cell;
    if (take_prefix(text, "\"")) {
      const std::size_t end = text.find('"');
      cell.column = text.substr(0, end);
      text.remove_prefix(end + 1);
    } else {
      const std::size_t end = text.find('[');
      if (end == std::string_view::npos) unreadable(text);
      cell.column = text.substr(0, end);
      text.remove_prefix(end);
    }
    // The type's own brackets: "tags[text[]]:".
    const std::size_t close = text.find("]:");
    if (!text.starts_with('[') || close == std::string_view::npos) unreadable(text);
    const std::string_view type = text.substr(1, close - 1);
    text.remove_prefix(close + 2);
    if (take_prefix(text, "'")) {
      std::string value;
      for (;;) {
        const std::size_t quote = text.find('\'');
        if (quote == std::string_view::npos) unreadable(text);
        value += text.substr(0, quote);
        text.remove_prefix(quote + 1);
        if (!take_prefix(text, "'")) break;
        value += '\'';
      }
      cell.value = typed(type, value);
    } else {
      const std::string_view value = text.substr(0, text.find(' '));
      text.remove_prefix(value.size());
      if (value == "unchanged-toast-datum") {
        cell.unchanged = true;
      } else if (value != "null") {
        cell.value = typed(type, value);
      }
    }
    found.push_back(std::move(cell));
  }
  return found;
}

/// In the table's order; what is not told is NULL, or as it was before.
std::vector<SqlValue> row_of(const RowShape& shape, std::vector<Cell> told, const std::vector<SqlValue>* before) {
  std::vector<SqlValue> row(shape.columns.size());
  for (Cell& cell : told) {
    const auto column = std::ranges::find(shape.columns, cell.column);
    if (column == shape.columns.end()) unreadable("a column \"" + cell.column + "\" that the table did not have");
    const auto at = static_cast<std::size_t>(column - shape.columns.begin());
    if (cell.unchanged) {
      if (before == nullptr) unreadable("a value that did not change, of a row that is new");
      row[at] = (*before)[at];
    } else {
      row[at] = std::move(cell.value);
    }
  }
  return row;
}

}  // namespace

void DecodingReader::line(std::string_view text, std::uint64_t place) {
  const std::string_view whole = text;
  if (take_prefix(text, "BEGIN ")) {
    current_ = DecodedTransaction();
    current_.id = number<std::uint64_t>(text);
    return;
  }
  if (take_prefix(text, "COMMIT ")) {
    const std::size_t at = text.find(" (at ");
    if (at == std::string_view::npos || !text.ends_with(")")) unreadable(whole);
    current_.committed_at = time_of(text.substr(at + 5, text.size() - at - 6));
    current_.end = place;
    transactions_.push_back(std::move(current_));
    return;
  }
  if (take_prefix(text, "message: ")) {
    constexpr std::string_view kOurs = "prefix: orrery, ";
    const std::size_t content = text.find("content:");
    if (text.find(kOurs) != std::string_view::npos && content != std::string_view::npos) {
      current_.session = text.substr(content + 8);
    }
    return;
  }
  if (!take_prefix(text, "table ")) unreadable(whole);
  const std::size_t colon = text.find(": ");
  if (colon == std::string_view::npos) unreadable(whole);
  const std::string_view name = text.substr(0, colon);
  text.remove_prefix(colon + 2);
  RowChange change;
  change.table = name.substr(name.find('.') + 1);
  const auto shape = shapes_.find(change.table);
  if (shape == shapes_.end()) unreadable(whole);
  change.shape = shape->second;
  if (take_prefix(text, "INSERT:")) {
    change.operation = RowOperation::insert;
    change.after = row_of(*change.shape, cells(text), nullptr);
  } else if (take_prefix(text, "UPDATE: old-key:")) {
    change.operation = RowOperation::update;
    change.before = row_of(*change.shape, cells(text), nullptr);
    if (!take_prefix(text, "new-tuple:")) unreadable(whole);
    change.after = row_of(*change.shape, cells(text), &change.before);
  } else if (take_prefix(text, "DELETE:")) {
    change.operation = RowOperation::remove;
    change.before = row_of(*change.shape, cells(text), nullptr);
  } else {
    unreadable(whole);
  }
  current_.changes.push_back(std::move(change));
}

ChangeCapture::ChangeCapture(std::string connection, std::string slot)
    : connection_(std::move(connection)), slot_(std::move(slot)) {
  PgLink link(connection_, "orrery-capture");
  const std::string level = link.execute("SHOW wal_level", {})[0][0].text();
  if (level != "logical") {
    throw std::runtime_error("the server has wal_level=" + level + "; the test bed needs wal_level=logical");
  }
  const Rows tables = link.execute(
      "SELECT c.relname::text AS name, string_agg(a.attname::text, ',' ORDER BY a.attnum) AS columns FROM pg_class c "
      "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
      "WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace GROUP BY c.relname ORDER BY 1",
      {});
  for (const Row table : tables) {
    auto shape = std::make_shared<RowShape>();
    const std::string columns = table["columns"].text();
    for (std::size_t at = 0; at <= columns.size();) {
      const std::size_t comma = std::min(columns.find(',', at), columns.size());
      shape->columns.push_back(columns.substr(at, comma - at));
      at = comma + 1;
    }
    shapes_[table["name"].text()] = std::move(shape);
    link.script("ALTER TABLE \"" + table["name"].text() + "\" REPLICA IDENTITY FULL");
  }
  (void)link.execute("SELECT pg_create_logical_replication_slot($1, 'test_decoding')", {slot_});
}

std::string ChangeCapture::filled() const {
  PgLink link(connection_, "orrery-capture");
  for (const auto& [table, shape] : shapes_) {
    const bool may_be = table == kMigrations || std::ranges::find(kWrittenAtStart, table) != kWrittenAtStart.end();
    if (!may_be && !link.execute("SELECT 1 FROM \"" + table + "\" LIMIT 1", {}).empty()) return table;
  }
  return {};
}

std::vector<RowChange> ChangeCapture::standing() const {
  PgLink link(connection_, "orrery-capture");
  std::vector<RowChange> changes;
  for (const std::string_view table : kWrittenAtStart) {
    const auto shape = shapes_.find(table);
    if (shape == shapes_.end()) continue;
    std::string columns;
    for (const std::string& column : shape->second->columns) columns += (columns.empty() ? "\"" : ", \"") + column + "\"";
    const Rows rows = link.execute("SELECT " + columns + " FROM \"" + shape->first + "\"", {});
    for (const Row row : rows) {
      RowChange& change = changes.emplace_back();
      change.table = shape->first;
      change.operation = RowOperation::insert;
      change.shape = shape->second;
      for (std::size_t i = 0; i < shape->second->columns.size(); ++i) change.after.push_back(row[i]);
    }
  }
  return changes;
}

std::vector<DecodedTransaction> ChangeCapture::take() {
  PgLink link(connection_, "orrery-capture");
  DecodingReader reader(shapes_);
  for (;;) {
    const Rows rows = link.execute(
        "SELECT data, (lsn - '0/0')::bigint FROM pg_logical_slot_get_changes($1, NULL, 5000, 'include-timestamp', 'on', "
        "'skip-empty-xacts', 'on')",
        {slot_});
    for (const Row row : rows) reader.line(row[0].text(), static_cast<std::uint64_t>(row[1].integer()));
    if (rows.empty()) break;
  }
  return reader.take();
}

void ChangeCapture::drop() {
  PgLink link(connection_, "orrery-capture");
  (void)link.execute("SELECT pg_drop_replication_slot($1)", {slot_});
}

}  // namespace orrery::real
