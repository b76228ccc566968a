#include <algorithm>
#include <utility>

#include "sim/database/constraints.hpp"
#include "sim/database/copy_format.hpp"
#include "sim/database/errors.hpp"
#include "sim/database/join_rules.hpp"
#include "sim/database/row_writes.hpp"
#include "sim/database/types/utf8.hpp"
#include "sim/database/utility.hpp"

// COPY … FROM STDIN and TO STDOUT (manual, part VI; src/backend/commands/copyfrom.c for what is found first).

namespace orrery::sim::database {
namespace {

std::string quoted_name(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string list_of(const Table& table, const std::vector<std::uint32_t>& columns) {
  std::string list;
  for (const std::uint32_t column : columns) list += (list.empty() ? "" : ", ") + quoted_name(table.columns[column].name);
  return list;
}

std::string name_of(const Table& table) { return quoted_name(table.schema) + "." + quoted_name(table.name); }

/// The columns that the statement names, or all but generated ones. Throws 42703, 42701, 42P10.
std::vector<std::uint32_t> columns_of(const Table& table, const std::vector<std::string>& names, bool are_given) {
  std::vector<std::uint32_t> columns;
  if (!are_given) {
    for (std::uint32_t i = 0; i < table.columns.size(); ++i) {
      if (!table.columns[i].is_generated) columns.push_back(i);
    }
    return columns;
  }
  for (const std::string& name : names) {
    const auto column = table.column(name);
    if (!column) fail("42703", "column " + in_quotes(name) + " of relation " + in_quotes(table.name) + " does not exist");
    if (table.columns[*column].is_generated) {
      fail("42P10", "column " + in_quotes(name) + " is a generated column", 0, "Generated columns cannot be used in COPY.");
    }
    if (std::find(columns.begin(), columns.end(), *column) != columns.end()) {
      fail("42701", "column " + in_quotes(name) + " specified more than once");
    }
    columns.push_back(*column);
  }
  return columns;
}

std::vector<std::string> names_in(Nodes nodes) {
  std::vector<std::string> names;
  for (const Node* node : nodes) names.emplace_back(node->string->sval);
  return names;
}

/// Which of the copied columns an option names. Throws 42P10.
std::vector<bool> forced_columns(const Table& table, const std::vector<std::uint32_t>& columns, const CopyOptions::Columns& forced,
                                 const char* option) {
  std::vector<bool> flags(columns.size(), forced.all);
  for (const std::uint32_t column : columns_of(table, forced.names, true)) {
    const auto place = std::find(columns.begin(), columns.end(), column);
    if (place == columns.end()) {
      fail("42P10", std::string(option) + " column " + in_quotes(table.columns[column].name) + " not referenced by COPY");
    }
    flags[static_cast<std::size_t>(place - columns.begin())] = true;
  }
  return flags;
}

std::string shortened(std::string_view text) {
  constexpr std::size_t kMost = 100;
  return text.size() <= kMost ? std::string(text) : std::string(utf8_prefix_of_bytes(text, kMost)) + "...";
}

/// Computed anew for each row, so that rows must go into the table one by one.
bool keeps_from_batches(const Expr& value) {
  if (value.kind == ExprKind::cast && !value.args.empty()) return keeps_from_batches(*value.args.front());
  if (value.kind == ExprKind::engine_call && value.engine_function == EngineFunction::nextval) return false;
  return is_volatile(value);
}

/// COPY … FROM STDIN into a table that is locked.
class CopyIn {
 public:
  CopyIn(SessionImpl& session, Table& table, const CopyOptions& options, std::vector<std::uint32_t> columns)
      : session_(session),
        stream_(*session.copy_stream),
        table_(table),
        options_(options),
        columns_(std::move(columns)),
        not_null_(forced_columns(table, columns_, options.force_not_null, "FORCE_NOT_NULL")),
        null_(forced_columns(table, columns_, options.force_null, "FORCE_NULL")),
        plan_(make_plan()),
        execution_(session, session.engine),
        lines_(options) {
    row_.resize(columns_.size());
    for (const ExprPtr& value : plan_->modify->columns) goes_one_by_one_ = goes_one_by_one_ || (value != nullptr && keeps_from_batches(*value));
  }

  /// Gives the number of rows.
  Task<std::int64_t> run() {
    execution_.start(*plan_, session_);
    execution_.parameters.resize(columns_.size());
    session_.take_snapshot();
    session_.snapshot_in_use = true;
    execution_.snapshot = session_.transaction.snapshot;
    stream_.begin_input(columns_.size());
    refuse_freeze();
    const std::size_t first_write = session_.transaction.writes.size();
    bool wants_header = options_.header != CopyOptions::Header::none;
    try {
      while (true) {
        Task<bool> reading = next_line();
        const bool has_line = co_await std::move(reading);
        if (!has_line) break;
        if (std::exchange(wants_header, false)) {
          check_header();
          continue;
        }
        make_row();
        if (batch_.size() < kBatchRows && batch_bytes_ < kBatchBytes && !goes_one_by_one_) continue;
        Task<> storing = store_batch();
        co_await std::move(storing);
      }
      Task<> storing = store_batch();
      co_await std::move(storing);
    } catch (SqlError& error) {
      if (error.context.empty()) error.context = place();
      throw;
    }
    if (leaves_checks(session_.transaction, first_write)) co_await check_after_statement(session_, first_write);
    session_.snapshot_in_use = false;
    co_return count_;
  }

 private:
  // As PostgreSQL's CopyMultiInsertInfo: what rows are like is found before their keys are looked at.
  static constexpr std::size_t kBatchRows = 1000;
  static constexpr std::size_t kBatchBytes = 65535;

  struct Made {
    std::unique_ptr<FreshRow> row;
    std::uint64_t line;
  };

  std::unique_ptr<StatementPlan> make_plan() {
    // Zero columns: the rows are made of defaults.
    std::string sql = "INSERT INTO " + name_of(table_);
    std::string values;
    std::vector<TypeRef> types;
    for (const std::uint32_t column : columns_) {
      types.push_back(table_.columns[column].type.without_typmod());
      values += (values.empty() ? "$" : ", $") + std::to_string(types.size());
    }
    sql += columns_.empty() ? " DEFAULT VALUES" : " (" + list_of(table_, columns_) + ") OVERRIDING SYSTEM VALUE VALUES (" + values + ")";
    tree_ = std::make_unique<ParseTree>(sql);
    return Analyzer(session_.naming).statement(tree_->statement(0), types);
  }

  void refuse_freeze() const {
    if (!options_.freezes) return;
    const Transaction& txn = session_.transaction;
    const bool is_fresh = std::any_of(txn.fresh_tables.begin(), txn.fresh_tables.end(), [&](const FreshTable& fresh) {
      return fresh.table == &table_ && fresh.level == txn.level();
    });
    if (is_fresh) return;
    fail("55000", "cannot perform COPY FREEZE because the table was not created or truncated in the current subtransaction");
  }

  /// Once the data has ended by `\.`, what else is sent is read and forgotten.
  Task<bool> next_line() {
    line_.reset();
    while (true) {
      if (!lines_.is_over()) line_ = lines_.next();
      if (line_ && !lines_.is_over()) co_return true;
      if (lines_.is_over() && has_ended_) co_return line_.has_value();
      Task<std::optional<std::string>> reading = stream_.read();
      const std::optional<std::string> piece = co_await std::move(reading);
      check_interrupts();
      if (!piece) {
        has_ended_ = true;
        lines_.end();
      } else if (!lines_.is_over()) {
        lines_.feed(*piece);
      }
    }
  }

  void check_interrupts() const {
    const WaitLimits& limits = session_.transaction.limits;
    if (session_.engine.locks.executor().now() >= limits.statement_deadline) {
      fail("57014", "canceling statement due to statement timeout");
    }
  }

  void check_header() {
    if (options_.header != CopyOptions::Header::matched) return;
    split_copy_line(options_, *line_, fields_);
    if (fields_.size() != columns_.size()) {
      fail("22P04", "wrong number of fields in header line: got " + std::to_string(fields_.size()) + ", expected " +
                        std::to_string(columns_.size()));
    }
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string& name = table_.columns[columns_[i]].name;
      if (fields_[i] == name) continue;
      const std::string got = fields_[i] ? in_quotes(*fields_[i]) : "null value (" + in_quotes(options_.null_text) + ")";
      fail("22P04", "column name mismatch in header line field " + std::to_string(i + 1) + ": got " + got + ", expected " + in_quotes(name));
    }
  }

  void make_row() {
    split_copy_line(options_, *line_, fields_);
    if (columns_.empty() && line_->empty()) fields_.clear();
    if (fields_.size() > columns_.size()) fail("22P04", "extra data after last expected column");
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const Column& column = table_.columns[columns_[i]];
      if (i >= fields_.size()) fail("22P04", "missing data for column " + in_quotes(column.name));
      CopyField& field = fields_[i];
      if (!field && not_null_[i]) field = options_.null_text;
      if (field && null_[i] && *field == options_.null_text) field.reset();
      column_ = &column;
      field_ = &field;
      execution_.parameters[i] = field ? input_text(plan_->parameters[i], *field, &execution_) : Value();
      Value local;
      row_[i] = evaluate(*plan_->modify->source->values.front()[i], execution_, local);
      column_ = nullptr;
    }
    execution_.slots[plan_->modify->source_slot] = {row_.data(), kNoVersion};
    Made made{std::make_unique<FreshRow>(*table_.heap), lines_.number()};
    make_insert_row(*plan_->modify, execution_, *made.row);
    batch_bytes_ += line_->size();
    batch_.push_back(std::move(made));
  }

