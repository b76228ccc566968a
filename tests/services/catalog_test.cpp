#include "services/catalog.hpp"

#include <gtest/gtest.h>

#include <set>

namespace orrery::services {
namespace {

TEST(ServiceCatalog, NamesEachTwinOnceAndSaysWhatItIs) {
  std::set<std::string> names;
  for (const DefectEntry& defect : user_notification_defects()) {
    EXPECT_TRUE(names.insert(defect.name).second) << defect.name;
    EXPECT_EQ(defect.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-"), std::string::npos) << defect.name;
    EXPECT_TRUE(defect.mistake.ends_with('.')) << defect.name;
    EXPECT_FALSE(defect.violates.empty()) << defect.name;
  }
  EXPECT_GE(names.size(), 14u);
}

TEST(ServiceCatalog, HasASchemaForEachDatabaseThatAServiceOpens) {
  for (const ServiceEntry& service : user_notification_services()) {
    for (const std::string& database : service.databases) {
      EXPECT_NE(database_schema(database).find("CREATE TABLE"), std::string::npos) << service.name;
    }
  }
}

TEST(ServiceCatalog, LeavesAConstraintOutOnlyForTwinsThatLackIt) {
  const std::string correct = database_schema("notification_db");
  EXPECT_NE(correct.find("notification_jobs_once"), std::string::npos);
  for (const DefectEntry& defect : user_notification_defects()) {
    EXPECT_EQ(database_schema("user_db", defect.name), database_schema("user_db"));
    const bool relies_on_inbox = defect.name == "clones-processed-concurrently" || defect.name == "dedup-window-expiry";
    EXPECT_EQ(database_schema("notification_db", defect.name) != correct, relies_on_inbox) << defect.name;
  }
}

}  // namespace
}  // namespace orrery::services
