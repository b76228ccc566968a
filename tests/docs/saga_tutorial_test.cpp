// The code of docs/sagas.md, compiled and run; the last test says that the document has just this code.

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "properties/saga_checks.hpp"
#include "scenarios/simulation.hpp"
#include "services/patterns/saga_runner.hpp"

namespace orrery {
namespace {

using services::SagaCall;
using services::SagaDeclaration;
using services::SagaRunner;
using services::SagaSettings;
using services::SagaStep;
using services::StepOutcome;
using services::StepResult;
using services::Twin;

class Seats : public Service {
 public:
  explicit Seats(Context& context) : db_(context.database("seats_db")) {
    context.http.on("POST /reserve", [this](Request request) { return reserve(std::move(request)); });
    context.http.on("POST /release", [this](Request request) { return release(std::move(request)); });
  }

 private:
  Task<Response> reserve(Request request) {
    const std::string saga_id = Json::parse(request.body).at("saga_id");
    const Rows rows = co_await db_.exec(
        "INSERT INTO seats (saga_id, state) VALUES ($1, 'reserved')"
        " ON CONFLICT (saga_id) DO UPDATE SET state = seats.state RETURNING state",
        saga_id);
    co_return Response(rows[0]["state"].text() == "reserved" ? 200 : 409);
  }
  Task<Response> release(Request request) {
    const std::string saga_id = Json::parse(request.body).at("saga_id");
    co_await db_.exec(
        "INSERT INTO seats (saga_id, state) VALUES ($1, 'released')"
        " ON CONFLICT (saga_id) DO UPDATE SET state = 'released'",
        saga_id);
    co_return Response(200);
  }

  Database& db_;
};

class Trips : public Service {
 public:
  explicit Trips(Context& context)
      : context_(context),
        db_(context.database("saga_db")),
        runner_(context, db_, declaration(), SagaSettings(), Twin()) {
    context.http.on("POST /trips/{id}", [this](Request request) { return book(std::move(request)); });
    runner_.start();
  }

 private:
  SagaDeclaration declaration() {
    std::vector<SagaStep> steps;
    steps.emplace_back(
        "seat", [this](SagaCall call) { return ask("POST", "/reserve", std::move(call)); },
        [this](SagaCall call) { return ask("POST", "/release", std::move(call)); });
    steps.emplace_back("payment", [this](SagaCall call) { return pay(std::move(call)); });
    steps.back().pivot = true;
    return SagaDeclaration("trip", std::move(steps));
  }

  Task<StepOutcome> ask(std::string method, std::string path, SagaCall call) {
    const Json body{{"saga_id", call.saga_id}};
    Request request(method, path, body.dump());
    StepOutcome outcome;  // "failed": nobody knows, ask again
    try {
      const Response response = co_await context_.http.call("seats", std::move(request), 3s);
      if (response.ok()) outcome.result = StepResult::done;
      if (response.status == 409) outcome.result = StepResult::refused;
    } catch (const CallFailed& failed) {
      outcome.detail = failed.what();
    }
    co_return outcome;
  }

  Task<StepOutcome> pay(SagaCall call) {
    const bool covered = call.input.at("cents").get<int>() < 10'000;
    co_return StepOutcome(covered ? StepResult::done : StepResult::refused);
  }

  Task<Response> book(Request request) {
    const std::string trip(request.parameter("id"));
    const Json input = Json::parse(request.body);
    Transaction tx = co_await db_.begin();
    const bool is_new = co_await runner_.store().start(tx, context_.random.uuid(), trip, input);
    if (is_new) co_await tx.commit();
    co_return Response(202);
  }

  Context& context_;
  Database& db_;
  SagaRunner runner_;
};

Topology trips() {
  Topology topology;
  topology.databases = {
      {"saga_db", services::saga_schema(Twin()), {}},
      {"seats_db", "CREATE TABLE seats (saga_id uuid PRIMARY KEY, state text NOT NULL);", {}}};
  topology.services = {{"trips", 2, make_service<Trips>()}, {"seats", 1, make_service<Seats>()}};
  topology.broker = false;
  return topology;
}

TEST(SagaTutorial, ATripThatCannotBePaidForGivesItsSeatBack) {
  Simulation world(trips());
  world.call("trips", Request("POST", "/trips/7", R"({"cents": 99999})"));
  world.run_for(30s);
  EXPECT_EQ(world.rows("saga_db", "SELECT state FROM sagas")[0]["state"].text(), "compensated");
  EXPECT_EQ(world.rows("seats_db", "SELECT state FROM seats")[0]["state"].text(), "released");
}

TEST(SagaTutorial, ACrashInTheMiddleChangesNothing) {
  Simulation world(trips());
  world.call("trips", Request("POST", "/trips/7", R"({"cents": 100})"));
  world.crash("seats-1");
  world.run_for(2s);
  world.crash("trips-1");
  world.restart("seats-1");
  world.run_for(60s);
  EXPECT_EQ(world.rows("saga_db", "SELECT state FROM sagas")[0]["state"].text(), "completed");
  EXPECT_TRUE(sagas_move_along_their_graph("saga_db")(world.history()).holds);
}

std::string read(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(SagaTutorial, IsTheCodeOfTheDocument) {
  const char* source = std::getenv("ORRERY_SOURCE");
  ASSERT_NE(source, nullptr) << "ORRERY_SOURCE names the source tree; ctest sets it";
  const std::string code = read(std::string(source) + "/tests/docs/saga_tutorial_test.cpp");
  const std::string document = read(std::string(source) + "/docs/sagas.md");
  const std::string fence = "```cpp\n";
  int blocks = 0;
  for (std::size_t at = document.find(fence); at != std::string::npos; at = document.find(fence, at)) {
    at += fence.size();
    const std::size_t end = document.find("```", at);
    ASSERT_NE(end, std::string::npos);
    const std::string block = document.substr(at, end - at);
    EXPECT_NE(code.find(block), std::string::npos) << "not in the test: " << block;
    ++blocks;
    at = end + 3;
  }
  EXPECT_GE(blocks, 4);
}

}  // namespace
}  // namespace orrery
