#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include <fmt/format.h>

#include "cli/input.hpp"
#include "cli/screen.hpp"
#include "cli/sql/console.hpp"
#include "cli/sql/isolation.hpp"
#include "cli/sql/wire_server.hpp"
#include "cli/verbs.hpp"

namespace orrery::cli {
namespace {

struct Options {
  std::string file;
  std::string isolation;
  std::string wire;
  std::string seed = "1";
  bool natural_order = false;
  bool stop_on_error = false;
};

std::string contents_of(const std::string& path, std::string_view option) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) throw UsageError(fmt::format("{} \"{}\": is a directory", option, path));
  std::ifstream file(path);
  if (!file) throw UsageError(fmt::format("{} \"{}\": cannot be read: {}", option, path, std::strerror(errno)));
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

int run_isolation(const Options& options) {
  try {
    Screen().text(sql::run_isolation_spec(contents_of(options.isolation, "--isolation")));
  } catch (const std::invalid_argument& error) {
    throw UsageError(fmt::format("--isolation \"{}\": {}", options.isolation, error.what()));
  }
  return kHeld;
}

int run_console(const Options& options) {
  sql::Console console(parse_seed(options.seed), options.natural_order, stdout);
  console.stops_on_error(options.stop_on_error);
  const bool is_terminal = options.file.empty() && ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
  if (is_terminal) Screen().line("SQL on a simulated PostgreSQL 15 in memory. \\? lists the commands, \\q ends.\n");
  if (options.file.empty() || options.file == "-") {
    console.run_stream(stdin, is_terminal);
  } else {
    console.run_file(options.file);
  }
  console.finish();
  return options.stop_on_error && console.had_errors() ? kViolated : kHeld;
}

int run(const Options& options) {
  const int modes = !options.file.empty() + !options.isolation.empty() + !options.wire.empty();
  if (modes > 1) throw UsageError("sql: write one of FILE, --isolation SPEC and --wire PORT");
  if (!options.isolation.empty()) return run_isolation(options);
  if (!options.wire.empty()) {
    return sql::serve(sql::parse_port(options.wire), parse_seed(options.seed), options.natural_order);
  }
  return run_console(options);
}

}  // namespace

Action add_sql(CLI::App& app, const Session& /*session*/) {
  auto options = std::make_shared<Options>();
  app.add_option("file", options->file, "A file of statements and backslash commands; - or none: what stdin gives")
      ->type_name("FILE");
  app.add_option("--isolation", options->isolation,
                 "Runs a spec of PostgreSQL's isolation tests and prints what isolationtester would")
      ->type_name("SPEC");
  app.add_option("--wire", options->wire, "Serves PostgreSQL's protocol on 127.0.0.1; 0: a free port, which is printed")
      ->type_name("PORT");
  app.add_option("--seed", options->seed, "The seed of what SQL leaves open (default 1)")->type_name("N");
  app.add_flag("--natural-order", options->natural_order,
               "Rows come as they lie where SQL leaves the order open; without it in an order of the seed");
  app.add_flag("--stop-on-error", options->stop_on_error, "Ends at the first error, with exit status 1");
  return [options] { return run(*options); };
}

}  // namespace orrery::cli
