#include "scenarios/user_notification.hpp"

#include "properties/user_notification.hpp"
#include "scenarios/drawing.hpp"
#include "services/catalog.hpp"

namespace orrery {
namespace {

constexpr Duration kRunsFor = 60s;
constexpr Duration kSettlesWithin = 75s;
/// The workload goes on after the faults: what the system does then is what it does on a good day.
constexpr Duration kAsksFor = kRunsFor + 35s;

}  // namespace

Scenario user_notification() {
  Scenario scenario;
  scenario.name = "user-notification";
  scenario.claim =
      "Every user who was told \"created\" exists, once, and gets one mail, whatever crashes, breaks, repeats itself or is late.";

  Topology& topology = scenario.topology;
  for (const char* database : {"user_db", "notification_db"}) {
    Topology::DatabaseSpec spec;
    spec.name = database;
    spec.schema = services::database_schema(database);
    // What users are told is kept here: a failover that loses it must be seen to be the only way to lose it.
    spec.has_standby = spec.name == "user_db";
    spec.schema_of = [name = spec.name](std::string_view defect) { return services::database_schema(name, defect); };
    topology.databases.push_back(std::move(spec));
  }
  for (const services::ServiceEntry& entry : services::user_notification_services()) {
    Topology::ServiceSpec spec;
    spec.name = entry.name;
    spec.replicas = entry.name == "mail" ? 1 : 2;
    spec.factory = entry.factory;
    topology.services.push_back(std::move(spec));
  }

  const int clients = topology.clients;
  scenario.draw_operations = [clients](std::uint64_t seed) {
    return sign_ups(clients, kAsksFor)(rc::Random(seed), rc::kNominalSize).value();
  };
  scenario.operations = {"sign up", "list users"};
  scenario.simpler = [](const Operation& operation) { return drawing::with_fewer_steps(operation, "then"); };
  scenario.perform = perform_as_client;
  scenario.properties = user_notification_properties();
  for (const services::DefectEntry& entry : services::user_notification_defects()) {
    scenario.defects.push_back({entry.name, entry.number, entry.mistake, entry.violates});
  }
  scenario.runs_for = kRunsFor;
  scenario.settles_within = kSettlesWithin;
  return scenario;
}

}  // namespace orrery
