#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "cli/report.hpp"

namespace orrery::cli {
namespace {

/// Text for XML 1.0: what it does not allow, even escaped, becomes a question mark; so do bytes that are not UTF-8.
std::string xml(std::string_view text) {
  std::string safe;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80) {
      switch (text[i]) {
        case '&':
          safe += "&amp;";
          break;
        case '<':
          safe += "&lt;";
          break;
        case '>':
          safe += "&gt;";
          break;
        case '"':
          safe += "&quot;";
          break;
        case '\t':
          safe += '\t';
          break;
        case '\n':
          safe += '\n';
          break;
        default:
          safe += byte < 0x20 || byte == 0x7F ? '?' : text[i];
      }
      continue;
    }
    const std::size_t length = byte >= 0xF0 && byte < 0xF5   ? 4
                               : byte >= 0xE0 && byte < 0xF0 ? 3
                               : byte >= 0xC2 && byte < 0xE0 ? 2
                                                             : 0;
    const bool whole = length != 0 && i + length <= text.size() &&
                       std::ranges::all_of(text.substr(i + 1, length - 1),
                                           [](char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; });
    if (!whole) {
      safe += '?';
      continue;
    }
    safe += text.substr(i, length);
    i += length - 1;
  }
  return safe;
}

struct Case {
  std::string name;
  std::string message;  // not empty: it failed
  std::string details;
  std::string output;  // of a passed one
};

std::string details_of(const FindingGroup& group) {
  const Finding& first = *group.first;
  std::string text = fmt::format("seed {}: {}\n", first.seed, first.what);
  text += first.kind == Finding::Kind::violated ? group.story : first.output;
  if (group.seeds.size() > 1) text += fmt::format("the same on {}\n", count_text(group.seeds.size() - 1, "other seed"));
  return text + "run it again: " + group.command + "\n";
}

/// The failures of a property, if there are any.
void add_findings(Case& one, const ScenarioReport& report) {
  for (const FindingGroup& group : report.groups) {
    if (group.first->property != one.name) continue;
    if (one.message.empty()) one.message = fmt::format("seed {}: {}", group.first->seed, group.first->what);
    one.details += (one.details.empty() ? "" : "\n") + details_of(group);
  }
}

std::vector<Case> cases_of(const ScenarioReport& report) {
  const CampaignResult& result = report.result;
  const bool missing_counts = result.missing_counts();
  std::vector<Case> cases;
  for (const PropertyTally& tally : result.properties) {
    Case& one = cases.emplace_back(Case{tally.name, {}, {}, {}});
    one.output = fmt::format("{} runs, {} judged", tally.runs, tally.examined);
    if (tally.mode == Mode::sometimes) {
      const auto times = result.sometimes.find(tally.name);
      if (missing_counts && times != result.sometimes.end() && times->second == 0) {
        one.message = fmt::format("never happened in {} seeds", result.seeds);
      }
      continue;
    }
    add_findings(one, report);
  }
  for (const char* name : {kEveryRunEnds, kNoProcessDies})
    add_findings(cases.emplace_back(Case{name, {}, {}, {}}), report);
  Case& faults = cases.emplace_back(Case{"every configured fault strikes", {}, {}, {}});
  for (const auto& [kind, times] : result.faults) {
    faults.output += fmt::format("{} {}\n", kind, times);
    if (missing_counts && times == 0) faults.message += (faults.message.empty() ? "never struck: " : ", ") + kind;
  }
  return cases;
}

}  // namespace

std::string junit_report(const std::vector<ScenarioReport>& reports) {
  std::string suites;
  std::size_t tests = 0;
  std::size_t failures = 0;
  double time = 0;
  for (const ScenarioReport& report : reports) {
    const std::vector<Case> cases = cases_of(report);
    const auto failed =
        static_cast<std::size_t>(std::ranges::count_if(cases, [](const Case& one) { return !one.message.empty(); }));
    tests += cases.size();
    failures += failed;
    time += report.result.wall_s;
    suites += fmt::format(
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"0\" time=\"{:.3f}\">\n",
        xml(report.scenario->name), cases.size(), failed, report.result.wall_s);
    suites += fmt::format(
        "    <properties>\n      <property name=\"seeds\" value=\"{}\"/>\n"
        "      <property name=\"faults\" value=\"{}\"/>\n      <property name=\"defect\" value=\"{}\"/>\n    "
        "</properties>\n",
        to_string(report.seeds), xml(report.profile), xml(report.defect));
    for (const Case& one : cases) {
      suites += fmt::format("    <testcase classname=\"{}\" name=\"{}\" time=\"{:.3f}\"", xml(report.scenario->name),
                            xml(one.name), report.result.wall_s / static_cast<double>(cases.size()));
      if (!one.message.empty()) {
        suites += fmt::format(">\n      <failure type=\"violated\" message=\"{}\">{}</failure>\n    </testcase>\n",
                              xml(one.message), xml(one.details));
      } else if (!one.output.empty()) {
        suites += fmt::format(">\n      <system-out>{}</system-out>\n    </testcase>\n", xml(one.output));
      } else {
        suites += "/>\n";
      }
    }
    suites += "  </testsuite>\n";
  }
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"orrery\" tests=\"{}\" failures=\"{}\" "
      "errors=\"0\" time=\"{:.3f}\">\n{}</testsuites>\n",
      tests, failures, time, suites);
}

}  // namespace orrery::cli
