// A user's own service with its scenario and a property, in one file: `own_service run|real visits`.
#include <rapidcheck.h>

#include <cli/cli.hpp>
#include <map>
#include <properties/property.hpp>
#include <runtime/context.hpp>
#include <scenarios/scenario.hpp>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace orrery;

constexpr const char* kSchema = "CREATE TABLE visits (id text PRIMARY KEY, at timestamptz NOT NULL DEFAULT now());";

/// `POST /visits` with an id as its body notes the visit, once however often it is asked. 200: it is durable. 503: perhaps.
class Visits final : public Service {
 public:
  explicit Visits(Context& context) : db_(context.database("visits_db")), forgets_(context.config.value("defect", "") == "forgets") {
    context.http.on("POST /visits", [this](Request request) { return visit(std::move(request)); });
  }

 private:
  Task<Response> visit(Request request) {
    if (forgets_ && request.body.ends_with("7")) co_return Response(200);  // the mistake
    int status = 200;
    try {
      co_await db_.exec("INSERT INTO visits (id) VALUES ($1) ON CONFLICT DO NOTHING", request.body);
    } catch (const DatabaseError&) {
      status = 503;
    }
    co_return Response(status);
  }
  Database& db_;
  const bool forgets_;
};

Task<void> visit(Context& context, OperationLog& log, Operation operation) {
  log.invoked("visit", operation.id, "{}");
  int status = 0;
  std::string text;
  for (int attempt = 0; attempt < 5 && status != 200; ++attempt) {
    Request request("POST", "/visits", operation.id);
    try {
      const Response response = co_await context.http.call("visits", std::move(request), 2s);
      status = response.status;
    } catch (const CallFailed& failed) {
      text = failed.what();
    }
  }
  log.ended("visit", operation.id, status, text);
}

std::vector<Operation> draw_operations(std::uint64_t seed) {
  const auto at = rc::gen::container<std::vector<std::int64_t>>(40, rc::gen::inRange<std::int64_t>(10, 3'000));
  std::vector<Operation> operations;
  for (const std::int64_t at_ms : at(rc::Random(seed), 100).value()) {
    Operation operation;
    operation.id = "visit-" + std::to_string(operations.size() + 1);
    operation.at = std::chrono::milliseconds(at_ms);
    operation.client = "client-" + std::to_string(1 + operations.size() % 2);
    operation.name = "visit";
    operations.push_back(std::move(operation));
  }
  return operations;
}

Verdict every_answered_visit_is_stored(const History& history) {
  std::map<std::string, int> stored;
  for (const History::Change& change : history.committed("visits_db.visits")) ++stored[change.row->new_row()["id"].text()];
  Findings findings;
  for (const Event* ended : history.of(EventKind::operation_ended)) {
    if (ended->number != 200) continue;
    findings.examine();
    if (stored[ended->key] != 1) findings.violate("lost", ended->key + " was answered, but is not stored once", {ended->id});
  }
  return std::move(findings).verdict();
}

Scenario visits() {
  Scenario scenario;
  scenario.name = "visits";
  scenario.claim = "Every visit that was answered is stored, once.";
  Topology::DatabaseSpec& database = scenario.topology.databases.emplace_back();
  database.name = "visits_db";
  database.schema = kSchema;
  Topology::ServiceSpec& service = scenario.topology.services.emplace_back();
  service.name = "visits";
  service.replicas = 2;
  service.factory = make_service<Visits>();
  scenario.topology.clients = 2;
  scenario.operations = {"visit"};
  scenario.draw_operations = draw_operations;
  scenario.perform = visit;
  scenario.properties = {eventually("every answered visit is stored", "An answer of 200 means that one row is committed.",
                                    every_answered_visit_is_stored)};
  Defect& defect = scenario.defects.emplace_back();
  defect.name = "forgets";
  defect.mistake = "Answers some visits without storing them.";
  defect.violates = "every answered visit is stored";
  scenario.runs_for = 20s;
  scenario.settles_within = 20s;
  return scenario;
}

}  // namespace

int main(int argc, char** argv) {
  orrery::Catalog catalog;
  catalog.scenarios.push_back(visits());
  return orrery::cli::run(argc, argv, catalog);
}
