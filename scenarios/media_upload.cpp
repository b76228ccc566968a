#include "scenarios/media_upload.hpp"

#include "properties/media_upload.hpp"
#include "scenarios/drawing.hpp"
#include "services/mediahub/catalog.hpp"

namespace orrery {
namespace {

constexpr Duration kRunsFor = 60s;
constexpr Duration kSettlesWithin = 110s;
/// The workload goes on after the faults: what the system does then is what it does on a good day.
constexpr Duration kAsksFor = kRunsFor + 30s;

/// Small, so that a run is made of steps and not of pixels; an album that gets full, and steps that run out of time.
Json settings_of(const std::string& service) {
  if (service == "media-command") return Json{{"media", {{"thumbnail_px", 8}}}};
  if (service == "media-album") return Json{{"most_media", 4}, {"snapshot_every", 2}};
  if (service == "media-saga") return Json{{"steps", {{"deadline", "10s"}}}};
  return Json::object();
}

}  // namespace

Scenario media_upload() {
  Scenario scenario;
  scenario.name = "media-upload";
  scenario.claim =
      "Every upload that was acknowledged gets its thumbnail, its place in the album and its notice, or is undone as a whole, "
      "whatever crashes, breaks, repeats itself or is late.";

  Topology& topology = scenario.topology;
  for (const std::string& database : services::mediahub_databases()) {
    Topology::DatabaseSpec spec;
    spec.name = database;
    spec.schema = services::mediahub_schema(database);
    spec.schema_of = [database](std::string_view defect) { return services::mediahub_schema(database, defect); };
    topology.databases.push_back(std::move(spec));
  }
  for (const services::ServiceEntry& entry : services::mediahub_services()) {
    Topology::ServiceSpec spec;
    spec.name = entry.name;
    spec.replicas = 2;
    spec.factory = entry.factory;
    spec.config = settings_of(entry.name);
    topology.services.push_back(std::move(spec));
  }
  for (const services::ServiceEntry& entry : services::mediahub_pages()) {
    Topology::ServiceSpec spec;
    spec.name = entry.name;
    spec.factory = entry.factory;
    topology.pages.push_back(std::move(spec));
  }
  topology.broker = false;
  topology.file_stores = {"media_files"};

  const int clients = topology.clients;
  scenario.draw_operations = [clients](std::uint64_t seed) {
    return media_requests(clients, kAsksFor)(rc::Random(seed), rc::kNominalSize).value();
  };
  scenario.simpler = [](const Operation& operation) { return drawing::with_fewer_steps(operation, "then"); };
  scenario.operations = {"upload", "album", "look", "rebuild"};
  scenario.perform = perform_on_mediahub;
  scenario.properties = media_upload_properties();
  for (const services::DefectEntry& entry : services::mediahub_defects()) {
    scenario.defects.push_back({entry.name, entry.number, entry.mistake, entry.violates});
  }
  scenario.runs_for = kRunsFor;
  scenario.settles_within = kSettlesWithin;
  return scenario;
}

}  // namespace orrery
