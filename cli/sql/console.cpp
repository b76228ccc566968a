#include "cli/sql/console.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include <fmt/format.h>

#include "cli/input.hpp"
#include "cli/sql/output.hpp"

namespace orrery::cli::sql {
namespace {

using sim::database::ColumnDescription;
using sim::database::NamedDefinition;
using sim::database::RelationDescription;
using sim::database::TransactionStatus;
using Kind = RelationDescription::Kind;

constexpr const char* kHelp =
    "  \\d, \\dt, \\di, \\ds      lists relations, tables, indexes, sequences\n"
    "  \\d TABLE              columns, indexes and constraints of a table\n"
    "  \\c SESSION            goes to a session; a new name connects one\n"
    "  \\sessions             lists the sessions and what they do\n"
    "  \\sleep TIME           lets virtual time pass: 250ms, 2s, 5m\n"
    "  \\crash                the server crashes and recovers; all sessions connect again\n"
    "  \\set seed N           decisions are drawn from another seed from here on\n"
    "  \\i FILE               runs a file\n"
    "  \\echo TEXT            prints a line\n"
    "  \\q                    ends\n";

/// Words as they stand there, in small letters.
bool is_copy_from_stdin(std::string_view text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (is_letter) {
      words.back() += static_cast<char>(c | 0x20);
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  constexpr std::array<std::string_view, 2> kFromStdin{"from", "stdin"};
  return words.front() == "copy" && std::ranges::search(words, kFromStdin).begin() != words.end();
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r' || text.back() == ';')) {
    text.remove_suffix(1);
  }
  return text;
}

const char* kind_name(Kind kind) {
  switch (kind) {
    case Kind::index:
      return "index";
    case Kind::sequence:
      return "sequence";
    case Kind::view:
      return "view";
    case Kind::table:
      break;
  }
  return "table";
}

/// psql's title, in the middle over the table.
std::string titled(std::string_view title, const std::string& table) {
  const std::size_t width = table.find('\n');
  const std::size_t size = width_of(title);
  return std::string(width > size ? (width - size) / 2 : 0, ' ') + std::string(title) + "\n" + table;
}

std::string section(const char* title, const std::vector<NamedDefinition>& items, bool quoted) {
  if (items.empty()) return {};
  std::string out = std::string(title) + ":\n";
  for (const NamedDefinition& item : items) {
    out += "    " + (quoted ? '"' + item.name + '"' : item.name) + " " + item.definition + "\n";
  }
  return out;
}

}  // namespace

Console::Console(std::uint64_t seed, bool natural_order, std::FILE* out)
    : out_(out), environment_(seed), engine_("orrery", environment_, {.shuffles_open_order = !natural_order}) {
  connect("main");
}

void Console::print(std::string_view text) const { std::fwrite(text.data(), 1, text.size(), out_); }

void Console::complain(std::string_view what) {
  ++errors_;
  print(fmt::format("{}\n", what));
}

void Console::connect(const std::string& name) {
  const auto found = std::ranges::find_if(clients_, [&](const auto& client) { return client->name() == name; });
  current_ = static_cast<std::size_t>(found - clients_.begin());
  if (found == clients_.end()) {
    clients_.push_back(std::make_unique<SqlClient>(engine_, environment_.time, name));
    clients_.back()->allow_copy();
  }
}

void Console::run_file(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) throw UsageError(fmt::format("\"{}\": is a directory", path));
  std::ifstream file(path);
  if (!file) throw UsageError(fmt::format("\"{}\": cannot be read: {}", path, std::strerror(errno)));
  StatementSplitter splitter;
  std::string line;
  while (!is_over() && std::getline(file, line)) take_line(splitter, line);
  take_end(splitter);
}

void Console::take_end(StatementSplitter& splitter) {
  if (is_over()) return;
  while (copying_ != nullptr) end_rows();
  for (const auto& statement : splitter.finish()) run_statement(statement.text);
  while (copying_ != nullptr) end_rows();
}

void Console::run_stream(std::FILE* in, bool is_terminal) {
  StatementSplitter splitter;
  std::string line;
  while (!is_over()) {
    if (is_terminal) {
      print(copying_ != nullptr ? ">> " : prompt(splitter));
      std::fflush(out_);
    }
    line.clear();
    int c = 0;
    while ((c = std::fgetc(in)) != EOF && c != '\n') line.push_back(static_cast<char>(c));
    if (c == EOF && line.empty()) break;
    take_line(splitter, line);
    if (is_terminal && !stops_on_error_) errors_ = 0;
  }
  take_end(splitter);
  if (is_terminal && !is_over()) print("\n");
}

std::string Console::prompt(const StatementSplitter& splitter) const {
  SqlClient& client = *clients_[current_];
  const TransactionStatus status = client.session().status();
  const char* mark = status == TransactionStatus::failed ? "!" : status == TransactionStatus::in_transaction ? "*" : "";
  return fmt::format("{}{}{}# ", client.name(), splitter.prompt(), mark);
}

