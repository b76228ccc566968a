#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "cli/input.hpp"
#include "cli/report.hpp"
#include "cli/screen.hpp"
#include "cli/source.hpp"
#include "cli/verbs.hpp"
#include "scenarios/campaign_retell.hpp"

namespace orrery::cli {
namespace {

struct Arguments {
  SourceArguments source;
  std::string until;
  std::string trace;
};

/// "crash 4, drop 12".
std::string summary_of(const std::map<std::string, std::int64_t>& faults) {
  std::string text;
  for (const auto& [kind, times] : faults) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", kind, times);
  return text.empty() ? "none" : text;
}

class ReplayVerb {
 public:
  ReplayVerb(const Session& session, const Arguments& arguments)
      : session_(session),
        source_(find_source(session, "replay", arguments.source)),
        trace_(arguments.trace, "--trace"),
        screen_(arguments.trace == "-" ? stderr : stdout) {
    options_.request = source_.request;
    if (!arguments.until.empty()) options_.request.until = Instant(parse_positive_duration(arguments.until, "--until"));
    options_.trace = trace_.wanted();
  }

  int go() {
    const Interrupts interrupts;
    if (!source_.file.empty()) {
      options_.note = [stale = source_.stale](const RunResult&) { return *stale; };
    }
    command_ = fmt::format("{} replay {}", session_.program, source_.arguments);
    print_head();
    const Retelling retelling = retell(source_.run, options_);
    if (retelling.interrupted) return kInterrupted + Interrupts::caught();
    if (!retelling.ended) return died(retelling.death);
    trace_.write(retelling.trace);
    return tell(retelling);
  }

 private:
  void print_head() const {
    const Duration until = options_.request.until.time_since_epoch();
    screen_.line(fmt::format("{}{}: {}{}", source_.file.empty() ? "" : source_.file + (source_.edited ? " (edited): " : ": "),
                             screen_.bold(source_.scenario->name), source_.words(),
                             options_.request.until == Instant::max() ? "" : ", until " + to_string(until)));
  }

  int died(const Finding& death) const {
    FindingGroup group;
    group.first = &death;
    group.seeds = {death.seed};
    group.command = command_;
    screen_.line();
    print_group(screen_, group);
    screen_.line(fmt::format("{} {}: \"{}\": {}", screen_.bad("VIOLATED"), source_.scenario->name, death.property, command_));
    return kViolated;
  }

  int tell(const Retelling& retelling) const {
    const SeedRecord& record = retelling.record;
    if (record.events == 0 && !retelling.note.empty()) {
      throw UsageError(fmt::format("\"{}\" is stale: {}", source_.file, retelling.note));
    }
    screen_.line(fmt::format("  {}, {} events, {} messages, {} of virtual time",
                             count_text(retelling.operations, "operation"), grouped(record.events),
                             grouped(record.messages), to_string(record.simulated)));
    screen_.line(fmt::format("  faults that struck: {}", summary_of(record.faults)));
    if (!retelling.unused.empty()) {
      screen_.line(
          fmt::format("  {} of the plan found no place to strike:", count_text(retelling.unused.size(), "fault")));
      for (const std::string& fault : retelling.unused) screen_.line("    " + fault);
    }
    if (trace_.wanted() && trace_.path() != "-") {
      screen_.line(fmt::format("  trace: {} lines in {}",
                               grouped(static_cast<std::uint64_t>(std::ranges::count(retelling.trace, '\n'))),
                               trace_.path()));
    }
    screen_.line();
    for (const Retelling::Chapter& chapter : retelling.chapters) {
      screen_.line(fmt::format("{} \"{}\"", screen_.bad("violated:"), screen_.bold(chapter.property)));
      if (!chapter.claim.empty()) screen_.line("  what must hold: " + chapter.claim);
      screen_.text(chapter.story);
      if (chapter.violated > 1)
        screen_.line(fmt::format("  and {} of this property",
                                 count_text(static_cast<std::uint64_t>(chapter.violated - 1), "more violation")));
      screen_.line();
    }
    if (!record.stuck.empty()) {
      screen_.line(fmt::format("{} {}", screen_.bad("violated:"), screen_.bold(kEveryRunEnds)));
      screen_.line("  what is wrong: " + record.stuck);
      screen_.line();
    }
    if (!retelling.note.empty()) {
      screen_.line(fmt::format("{} {}: {}", screen_.odd("STALE"), source_.file, retelling.note));
    }
    screen_.line("hash " + hash_text(record.hash));
    if (!retelling.chapters.empty() || !record.stuck.empty()) {
      const std::string& property = retelling.chapters.empty() ? kEveryRunEnds : retelling.chapters.front().property;
      screen_.line(fmt::format("{} {}: \"{}\": {}", screen_.bad("VIOLATED"), source_.scenario->name, property, command_));
      return kViolated;
    }
    if (options_.request.until != Instant::max() && record.judged.empty()) {
      screen_.line(fmt::format("stopped {}: nothing was judged", source_.scenario->name));
      return kHeld;
    }
    if (!retelling.note.empty()) {
      throw UsageError(fmt::format("\"{}\" is stale: it no longer does what it says; see above", source_.file));
    }
    screen_.line(fmt::format("{} {}: {}", screen_.good("held"), source_.scenario->name, command_));
    return kHeld;
  }

  const Session& session_;
  RunSource source_;
  OutputFile trace_;
  Screen screen_;
  RetellOptions options_;
  std::string command_;
};

}  // namespace

Action add_replay(CLI::App& app, const Session& session) {
  auto arguments = std::make_shared<Arguments>();
  arguments->source.add_to(app, "A scenario (with --seed), or a plan file that run wrote", "SCENARIO|FILE");
  app.add_option("--until", arguments->until, "Stops at this virtual time and judges nothing: 12.5s")
      ->type_name("TIME");
  app.add_option("--trace", arguments->trace, "Writes every event, a line each; - is stdout")->type_name("FILE");
  return [arguments, &session] { return ReplayVerb(session, *arguments).go(); };
}

}  // namespace orrery::cli
