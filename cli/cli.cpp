#include "cli/cli.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "cli/input.hpp"
#include "cli/screen.hpp"
#include "cli/verbs.hpp"
#include "scenarios/campaign_worker.hpp"

namespace orrery::cli {
namespace {

constexpr const char* kVersion = "0.1.0";

struct Verb {
  const char* name;
  const char* what;
  Action (*add)(CLI::App&, const Session&);
};
constexpr Verb kVerbs[] = {
    {"list", "Shows the scenarios with their claims, properties, faults and defects", add_list},
    {"run", "Runs seeds of scenarios and judges their properties", add_run},
    {"replay", "Runs one seed or plan file again and tells what happened", add_replay},
    {"shrink", "Finds the smallest plan that fails as a run does", add_shrink},
    {"verify", "Runs each seed twice and names the first event that differs", add_verify},
    {"timeline", "Draws what happened in one run as a space-time diagram", add_timeline},
    {"graph", "Draws the declared states of one saga with the path that it took", add_graph},
    {"report", "Writes one self-contained HTML page about one run", add_report},
    {"sql", "Runs SQL on a simulated PostgreSQL: a file, a terminal, an isolation spec, or real clients", add_sql},
    {"defects", "Runs every broken twin: is it found, by which property, after how many seeds", add_defects},
    {"real", "Runs a scenario with real processes, sockets and PostgreSQL", add_real},
    {"parity", "Runs plans in simulation and in real mode: do both worlds find the same?", add_parity},
    {"drive", "Asks a system that runs elsewhere what a scenario asks, and judges it", add_drive},
    {"serve", "Runs one replica of a service as this process", add_serve},
};

std::string first_line(std::string_view text) {
  std::string line(text.substr(0, text.find('\n')));
  return line;
}

std::vector<std::string> verb_names() {
  std::vector<std::string> names;
  for (const Verb& verb : kVerbs) names.emplace_back(verb.name);
  return names;
}

/// Every "--name" of a verb.
std::vector<std::string> options_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

/// What the parser says, as one line that names the verb and what would be right.
std::string explain(const CLI::ParseError& error, const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr && !chosen.empty()) {
    for (const std::string& word : app.remaining(true)) {
      const std::string option = word.substr(0, word.find('='));
      if (!option.starts_with('-'))
        return fmt::format("{}: \"{}\" is one argument too many", chosen.front()->get_name(), word);
      return unknown("option of " + chosen.front()->get_name(), option, options_of(*chosen.front()));
    }
  }
  std::string line = first_line(error.what());
  return chosen.empty() ? line : chosen.front()->get_name() + ": " + line;
}

int parse_and_act(int argc, char** argv, const Session& session) {
  CLI::App app("Simulates distributed services from seeds, strikes them with faults, and judges what must hold.",
               "orrery");
  app.set_version_flag("--version", std::string("orrery ") + kVersion);
  app.set_help_flag("-h,--help", "Prints this help");
  app.get_formatter()->column_width(34);
  app.footer(
      "Exit status: 0 held, 1 violated, 2 wrong usage, 3 not deterministic, 4 no world could be set up,\n"
      "130 interrupted. \"" +
      session.program + " VERB --help\" explains a verb.");
  app.require_subcommand(1);
  std::vector<std::pair<CLI::App*, Action>> actions;
  for (const Verb& verb : kVerbs) {
    CLI::App* sub = app.add_subcommand(verb.name, verb.what);
    sub->set_help_flag("-h,--help", "Prints this help");
    actions.emplace_back(sub, verb.add(*sub, session));
  }
  if (argc < 2) {
    Screen().text(app.help());
    throw UsageError(fmt::format("a verb is missing: {}", fmt::join(verb_names(), ", ")));
  }
  const std::vector<std::string> verbs = verb_names();
  if (argv[1][0] != '-' && std::ranges::find(verbs, argv[1]) == verbs.end()) {
    throw UsageError(unknown("verb", argv[1], verbs));
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    const auto chosen = app.get_subcommands();
    Screen().text(chosen.empty() ? app.help() : chosen.front()->help("orrery"));
    return kHeld;
  } catch (const CLI::Success&) {  // --version
    Screen().line(fmt::format("orrery {}", kVersion));
    return kHeld;
  } catch (const CLI::ParseError& error) {
    throw UsageError(explain(error, app));
  }
  for (const auto& [sub, action] : actions) {
    if (sub->parsed()) return action();
  }
  throw UsageError("a verb is missing");
}

}  // namespace

int run(int argc, char** argv, const Catalog& catalog) {
  const Session session{catalog, argc > 0 ? argv[0] : "orrery"};
  const auto complain = [](std::string_view what, int status) {
    std::fflush(stdout);
    std::fputs(fmt::format("orrery: {}\n", what).c_str(), stderr);
    return status;
  };
  ::signal(SIGPIPE, SIG_IGN);
  try {
    return parse_and_act(argc, argv, session);
  } catch (const UsageError& error) {
    return complain(error.what(), kWrongUsage);
  } catch (const std::invalid_argument& error) {
    return complain(first_line(error.what()), kWrongUsage);
  } catch (const SetupError& error) {
    return complain(error.what(), kNoWorld);
  } catch (const std::exception& error) {
    return complain(fmt::format("the world could not be set up: {}", error.what()), kNoWorld);
  }
}

}  // namespace orrery::cli
