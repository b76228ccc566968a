#include <algorithm>
#include <iterator>
#include <utility>

#include "sim/database/errors.hpp"
#include "sim/database/session_impl.hpp"

// DECLARE, FETCH, MOVE and CLOSE (manual, part VI; src/backend/tcop/pquery.c for where a cursor stands afterwards).

namespace orrery::sim::database {
namespace {

// CURSOR_OPT_… of parsenodes.h.
constexpr std::int32_t kBinary = 0x01;
constexpr std::int32_t kScroll = 0x02;
constexpr std::int32_t kNoScroll = 0x04;
constexpr std::int32_t kHold = 0x20;

/// ExecSupportsBackwardScan, without SCROLL: a sort keeps its rows, as do scans; joins, aggregates and the like do not.
bool goes_back(const QueryPlan& query) {
  if (!query.sort.empty() && !query.is_sorted_by_access) return true;
  if (query.is_grouped || query.is_distinct || !query.windows.empty() || query.has_set_functions) return false;
  if (query.operation != SetOperation::none) return false;
  return query.from == nullptr || query.from->kind != FromNode::Kind::join;
}

/// Moves the cursor to a row, or out of them: 0, or their number and one.
std::size_t clamped(std::int64_t position, std::size_t rows) {
  if (position <= 0) return 0;
  return std::min(static_cast<std::size_t>(position), rows + 1);
}

}  // namespace

Task<> SessionImpl::declare_cursor(const PgQuery__DeclareCursorStmt& stmt) {
  const std::string cursor = stmt.portalname;
  const bool is_held = (stmt.options & kHold) != 0;
  if ((stmt.options & kBinary) != 0) fail_unsupported("BINARY cursors");
  if ((stmt.options & kScroll) != 0 && (stmt.options & kNoScroll) != 0) fail("42P11", "cannot specify both SCROLL and NO SCROLL");
  Task<std::shared_ptr<const StatementPlan>> planning = plan_when_free(*stmt.query);
  const std::shared_ptr<const StatementPlan> plan = co_await std::move(planning);
  if (plan->query == nullptr || plan->writes || !plan->steps.empty()) {
    const bool locks_rows = plan->query != nullptr && !plan->query->marks.empty();
    if (locks_rows) fail_unsupported("cursors that lock rows");
    fail("0A000", "DECLARE CURSOR must not contain data-modifying statements in WITH");
  }
  if (!is_held && !transaction.is_explicit) fail("25P01", "DECLARE CURSOR can only be used in transaction blocks");
  if (cursors.contains(cursor)) fail("42P03", "cursor " + in_quotes(cursor) + " already exists");
  StatementResult result;
  co_await run_query_within(*stmt.query, result);
  Cursor made;
  made.rows = std::move(result.rows);
  made.types = std::move(result.types);
  made.may_go_back = (stmt.options & kScroll) != 0 || ((stmt.options & kNoScroll) == 0 && goes_back(*plan->query));
  made.is_held = is_held;
  made.level = transaction.levels.size();
  cursors.emplace(cursor, std::move(made));
}

void SessionImpl::fetch(const PgQuery__FetchStmt& stmt, StatementResult& result) {
  const auto found = cursors.find(std::string_view(stmt.portalname));
  if (found == cursors.end()) fail("34000", "cursor " + in_quotes(stmt.portalname) + " does not exist");
  Cursor& cursor = found->second;
  const std::size_t rows = cursor.rows.size();
  const std::size_t from = cursor.position;
  const auto at = static_cast<std::int64_t>(from);
  std::vector<std::size_t> fetched;  // row numbers from 1
  const auto refuse_back = [&](bool is_back) {
    if (!is_back || cursor.may_go_back) return;
    fail("55000", "cursor can only scan forward", 0, {}, "Declare it with SCROLL option to enable backward scan.");
  };
  const auto go_to = [&](std::int64_t position) {
    refuse_back(position < at || (position == at && from >= 1 && from <= rows));
    cursor.position = clamped(position, rows);
    if (cursor.position >= 1 && cursor.position <= rows) fetched.push_back(cursor.position);
  };
  std::int64_t count = stmt.how_many;
  bool is_forward = stmt.direction != PG_QUERY__FETCH_DIRECTION__FETCH_BACKWARD;
  if (stmt.direction == PG_QUERY__FETCH_DIRECTION__FETCH_ABSOLUTE) {
    go_to(count >= 0 ? count : std::max<std::int64_t>(0, static_cast<std::int64_t>(rows) + 1 + count));
  } else if (stmt.direction == PG_QUERY__FETCH_DIRECTION__FETCH_RELATIVE) {
    const auto most = static_cast<std::int64_t>(rows) + 1;
    go_to(at + std::clamp(count, -most, most));
  } else if (count == 0) {
    go_to(at);
  } else {
    if (count < 0) {
      is_forward = !is_forward;
      count = count == INT64_MIN ? INT64_MAX : -count;
    }
    refuse_back(!is_forward);
    const auto wanted = static_cast<std::uint64_t>(count);
    std::size_t next = from;
    while (fetched.size() < wanted) {
      if (is_forward ? next > rows : next == 0) break;
      next = is_forward ? next + 1 : next - 1;
      if (next == 0 || next > rows) break;
      fetched.push_back(next);
    }
    cursor.position = next;
  }
  const auto affected = static_cast<std::int64_t>(fetched.size());
  result.command_tag = (stmt.ismove ? "MOVE " : "FETCH ") + std::to_string(affected);
  if (stmt.ismove) return;
  std::vector<SqlValue> cells;
  const std::size_t width = cursor.rows.shape()->columns.size();
  for (const std::size_t row : fetched) {
    for (std::size_t column = 0; column < width; ++column) cells.push_back(cursor.rows[row - 1][column]);
  }
  result.rows = Rows(cursor.rows.shape(), std::move(cells), affected);
  result.types = cursor.types;
}

void SessionImpl::close_cursor(std::string_view cursor) {
  if (cursor.empty()) {
    cursors.clear();
    return;
  }
  const auto found = cursors.find(cursor);
  if (found == cursors.end()) fail("34000", "cursor " + in_quotes(cursor) + " does not exist");
  cursors.erase(found);
}

void SessionImpl::end_cursors(bool committed, std::size_t level) {
  if (cursors.empty()) return;
  for (auto entry = cursors.begin(); entry != cursors.end();) {
    Cursor& cursor = entry->second;
    const bool is_of_before = cursor.level == 0;
    const bool ends = !is_of_before && (committed ? !cursor.is_held : cursor.level > level);
    if (committed) cursor.level = 0;
    entry = ends ? cursors.erase(entry) : std::next(entry);
  }
}

}  // namespace orrery::sim::database
