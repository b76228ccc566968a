#include "cli/report.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>

namespace orrery::cli {
namespace {

/// "seeds 19, 33, 41 and 9 more".
std::string some_seeds(const std::vector<std::uint64_t>& seeds, std::size_t from) {
  constexpr std::size_t kShown = 8;
  std::string text;
  for (std::size_t i = from; i < seeds.size() && i < from + kShown; ++i) {
    text += (text.empty() ? "" : ", ") + std::to_string(seeds[i]);
  }
  if (seeds.size() > from + kShown) text += fmt::format(" and {} more", seeds.size() - from - kShown);
  return text;
}

std::string_view claim_of(const Finding& finding, const Scenario& scenario) {
  if (finding.kind == Finding::Kind::stuck) return "Virtual time goes on, and every run ends.";
  if (finding.kind == Finding::Kind::died) return "No run brings its process down.";
  const auto found = std::ranges::find(scenario.properties, finding.property, &Property::name);
  return found == scenario.properties.end() ? std::string_view() : std::string_view(found->claim);
}

std::string quoted(const Screen& screen, std::string_view property) {
  return fmt::format("\"{}\"", screen.bold(property));
}

std::string indented(std::string_view text, std::string_view by) {
  std::string lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.append(by).append(text.substr(0, end)).push_back('\n');
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

}  // namespace

std::vector<FindingGroup> group(const std::vector<Finding>& findings, const Scenario& scenario) {
  std::vector<FindingGroup> groups;
  for (const Finding& finding : findings) {
    auto found = std::ranges::find_if(groups, [&](const FindingGroup& one) {
      return one.first->property == finding.property && one.first->signature == finding.signature;
    });
    if (found == groups.end()) {
      found = groups.insert(groups.end(), FindingGroup{});
      found->first = &finding;
      found->claim = claim_of(finding, scenario);
    }
    found->seeds.push_back(finding.seed);
  }
  return groups;
}

std::string command_for(const std::string& program, const Scenario& scenario, const std::string& profile,
                        const std::string& defect, std::uint64_t seed) {
  std::string command = fmt::format("{} replay {} --seed {}", program, scenario.name, seed);
  if (profile != scenario.profile) command += " --faults " + profile;
  if (!defect.empty() && defect != scenario.defect) command += " --defect " + defect;
  return command;
}

void print_group(const Screen& screen, const FindingGroup& group) {
  const Finding& first = *group.first;
  screen.line(
      fmt::format("{} {}", screen.bad(fmt::format("seed {} violates", first.seed)), quoted(screen, first.property)));
  if (!group.claim.empty()) screen.line("  what must hold: " + group.claim);
  if (first.kind != Finding::Kind::violated) {
    screen.line("  what is wrong: " + first.what);
    screen.text(indented(first.output, "    | "));
    if (first.kind == Finding::Kind::died && first.output.empty() && !group.command.empty()) {
      // ./orrery is a script: a debugger needs the program itself.
      std::error_code error;
      const std::string program = std::filesystem::read_symlink("/proc/self/exe", error).string();
      const std::size_t verb = group.command.find(" replay ");
      screen.line("  where: gdb -ex 'set follow-fork-mode child' -ex run -ex bt --args " + program +
                  group.command.substr(std::min(verb, group.command.size())));
    }
  } else if (group.story.empty()) {
    screen.line("  what is wrong: " + first.what);
  } else {
    screen.text(group.story);
  }
  if (group.seeds.size() > 1) {
    screen.line(fmt::format("  the same on {}: {}", count_text(group.seeds.size() - 1, "other seed"),
                            some_seeds(group.seeds, 1)));
  }
  if (!group.command.empty()) screen.line("  run it again: " + screen.bold(group.command));
  screen.line();
}

void print_tables(const Screen& screen, const ScenarioReport& report) {
  const CampaignResult& result = report.result;
  Table properties;
  for (const PropertyTally& tally : result.properties) {
    if (tally.mode == Mode::sometimes) continue;
    properties.row({tally.violated == 0 ? "held" : "VIOLATED", to_string(tally.mode), tally.name,
                    tally.violated == 0 ? grouped(tally.runs) : grouped(tally.violated),
                    tally.violated == 0 ? "runs," : "of " + grouped(tally.runs) + " runs,",
                    grouped(static_cast<std::uint64_t>(tally.examined)), "judged"});
  }
  for (const Finding::Kind kind : {Finding::Kind::stuck, Finding::Kind::died}) {
    const auto times = std::ranges::count(result.findings, kind, &Finding::kind);
    if (times == 0) continue;
    properties.row({"VIOLATED", "always", kind == Finding::Kind::stuck ? kEveryRunEnds : kNoProcessDies,
                    grouped(static_cast<std::uint64_t>(times)), "of " + grouped(result.seeds) + " runs"});
  }
  const auto counts = [&](std::string_view title, const std::map<std::string, std::int64_t>& of) {
    if (of.empty()) return;
    Table table;
    for (const auto& [name, times] : of) {
      table.row({grouped(static_cast<std::uint64_t>(times)), name + (times == 0 ? "   <- never" : "")});
    }
    screen.line("  " + screen.bold(title));
    screen.text(table.text(4));
  };
  if (!properties.empty()) {
    screen.line("  " + screen.bold("must hold"));
    screen.text(properties.text(4));
  }
  counts("must happen sometimes", result.sometimes);
  counts("faults that struck", result.faults);
  const double simulated = seconds_of(result.simulated);
  screen.line(
      fmt::format("  {}: {} events, {} messages, {} simulated; cpu {}, wall {}: {} simulated seconds per CPU-second",
                  count_text(result.seeds, "seed"), grouped(result.events), grouped(result.messages),
                  seconds_text(simulated), seconds_text(result.cpu_s), seconds_text(result.wall_s),
                  grouped(result.cpu_s > 0 ? static_cast<std::uint64_t>(simulated / result.cpu_s) : 0)));
  if (!result.held() || result.missing_counts()) return;
  for (const std::string& missing : result.missing()) {
    screen.line(
        fmt::format("  {} {} (counts from {} seeds on)", screen.odd("note:"), missing, CampaignResult::kEnoughSeeds));
  }
}

std::string last_line(const Screen& screen, const ScenarioReport& report, const std::string& program) {
  const CampaignResult& result = report.result;
  std::string run = fmt::format("seeds {}, faults {}", to_string(report.seeds), report.profile);
  if (!report.defect.empty()) run += ", defect " + report.defect;
  if (result.interrupted != 0) {
    return fmt::format("{} {}: after {} of {}, {} violating ({})", screen.odd("INTERRUPTED"), report.scenario->name,
                       grouped(result.seeds), count_text(result.planned, "seed"), grouped(result.bad), run);
  }
  std::string reach = count_text(result.seeds, "seed");
  if (result.out_of_time)
    reach = fmt::format("the time was over after {} of {}", grouped(result.seeds), count_text(result.planned, "seed"));
  if (result.held()) {
    const char* how = result.seeds == 0 ? "nothing was run" : "everything held";
    return fmt::format("{} {}: {} ({}; {})", screen.good("held"), report.scenario->name, how, reach, run);
  }
  if (!result.findings.empty()) {
    const Finding& first = result.findings.front();
    return fmt::format("{} {}: \"{}\" (violations on {} of {}): {}", screen.bad("VIOLATED"), report.scenario->name,
                       first.property, grouped(result.bad), reach,
                       command_for(program, *report.scenario, report.profile, report.defect, first.seed));
  }
  std::string command = fmt::format("{} run {} --seeds {}", program, report.scenario->name, to_string(report.seeds));
  if (report.profile != report.scenario->profile) command += " --faults " + report.profile;
  if (!report.defect.empty()) command += " --defect " + report.defect;
  return fmt::format("{} {}: {} ({}): {}", screen.bad("VIOLATED"), report.scenario->name,
                     fmt::join(result.missing(), "; "), reach, command);
}

std::string json_report(const std::vector<ScenarioReport>& reports, const std::string& program) {
  using Ordered = nlohmann::ordered_json;
  Ordered all = Ordered::array();
  for (const ScenarioReport& report : reports) {
    const CampaignResult& result = report.result;
    Ordered violated = Ordered::array();
    for (const Finding& finding : result.findings) {
      Ordered one;
      one["seed"] = finding.seed;
      one["property"] = finding.property;
      one["signature"] = finding.signature;
      one["hash"] = hash_text(finding.hash);
      one["command"] = command_for(program, *report.scenario, report.profile, report.defect, finding.seed);
      violated.push_back(std::move(one));
    }
    Ordered json;
    json["scenario"] = report.scenario->name;
    json["seeds"] = result.seeds;
    json["held"] = result.held();
    json["violated"] = std::move(violated);
    json["events"] = result.events;
    json["messages"] = result.messages;
    json["simulated_s"] = seconds_of(result.simulated);
    json["cpu_s"] = result.cpu_s;
    json["wall_s"] = result.wall_s;
    json["faults"] = Ordered::object();
    for (const auto& [kind, times] : result.faults) json["faults"][kind] = times;
    json["sometimes"] = Ordered::object();
    for (const auto& [name, times] : result.sometimes) json["sometimes"][name] = times;
    all.push_back(std::move(json));
  }
  return json_text(all.size() == 1 ? all.front() : all);
}

std::string hash_lines(const Scenario& scenario, const std::string& profile, const std::string& defect,
                       const std::map<std::uint64_t, std::uint64_t>& hashes) {
  std::string lines;
  for (const auto& [seed, hash] : hashes) {
    lines +=
        fmt::format("{} {} {} {} {}\n", scenario.name, profile, defect.empty() ? "-" : defect, seed, hash_text(hash));
  }
  return lines;
}

}  // namespace orrery::cli
