// docs/faults.md, docs/properties.md and docs/defects.md say what the catalogues in the code say. With
// ORRERY_WRITE_DOCS=1 in the environment the test writes them instead of comparing.

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "faults/catalogue.hpp"
#include "faults/profiles.hpp"
#include "scenarios/scenario.hpp"

namespace orrery {
namespace {

std::string escaped(std::string_view text) {
  std::string cell;
  for (const char c : text) {
    if (c == '|') cell.push_back('\\');
    cell.push_back(c);
  }
  return cell;
}

std::string row(std::initializer_list<std::string_view> cells) {
  std::string line = "|";
  for (const std::string_view cell : cells) line += " " + escaped(cell) + " |";
  return line + "\n";
}

std::string fault_document() {
  std::string text =
      "# Faults\n\n"
      "Every fault that strikes is an explicit event of the run: `kind`, `target`, and an address. An *episode* begins at a\n"
      "time (`\"at\": \"12.5s\"`) or at a place in what happens (`\"place\": \"user-1/outbox-relay after publish\"`, and its\n"
      "`occasion`: the first, second, … time that it is reached) and lasts. A *decision* strikes the n-th occasion at its\n"
      "target. A plan file lists them, and `replay` repeats them. A campaign counts crashes and pauses at a place apart from\n"
      "others, as `crash_at_place` and `pause_at_place`. Pauses are drawn after effects and before a COMMIT only: between a look\n"
      "at a lease and the call that it covers, nothing but a fencing token that the other side checks could help.\n\n";
  for (const bool episodes : {true, false}) {
    text += episodes ? "## Episodes\n\n" : "\n## Decisions\n\n";
    text += "| fault | what happens | condition → what causes it in production | target | lasts | amount |\n";
    text += "|---|---|---|---|---|---|\n";
    for (const FaultDescription& fault : fault_catalogue()) {
      if (is_episode(fault.kind) != episodes) continue;
      text += row({"`" + std::string(to_string(fault.kind)) + "`", fault.what, fault.cause, fault.target,
                   fault.lasts.empty() ? "–" : fault.lasts, fault.amount.empty() ? "–" : fault.amount});
    }
  }
  text += "\n## Profiles\n\n`--faults PROFILE` draws a plan from the seed.\n\n| profile | what it draws |\n|---|---|\n";
  for (const FaultProfile& profile : fault_profiles()) {
    text += row({"`" + std::string(profile.name) + "`", profile.what});
  }
  return text;
}

std::string property_document() {
  std::string text =
      "# Properties\n\n"
      "A property is a pure function of a run's history (`properties/`). *always*: in every state of the run. *eventually*:\n"
      "when faults are healed and the scenario's bound has passed. *sometimes*: it must happen now and then; a campaign of 100\n"
      "seeds or more in which it never did fails, because then the others may have held only because nothing happened.\n"
      "Each verdict says how many things it judged, and a violation names the events that prove it.\n";
  for (const Scenario& scenario : built_in_catalog().scenarios) {
    text += "\n## " + scenario.name + "\n\n" + scenario.claim + "\n\n| when | property | what must hold |\n|---|---|---|\n";
    for (const Property& property : scenario.properties) text += row({to_string(property.mode), property.name, property.claim});
  }
  return text;
}

std::string defect_document() {
  std::string text =
      "# Broken twins\n\n"
      "A twin is the correct code with one mistake in it, chosen with `--defect NAME`. `./orrery defects` runs each until a\n"
      "property finds it, and the correct system on the same seeds.\n";
  for (const Scenario& scenario : built_in_catalog().scenarios) {
    text += "\n## " + scenario.name + "\n\n| twin | the mistake | expected to be found by |\n|---|---|---|\n";
    for (const Defect& defect : scenario.defects) text += row({"`" + defect.name + "`", defect.mistake, defect.violates});
  }
  return text;
}

void expect_document(const std::string& name, const std::string& expected) {
  const char* source = std::getenv("ORRERY_SOURCE");
  ASSERT_NE(source, nullptr) << "ORRERY_SOURCE names the source tree; ctest sets it";
  const std::string path = std::string(source) + "/docs/" + name;
  if (std::getenv("ORRERY_WRITE_DOCS") != nullptr) {
    std::ofstream(path) << expected;
    return;
  }
  std::ifstream file(path);
  std::stringstream found;
  found << file.rdbuf();
  EXPECT_EQ(found.str(), expected) << path << " is out of date: run the test with ORRERY_WRITE_DOCS=1";
}

TEST(Documentation, SaysOfEveryFaultWhatItIsInRealMode) {
  const char* source = std::getenv("ORRERY_SOURCE");
  ASSERT_NE(source, nullptr) << "ORRERY_SOURCE names the source tree; ctest sets it";
  std::ifstream file(std::string(source) + "/docs/real-mode.md");
  std::stringstream text;
  text << file.rdbuf();
  for (const FaultDescription& fault : fault_catalogue()) {
    EXPECT_NE(text.str().find("`" + std::string(to_string(fault.kind)) + "`"), std::string::npos) << to_string(fault.kind);
  }
}

TEST(Documentation, FaultsAreThoseOfTheCatalogue) { expect_document("faults.md", fault_document()); }
TEST(Documentation, PropertiesAreThoseOfTheScenarios) { expect_document("properties.md", property_document()); }
TEST(Documentation, DefectsAreThoseOfTheScenarios) { expect_document("defects.md", defect_document()); }

}  // namespace
}  // namespace orrery
