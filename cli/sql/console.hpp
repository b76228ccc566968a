#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/sql/splitter.hpp"
#include "cli/sql/world.hpp"
#include "sim/database/engine.hpp"

namespace orrery::cli::sql {

/// Runs statements and backslash commands on a simulated database of its own and prints what psql would print. Time is
/// virtual: it passes in pg_sleep, in \sleep, and nowhere else.
class Console {
 public:
  /// `natural_order`: rows come as they lie where SQL leaves their order open, not in an order of the seed.
  Console(std::uint64_t seed, bool natural_order, std::FILE* out);

  /// Runs a file to its end or to \q. Throws UsageError if it cannot be read.
  void run_file(const std::string& path);
  /// Runs what a terminal or a pipe gives; prompts on a terminal only.
  void run_stream(std::FILE* in, bool is_terminal);
  /// Lets time pass until nobody waits any more, and names those who would wait forever.
  void finish();

  void stops_on_error(bool stops) noexcept { stops_on_error_ = stops; }
  [[nodiscard]] bool had_errors() const noexcept { return errors_ > 0; }

 private:
  void take_line(StatementSplitter& splitter, std::string_view line);
  void run_statement(const std::string& text);
  /// Shows what the statement came to, or that it waits.
  void show(SqlClient& client);
  /// A line of the rows that follow COPY … FROM STDIN.
  void take_row(std::string_view line);
  void end_rows();
  /// At the end of a file or a stream.
  void take_end(StatementSplitter& splitter);
  void command(std::string_view line);
  void complain(std::string_view what);
  void print(std::string_view text) const;
  void connect(const std::string& name);
  void list_sessions() const;
  void list_relations(std::string_view command) const;
  void describe(const std::string& name);
  void crash();
  void sleep(std::string_view duration);
  void set(std::string_view rest);
  /// Prints what sessions that waited have done meanwhile.
  void report_completed();
  void report(SqlClient& client);
  /// Lets time pass as long as this session sleeps (and does not wait for another).
  void wait_out_sleep(SqlClient& client);
  [[nodiscard]] bool is_over() const noexcept { return quits_ || (stops_on_error_ && errors_ > 0); }
  [[nodiscard]] std::string prompt(const StatementSplitter& splitter) const;

  std::FILE* out_;
  SqlEnvironment environment_;
  sim::database::Engine engine_;
  std::vector<std::unique_ptr<SqlClient>> clients_;  // in the order in which they were made
  std::vector<SqlClient*> waiting_;                  // shown as waiting, in the order in which they began
  SqlClient* copying_ = nullptr;              // whose rows are read
  std::vector<std::string> after_rows_;       // statements that stood in the line of a COPY
  std::size_t current_ = 0;
  std::size_t depth_ = 0;  // of \i
  std::size_t errors_ = 0;
  bool stops_on_error_ = false;
  bool quits_ = false;
};

}  // namespace orrery::cli::sql