  Task<> store_batch() {
    line_.reset();
    for (const Made& made : batch_) {
      stored_line_ = made.line;
      Task<> storing = store_insert_row(*plan_->modify, execution_, *made.row);
      co_await std::move(storing);
      ++count_;
    }
    stored_line_ = 0;
    batch_.clear();
    batch_bytes_ = 0;
  }

  /// Where an error was found.
  [[nodiscard]] std::string place() const {
    std::string text = "COPY " + table_.name + ", line " + std::to_string(stored_line_ != 0 ? stored_line_ : lines_.number());
    if (column_ != nullptr) {
      text += ", column " + column_->name + ": ";
      return text + (*field_ ? in_quotes(shortened(**field_)) : "null input");
    }
    return line_ ? text + ": " + in_quotes(shortened(*line_)) : text;
  }

  SessionImpl& session_;
  CopyStream& stream_;
  Table& table_;
  const CopyOptions& options_;
  std::vector<std::uint32_t> columns_;
  std::vector<bool> not_null_;
  std::vector<bool> null_;
  std::unique_ptr<ParseTree> tree_;
  std::unique_ptr<StatementPlan> plan_;
  Execution execution_;
  CopyLines lines_;
  std::vector<Value> row_;
  std::vector<CopyField> fields_;
  std::vector<Made> batch_;
  std::size_t batch_bytes_ = 0;
  std::int64_t count_ = 0;
  bool goes_one_by_one_ = false;
  bool has_ended_ = false;  // the client has said that no more comes
  // For `place`:
  std::optional<std::string_view> line_;
  std::uint64_t stored_line_ = 0;
  const Column* column_ = nullptr;
  const CopyField* field_ = nullptr;
};

CatalogEntry& named_relation(SessionImpl& session, PgQuery__RangeVar range) {
  range.location = -1;  // the message has no position
  return session.naming.relation(range);
}

/// Finds the relation and locks it, if it is a table.
Task<CatalogEntry*> open_relation(SessionImpl& session, const PgQuery__RangeVar& range, LockMode mode) {
  while (true) {
    const std::uint64_t version = session.engine.catalog.version;
    CatalogEntry& entry = named_relation(session, range);
    if (entry.kind == CatalogEntry::Kind::index) fail("42809", in_quotes(range.relname) + " is an index");
    if (entry.kind != CatalogEntry::Kind::table) co_return &entry;
    co_await lock_table(session, *entry.table, mode);
    if (session.engine.catalog.version == version) co_return &entry;
  }
}

/// The refusal comes when the client has sent its rows.
Task<> refuse_input(SessionImpl& session, const CatalogEntry& entry, const std::string& name) {
  CopyStream& stream = *session.copy_stream;
  stream.begin_input(entry.view != nullptr ? entry.view->columns.size() : 3);
  while (true) {
    Task<std::optional<std::string>> reading = stream.read();
    const std::optional<std::string> piece = co_await std::move(reading);
    if (!piece) break;
  }
  if (entry.view == nullptr) fail("42809", "cannot copy to sequence " + in_quotes(name));
  fail("42809", "cannot copy to view " + in_quotes(name), 0, {}, "To enable copying to a view, provide an INSTEAD OF INSERT trigger.");
}

Task<std::int64_t> copy_in(SessionImpl& session, const PgQuery__CopyStmt& stmt) {
  if (stmt.where_clause != nullptr) fail_unsupported("COPY … WHERE");
  CatalogEntry* const entry = co_await open_relation(session, *stmt.relation, LockMode::row_exclusive);
  std::vector<std::uint32_t> columns;
  if (entry->table != nullptr) columns = columns_of(*entry->table, names_in(Nodes(stmt.attlist, stmt.n_attlist)), stmt.n_attlist > 0);
  if (session.transaction.is_read_only) fail("25006", "cannot execute COPY FROM in a read-only transaction");
  const CopyOptions options = copy_options(Nodes(stmt.options, stmt.n_options), true);
  if (entry->table == nullptr) {
    co_await refuse_input(session, *entry, stmt.relation->relname);
    co_return 0;
  }
  CopyIn copy(session, *entry->table, options, std::move(columns));
  co_return co_await copy.run();
}

void send_rows(CopyStream& stream, const CopyOptions& options, const Rows& rows, const std::vector<bool>& forced) {
  const std::size_t width = rows.shape()->columns.size();
  stream.begin_output(width);
  std::string line;
  if (options.header != CopyOptions::Header::none) {
    for (std::size_t i = 0; i < width; ++i) {
      if (i > 0) line += options.delimiter;
      append_copy_field(line, options, rows.shape()->columns[i], false, width == 1);
    }
    stream.write(line + '\n');
  }
  for (std::int64_t row = 0; row < rows.affected(); ++row) {
    line.clear();
    for (std::size_t i = 0; i < width; ++i) {
      if (i > 0) line += options.delimiter;
      const SqlValue& cell = rows[static_cast<std::size_t>(row)][i];
      if (cell.is_null()) {
        line += options.null_text;
      } else {
        append_copy_field(line, options, cell.text(), forced[i], width == 1);
      }
    }
    line += '\n';
    stream.write(line);
  }
  stream.end_output();
}

/// What a query may not be. Throws 0A000.
void check_query(const Node& query) {
  if (query.node_case == PG_QUERY__NODE__NODE_SELECT_STMT && Analyzer::into_of(*query.select_stmt) != nullptr) {
    fail("0A000", "COPY (SELECT INTO) is not supported");
  }
  if (query.node_case == PG_QUERY__NODE__NODE_MERGE_STMT) fail("0A000", "MERGE not supported in COPY");
  if (!Analyzer::is_query(query)) fail_unsupported("COPY of this statement");
  const bool returns = query.node_case == PG_QUERY__NODE__NODE_SELECT_STMT ||
                       (query.node_case == PG_QUERY__NODE__NODE_INSERT_STMT && query.insert_stmt->n_returning_list > 0) ||
                       (query.node_case == PG_QUERY__NODE__NODE_UPDATE_STMT && query.update_stmt->n_returning_list > 0) ||
                       (query.node_case == PG_QUERY__NODE__NODE_DELETE_STMT && query.delete_stmt->n_returning_list > 0);
  if (!returns) fail("0A000", "COPY query must have a RETURNING clause");
}

Task<std::int64_t> copy_query(SessionImpl& session, const PgQuery__CopyStmt& stmt) {
  const Node& query = *stmt.query;
  const CopyOptions options = copy_options(Nodes(stmt.options, stmt.n_options), false);
  check_query(query);
  StatementResult result;
  co_await session.run_query_within(query, result);
  const std::vector<std::string>& names = result.rows.shape()->columns;
  std::vector<bool> forced(names.size(), options.force_quote.all);
  for (const std::string& name : options.force_quote.names) {
    const auto place = std::find(names.begin(), names.end(), name);
    if (place == names.end()) fail("42703", "column " + in_quotes(name) + " does not exist");
    forced[static_cast<std::size_t>(place - names.begin())] = true;
  }
  send_rows(*session.copy_stream, options, result.rows, forced);
  co_return result.rows.affected();
}

Task<std::int64_t> copy_table(SessionImpl& session, const PgQuery__CopyStmt& stmt) {
  CatalogEntry* const entry = co_await open_relation(session, *stmt.relation, LockMode::access_share);
  const std::string name = stmt.relation->relname;
  if (entry->kind == CatalogEntry::Kind::view) {
    fail("42809", "cannot copy from view " + in_quotes(name), 0, {}, "Try the COPY (SELECT ...) TO variant.");
  }
  if (entry->table == nullptr) fail("42809", "cannot copy from sequence " + in_quotes(name));
  const Table& table = *entry->table;
  const auto columns = columns_of(table, names_in(Nodes(stmt.attlist, stmt.n_attlist)), stmt.n_attlist > 0);
  const CopyOptions options = copy_options(Nodes(stmt.options, stmt.n_options), false);
  const std::vector<bool> forced = forced_columns(table, columns, options.force_quote, "FORCE_QUOTE");
  const ParseTree tree("SELECT " + list_of(table, columns) + " FROM ONLY " + name_of(table));
  StatementResult result;
  co_await session.run_query_within(tree.statement(0), result);
  send_rows(*session.copy_stream, options, result.rows, forced);
  co_return result.rows.affected();
}

}  // namespace

Task<> copy_rows(SessionImpl& session, const PgQuery__CopyStmt& stmt, StatementResult& result) {
  if (session.copy_stream == nullptr) fail_unsupported("COPY");
  if (stmt.is_program || stmt.filename[0] != '\0') fail_unsupported("COPY with a file or program of the server");
  std::int64_t rows = 0;
  if (stmt.is_from) {
    rows = co_await copy_in(session, stmt);
  } else if (stmt.query != nullptr) {
    rows = co_await copy_query(session, stmt);
  } else {
    rows = co_await copy_table(session, stmt);
  }
  result.command_tag = "COPY " + std::to_string(rows);
}

}  // namespace orrery::sim::database
