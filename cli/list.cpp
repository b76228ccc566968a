#include <memory>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "cli/report.hpp"
#include "cli/screen.hpp"
#include "cli/verbs.hpp"
#include "faults/catalogue.hpp"
#include "faults/profiles.hpp"

namespace orrery::cli {
namespace {

std::string as_json(const Catalog& catalog) {
  using Ordered = nlohmann::ordered_json;
  Ordered json;
  json["scenarios"] = Ordered::array();
  for (const Scenario& scenario : catalog.scenarios) {
    Ordered one;
    one["name"] = scenario.name;
    one["claim"] = scenario.claim;
    one["runs_for_s"] = seconds_of(scenario.runs_for);
    one["settles_within_s"] = seconds_of(scenario.settles_within);
    one["properties"] = Ordered::array();
    for (const Property& property : scenario.properties) {
      one["properties"].push_back(
          {{"name", property.name}, {"mode", to_string(property.mode)}, {"claim", property.claim}});
    }
    one["defects"] = Ordered::array();
    for (const Defect& defect : scenario.defects) {
      one["defects"].push_back({{"name", defect.name},
                                {"number", defect.number},
                                {"mistake", defect.mistake},
                                {"violates", defect.violates}});
    }
    json["scenarios"].push_back(std::move(one));
  }
  json["faults"] = Ordered::array();
  for (const FaultDescription& fault : fault_catalogue()) {
    json["faults"].push_back(
        {{"kind", to_string(fault.kind)}, {"what", fault.what}, {"cause", fault.cause}, {"target", fault.target}});
  }
  json["profiles"] = Ordered::array();
  for (const FaultProfile& profile : fault_profiles())
    json["profiles"].push_back({{"name", profile.name}, {"what", profile.what}});
  return json_text(json);
}

void print(const Catalog& catalog) {
  const Screen screen;
  for (const Scenario& scenario : catalog.scenarios) {
    screen.line(screen.bold(scenario.name) + ": " + scenario.claim);
    screen.line(fmt::format("  runs for {} with faults, then settles within {}", to_string(scenario.runs_for),
                            to_string(scenario.settles_within)));
    screen.line("  " + screen.bold("properties"));
    Table properties;
    for (const Property& property : scenario.properties) properties.row({to_string(property.mode), property.name});
    screen.text(properties.text(4));
    if (!scenario.defects.empty()) {
      screen.line("  " + screen.bold("defects") + " (--defect NAME)");
      Table defects;
      for (const Defect& defect : scenario.defects) defects.row({defect.name, defect.mistake});
      screen.text(defects.text(4));
    }
    screen.line();
  }
  screen.line(screen.bold("fault profiles") + " (--faults PROFILE)");
  Table profiles;
  for (const FaultProfile& profile : fault_profiles())
    profiles.row({std::string(profile.name), std::string(profile.what)});
  screen.text(profiles.text(4));
  screen.line();
  screen.line(screen.bold("faults"));
  Table faults;
  for (const FaultDescription& fault : fault_catalogue()) {
    faults.row({std::string(to_string(fault.kind)), std::string(fault.what)});
  }
  screen.text(faults.text(4));
}

}  // namespace

Action add_list(CLI::App& app, const Session& session) {
  auto json = std::make_shared<bool>(false);
  app.add_flag("--json", *json, "Prints it as JSON, with the claims in full");
  return [json, &session] {
    if (*json) {
      Screen().text(as_json(session.catalog));
    } else {
      print(session.catalog);
    }
    return kHeld;
  };
}

}  // namespace orrery::cli