void Console::take_row(std::string_view line) {
  if (line == "\\." || line == "\\.\r") return end_rows();
  copying_->copy().put(std::string(line) + "\n");
}

void Console::end_rows() {
  SqlClient& client = *std::exchange(copying_, nullptr);
  client.copy().end();
  show(client);
  for (const std::string& text : std::exchange(after_rows_, {})) {
    if (is_over()) return;
    if (copying_ != nullptr) {
      after_rows_.push_back(text);
    } else {
      run_statement(text);
    }
  }
}

void Console::take_line(StatementSplitter& splitter, std::string_view line) {
  if (copying_ != nullptr) return take_row(line);
  if (line.ends_with('\r')) line.remove_suffix(1);
  const std::string_view trimmed = trim(line);
  if (trimmed.starts_with('\\') && splitter.is_outside_of_quotes()) {
    static_cast<void>(splitter.feed(""));
    command(trimmed);
    return;
  }
  for (const auto& statement : splitter.feed(line)) {
    if (is_over()) return;
    if (copying_ != nullptr) {
      after_rows_.push_back(statement.text);
    } else {
      run_statement(statement.text);
    }
  }
}

void Console::run_statement(const std::string& text) {
  SqlClient& client = *clients_[current_];
  if (client.is_busy()) {
    complain(fmt::format("session \"{}\" still waits; \\c OTHER goes to another, \\sleep lets time pass", client.name()));
    return;
  }
  client.start(text);
  wait_out_sleep(client);
  if (client.copy().wants_input() || (client.is_busy() && is_copy_from_stdin(text))) {
    copying_ = &client;
    return;
  }
  show(client);
}

void Console::show(SqlClient& client) {
  wait_out_sleep(client);
  if (client.is_busy()) {
    print(fmt::format("{}: waiting ...\n", client.name()));
    waiting_.push_back(&client);
  } else {
    report(client);
  }
  report_completed();
  std::fflush(out_);
}

void Console::wait_out_sleep(SqlClient& client) {
  while (client.is_busy() && !client.waits_for_lock() && !client.copy().is_reading()) {
    const auto next = environment_.time.next();
    CHECK(next.has_value(), "a session that waits for no other waits for a time");
    environment_.time.run_until(*next);
  }
}

void Console::report(SqlClient& client) {
  const auto error = client.finish();
  print(client.copy().output());
  for (const StatementResult& result : client.results) {
    // As in psql: the rows of COPY … TO STDOUT stand for themselves.
    if (!client.copy().has_output() || !result.command_tag.starts_with("COPY ")) print(result_text(result));
  }
  if (!error) return;
  ++errors_;
  print(error_text(*error, client.text));
}

void Console::report_completed() {
  for (std::size_t i = 0; i < waiting_.size();) {
    SqlClient& client = *waiting_[i];
    if (client.is_busy()) {
      ++i;
      continue;
    }
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
    print(fmt::format("{}: <... completed>\n", client.name()));
    report(client);
    environment_.time.settle();
    i = 0;
  }
}

void Console::finish() {
  while (!waiting_.empty()) {
    const auto next = environment_.time.next();
    if (!next) break;
    environment_.time.run_until(*next);
    report_completed();
  }
  for (const SqlClient* client : waiting_) complain(fmt::format("{}: waits for ever: nobody is left to let it go on", client->name()));
  std::fflush(out_);
}

void Console::command(std::string_view line) {
  const std::size_t space = line.find_first_of(" \t");
  const std::string_view name = line.substr(0, space);
  const std::string_view rest = space == std::string_view::npos ? std::string_view() : trim(line.substr(space));
  if (name == "\\q") {
    quits_ = true;
  } else if (name == "\\?") {
    print(kHelp);
  } else if (name == "\\echo") {
    print(fmt::format("{}\n", rest));
  } else if (name == "\\c") {
    if (rest.empty()) {
      print(fmt::format("You are in session \"{}\".\n", clients_[current_]->name()));
    } else {
      connect(std::string(rest));
      print(fmt::format("You are now in session \"{}\".\n", rest));
    }
  } else if (name == "\\sessions") {
    list_sessions();
  } else if (name == "\\sleep") {
    sleep(rest);
  } else if (name == "\\crash") {
    crash();
  } else if (name == "\\set") {
    set(rest);
  } else if (name == "\\i") {
    if (depth_ >= 16) return complain("\\i: files are nested too deeply");
    ++depth_;
    try {
      run_file(std::string(rest));
    } catch (const UsageError& error) {
      complain(fmt::format("\\i {}", error.what()));
    }
    --depth_;
  } else if (name == "\\d" && !rest.empty()) {
    describe(std::string(rest));
  } else if ((name == "\\d" || name == "\\dt" || name == "\\di" || name == "\\ds") && rest.empty()) {
    list_relations(name);
  } else {
    complain(fmt::format("invalid command {}; \\? lists the commands", name));
  }
  std::fflush(out_);
}

