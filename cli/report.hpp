#pragma once

#include <string>
#include <vector>

#include "cli/screen.hpp"
#include "runtime/json.hpp"
#include "scenarios/campaign.hpp"
#include "scenarios/campaign_retell.hpp"
#include "scenarios/scenario.hpp"

namespace orrery::cli {

/// Findings with the same signature.
struct FindingGroup {
  const Finding* first = nullptr;  // of the lowest seed
  std::vector<std::uint64_t> seeds;
  std::string claim;    // the property in words
  std::string story;    // of the first seed
  std::string command;  // that runs it again
};
[[nodiscard]] std::vector<FindingGroup> group(const std::vector<Finding>& findings, const Scenario& scenario);

/// One scenario's part of a `run`.
struct ScenarioReport {
  const Scenario* scenario = nullptr;
  SeedRange seeds;
  std::string profile;
  std::string defect;
  CampaignResult result;
  std::vector<FindingGroup> groups;
};

/// What runs one seed again: "./orrery replay user-notification --seed 17 --defect dual-write".
[[nodiscard]] std::string command_for(const std::string& program, const Scenario& scenario, const std::string& profile,
                                      const std::string& defect, std::uint64_t seed);

/// The seed's finding as a story, for a person.
void print_group(const Screen& screen, const FindingGroup& group);
/// Properties, faults, counts and speeds.
void print_tables(const Screen& screen, const ScenarioReport& report);
/// "held user-notification: …" or "VIOLATED user-notification: …".
[[nodiscard]] std::string last_line(const Screen& screen, const ScenarioReport& report, const std::string& program);

/// The contract's fields. One scenario: an object. Several: an array of them.
[[nodiscard]] std::string json_report(const std::vector<ScenarioReport>& reports, const std::string& program);
/// One test suite a scenario, one test case a property.
[[nodiscard]] std::string junit_report(const std::vector<ScenarioReport>& reports);

/// "scenario profile defect seed hash" lines; no defect is "-".
[[nodiscard]] std::string hash_lines(const Scenario& scenario, const std::string& profile, const std::string& defect,
                                     const std::map<std::uint64_t, std::uint64_t>& hashes);

/// JSON text that any parser reads, with a line end; bytes that are not UTF-8 are replaced.
template <class JsonType>
[[nodiscard]] std::string json_text(const JsonType& json) {
  return json.dump(2, ' ', false, JsonType::error_handler_t::replace) + "\n";
}

}  // namespace orrery::cli