void Console::sleep(std::string_view duration) {
  const auto time = parse_duration(duration);
  if (!time || *time < Duration(0)) return complain(fmt::format("\\sleep \"{}\": not a duration; write 250ms, 30s or 5m", duration));
  const Instant end = environment_.time.now() + *time;
  while (true) {  // each session's end is told before later things happen
    const auto next = environment_.time.next();
    if (!next || *next > end) break;
    environment_.time.run_until(*next);
    report_completed();
  }
  environment_.time.run_until(end);
  report_completed();
}

void Console::set(std::string_view rest) {
  const std::size_t space = rest.find_first_of(" \t");
  if (rest.substr(0, space) != "seed" || space == std::string_view::npos) return complain("\\set: write \\set seed N");
  try {
    environment_.seed = parse_seed(trim(rest.substr(space)));
  } catch (const UsageError&) {
    complain(fmt::format("\\set seed \"{}\": not a number", trim(rest.substr(space))));
  }
}

void Console::crash() {
  std::vector<std::string> names;
  for (const auto& client : clients_) names.push_back(client->name());
  const std::string current = names[current_];
  waiting_.clear();
  clients_.clear();
  engine_.recover();
  for (const std::string& name : names) connect(name);
  connect(current);
  print(fmt::format("The server crashed and recovered; {} connected again.\n",
                    names.size() == 1 ? "1 session" : fmt::format("{} sessions", names.size())));
}

void Console::list_sessions() const {
  std::vector<std::vector<std::string>> rows;
  for (const auto& client : clients_) {
    const TransactionStatus status = client->session().status();
    const char* state = client->is_busy()                             ? "waiting"
                        : status == TransactionStatus::in_transaction ? "in a transaction"
                        : status == TransactionStatus::failed         ? "in a failed transaction"
                                                                      : "idle";
    std::string text = client->is_busy() ? client->text : std::string();
    rows.push_back({client.get() == clients_[current_].get() ? "*" : "", client->name(), state, std::move(text)});
  }
  print(aligned_table({"", "Session", "State", "Statement"}, rows, std::vector<bool>(4)));
  print(rows.size() == 1 ? "(1 row)\n\n" : fmt::format("({} rows)\n\n", rows.size()));
}

void Console::list_relations(std::string_view command) const {
  std::vector<std::vector<std::string>> rows;
  for (const RelationDescription& relation : engine_.relations()) {
    const bool wanted = command == "\\dt"   ? relation.kind == Kind::table
                        : command == "\\di" ? relation.kind == Kind::index
                        : command == "\\ds" ? relation.kind == Kind::sequence
                                            : relation.kind != Kind::index;
    if (!wanted) continue;
    rows.push_back({relation.schema, relation.name, kind_name(relation.kind)});
    if (command == "\\di") rows.back().push_back(relation.table);
  }
  if (rows.empty()) {
    print("Did not find any relations.\n");
    return;
  }
  std::vector<std::string> header{"Schema", "Name", "Type"};
  if (command == "\\di") header.emplace_back("Table");
  print(titled("List of relations", aligned_table(header, rows, std::vector<bool>(header.size()))));
  print(rows.size() == 1 ? "(1 row)\n\n" : fmt::format("({} rows)\n\n", rows.size()));
}

void Console::describe(const std::string& name) {
  const RelationDescription* found = nullptr;
  const auto relations = engine_.relations();
  for (const RelationDescription& relation : relations) {
    const bool is_named = relation.name == name || relation.schema + "." + relation.name == name;
    if (is_named && (found == nullptr || relation.schema == "public")) found = &relation;
  }
  if (found == nullptr) return complain(fmt::format("Did not find any relation named \"{}\".", name));
  const std::string title = fmt::format("{} \"{}.{}\"", kind_name(found->kind), found->schema, found->name);
  if (found->kind != Kind::table) {
    print(fmt::format("{}{}\n", title, found->table.empty() ? "" : fmt::format(" on table \"{}\"", found->table)));
    return;
  }
  std::vector<std::vector<std::string>> rows;
  for (const ColumnDescription& column : found->columns) {
    rows.push_back({column.name, sim::database::type_name_with_typmod(column.type), "", column.not_null ? "not null" : "",
                    column.default_text});
  }
  print(titled("T" + title.substr(1), aligned_table({"Column", "Type", "Collation", "Nullable", "Default"}, rows,
                                                    std::vector<bool>(5))));
  print(section("Indexes", found->indexes, true) + section("Check constraints", found->checks, true) +
        section("Foreign-key constraints", found->foreign_keys, true) +
        section("Referenced by", found->referenced_by, false) + "\n");
}

}  // namespace orrery::cli::sql
