#include "tests/scenarios/saga_fuzz.hpp"

#include <fmt/format.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <utility>

#include "properties/liveness.hpp"
#include "properties/rows.hpp"
#include "properties/saga_checks.hpp"
#include "services/patterns/problem.hpp"
#include "services/patterns/saga_runner.hpp"

namespace orrery::testing {
namespace {

using services::SagaCall;
using services::StepOutcome;
using services::StepResult;
using services::Twin;

constexpr const char* kEffects = R"sql(
CREATE TABLE effects (
  saga_id uuid NOT NULL,
  step    text NOT NULL,
  state   text NOT NULL CHECK (state IN ('done', 'undone')),
  PRIMARY KEY (saga_id, step)
);
)sql";

/// Does and undoes steps. Undoing what was not done leaves a fence.
class Participant : public Service {
 public:
  explicit Participant(Context& context)
      : context_(context), db_(context.database("effect_db")), twin_(context.config.value("defect", "")) {
    context.http.on("POST /do", [this](Request request) { return act(std::move(request)); });
    context.http.on("POST /undo", [this](Request request) { return undo(std::move(request)); });
  }

 private:
  Task<Response> act(Request request) {
    const Json body = Json::parse(request.body);
    if (body.value("slow_ms", 0) > 0) co_await context_.clock.sleep(std::chrono::milliseconds(body.value("slow_ms", 0)));
    if (body.value("refuses", false)) co_return Response(422);
    try {
      const std::string saga = body.value("saga_id", "");
      const std::string step = body.value("step", "");
      const char* sql = twin_.is("late-success-not-refused")
                            ? "INSERT INTO effects (saga_id, step, state) VALUES ($1, $2, 'done') ON CONFLICT (saga_id, step)"
                              " DO UPDATE SET state = 'done' RETURNING state"
                            : "INSERT INTO effects (saga_id, step, state) VALUES ($1, $2, 'done') ON CONFLICT (saga_id, step)"
                              " DO UPDATE SET state = effects.state RETURNING state";
      const Rows rows = co_await db_.exec(sql, saga, step);
      co_return Response(rows[0]["state"].text() == "done" ? 200 : 409);
    } catch (const DatabaseError&) {
    }
    co_return Response(503);
  }

  Task<Response> undo(Request request) {
    const Json body = Json::parse(request.body);
    try {
      const std::string saga = body.value("saga_id", "");
      const std::string step = body.value("step", "");
      if (twin_.is("undo-leaves-no-fence")) {
        co_await db_.exec("DELETE FROM effects WHERE saga_id = $1 AND step = $2", saga, step);
      } else {
        co_await db_.exec(
            "INSERT INTO effects (saga_id, step, state) VALUES ($1, $2, 'undone') ON CONFLICT (saga_id, step)"
            " DO UPDATE SET state = 'undone'",
            saga, step);
      }
      co_return Response(200);
    } catch (const DatabaseError&) {
    }
    co_return Response(503);
  }

  Context& context_;
  Database& db_;
  Twin twin_;
};

class Orchestrator : public Service {
 public:
  explicit Orchestrator(Context& context)
      : context_(context),
        db_(context.database("saga_db")),
        twin_(context.config.value("defect", "")),
        runner_(context, db_, declaration(), services::SagaSettings(), twin_) {
    context.http.on("POST /start", [this](Request request) { return start(std::move(request)); });
    runner_.start();
  }

 private:
  services::SagaDeclaration declaration() {
    std::vector<services::SagaStep> steps;
    for (const Json& drawn : context_.config.at("steps")) {
      services::SagaStep step(
          drawn.at("name"), [this, drawn](SagaCall call) { return act(drawn, std::move(call)); },
          drawn.at("compensation").get<bool>() ? services::SagaAction([this](SagaCall call) { return undo(std::move(call)); })
                                               : nullptr);
      step.pivot = drawn.at("pivot");
      step.max_attempts = drawn.at("attempts");
      step.deadline = std::chrono::milliseconds(drawn.at("deadline_ms").get<int>());
      steps.push_back(std::move(step));
    }
    return services::SagaDeclaration("fuzzed", std::move(steps));
  }

  Task<StepOutcome> act(Json drawn, SagaCall call) {
    const int key = call.input.at("key");
    Json body{{"saga_id", call.saga_id}, {"step", call.step}, {"slow_ms", drawn.at("slow_ms")}};
    const int refuses = drawn.at("refuses_each");
    body["refuses"] = refuses > 0 && key % refuses == 0;
    StepOutcome outcome = co_await ask(Request("POST", "/do", body.dump()));
    co_return outcome;
  }
  Task<StepOutcome> undo(SagaCall call) {
    const Json body{{"saga_id", call.saga_id}, {"step", call.step}};
    StepOutcome outcome = co_await ask(Request("POST", "/undo", body.dump()));
    co_return outcome;
  }
  Task<StepOutcome> ask(Request request) {
    StepOutcome outcome;
    try {
      const Response response = co_await context_.http.call("participant", std::move(request), 3s);
      if (response.ok()) outcome.result = StepResult::done;
      if (response.status == 409 || response.status == 422) outcome.result = StepResult::refused;
    } catch (const CallFailed& failed) {
      outcome.detail = failed.what();
    }
    co_return outcome;
  }

  Task<Response> start(Request request) {
    const Json body = Json::parse(request.body);
    try {
      Transaction tx = co_await db_.begin();
      const std::string key = std::to_string(body.at("key").get<int>());
      const bool started = co_await runner_.store().start(tx, context_.random.uuid(), key, body);
      if (started) co_await tx.commit();
      co_return Response(200);
    } catch (const DatabaseError&) {
    }
    co_return Response(503);
  }

  Context& context_;
  Database& db_;
  Twin twin_;
  services::SagaRunner runner_;
};

/// The effects of each saga that ended: all there, or none.
Check effects_are_all_or_none() {
  return [](const HistoryIndex& index) {
    Findings findings;
    std::map<std::string, std::map<std::string, std::string>> effects;
    for (const auto& [key, life] : lives_of(index, "effect_db.effects", "saga_id,step")) {
      if (life.last().exists) effects[cell(life.last().row(), "saga_id")][cell(life.last().row(), "step")] = cell(life.last().row(), "state");
    }
    const Sagas& sagas = sagas_of(index, "saga_db");
    for (const SagaStory& story : sagas.stories) {
      if (story.ended == nullptr) continue;
      findings.examine();
      for (const std::string& step : story.steps) {
        const auto& of_saga = effects[story.id];
        const auto effect = of_saga.find(step);
        const bool done = effect != of_saga.end() && effect->second == "done";
        const SagaGraph* graph = sagas.graph(story.name);
        const bool undoable = graph != nullptr && std::ranges::find(graph->nodes, "undo " + step, &SagaGraph::Node::id) != graph->nodes.end();
        if (story.state == "completed" ? done : (!done || !undoable)) continue;
        findings.violate(story.state, fmt::format("saga {} is {}, and {} is {}", short_id(story.id), story.state, step, done ? "done" : "not"),
                         {story.started->id, story.ended->id, index.end()});
      }
    }
    return std::move(findings).verdict();
  };
}

rc::Gen<int> between(int low, int high) { return rc::gen::resize(rc::kNominalSize, rc::gen::inRange(low, high + 1)); }

Task<void> perform(Context& context, OperationLog& log, Operation operation) {
  const std::string body = operation.arguments.dump();
  for (int attempt = 1; attempt <= 8; ++attempt) {
    const std::string key = operation.id + "." + std::to_string(attempt);
    log.invoked("start", key, body);
    std::string why;
    try {
      const Response response = co_await context.http.call("orchestrator", Request("POST", "/start", body), 3s);
      log.ended("start", key, response.status, response.body);
      if (response.ok()) co_return;
    } catch (const CallFailed& failed) {
      why = failed.what();
    }
    if (!why.empty()) log.ended("start", key, 0, why);
    co_await context.clock.sleep(2s);
  }
}

}  // namespace

Json drawn_steps(std::uint64_t number) {
  const auto one = rc::gen::tuple(between(0, 99), between(0, 99), between(1, 6), between(0, 99), between(2, 20));
  const auto drawn = rc::gen::pair(rc::gen::mapcat(between(1, 6), [one](int count) {
                                     return rc::gen::container<std::vector<std::tuple<int, int, int, int, int>>>(static_cast<std::size_t>(count), one);
                                   }),
                                   between(0, 6))(rc::Random(number), rc::kNominalSize)
                         .value();
  Json steps = Json::array();
  const int pivot = drawn.second;  // beyond the last step: there is none
  for (const auto& [compensation, refuses, attempts, slow, deadline] : drawn.first) {
    const int place = static_cast<int>(steps.size());
    // What cannot be undone is the pivot or comes behind it: otherwise nothing could make the saga whole.
    const bool behind = place > pivot;
    steps.push_back(Json{{"name", "step-" + std::to_string(place)},
                         {"pivot", place == pivot},
                         {"compensation", !behind || compensation < 50},
                         {"refuses_each", behind || refuses < 60 ? 0 : 2 + refuses % 4},
                         {"attempts", attempts},
                         {"slow_ms", slow < 80 ? 0 : slow * 40},
                         {"deadline_ms", deadline * 1000}});
    if (behind && slow >= 80) steps.back()["slow_ms"] = 0;
  }
  return steps;
}

Scenario fuzzed_saga(std::uint64_t number) {
  Scenario scenario;
  scenario.name = "fuzzed-saga";
  scenario.claim = "Every saga is completed as a whole or undone as a whole, whatever its steps are.";
  const auto schema = [](std::string_view defect) { return services::saga_schema(Twin(std::string(defect))); };
  scenario.topology.databases = {{"saga_db", schema({}), schema}, {"effect_db", kEffects, {}}};
  const Json config{{"steps", drawn_steps(number)}};
  scenario.topology.services = {{"orchestrator", 2, make_service<Orchestrator>(), config},
                                {"participant", 2, make_service<Participant>(), config}};
  scenario.topology.broker = false;
  scenario.topology.clients = 2;
  scenario.draw_operations = [](std::uint64_t seed) {
    std::vector<Operation> operations;
    auto times = rc::gen::container<std::vector<int>>(16, between(100, 60'000))(rc::Random(seed), rc::kNominalSize).value();
    std::ranges::sort(times);
    for (std::size_t i = 0; i < times.size(); ++i) {
      Operation operation;
      operation.at = std::chrono::milliseconds(times[i]);
      operation.client = i % 2 == 0 ? "client-1" : "client-2";
      operation.name = "start";
      operation.id = "op-" + std::to_string(i + 1);
      operation.arguments = Json{{"key", static_cast<int>(i * 3 / 4)}};  // some twice
      operations.push_back(std::move(operation));
    }
    return operations;
  };
  scenario.operations = {"start"};
  scenario.perform = perform;
  const std::string db = "saga_db";
  scenario.properties = {
      always("one saga per key", "A key has one saga.", one_saga_per_key(db)),
      always("effects are all or none", "A saga that ended has done all of its steps, or undone all.", effects_are_all_or_none()),
      always("sagas move along their graph", "No state is skipped or taken back.", sagas_move_along_their_graph(db)),
      always("steps run in order", "Forward one after the other, and back in reverse.", steps_run_in_order(db)),
      eventually("every saga ends", "No saga is left on its way.", every_saga_ends(db, 60s)),
      sometimes("a saga is completed", "", saga_ends_as(db, "completed")),
      sometimes("a saga is compensated", "", saga_ends_as(db, "compensated"))};
  scenario.defects = {
      {"two-sagas-per-trigger", 57, "No unique business key.", "one saga per key"},
      {"no-fencing", 47, "Writes without the claim's token.", "sagas move along their graph"},
      {"database-blip-ends-worker", 46, "The first error ends the worker.", "every saga ends"},
      {"step-failure-swallowed", 60, "A failure counts as done.", "effects are all or none"},
      {"compensation-cancelled-with-its-scope", 55, "What timed out is not undone.", "effects are all or none"},
      {"compensates-in-order-of-doing", 0, "Undoes the first step first.", "steps run in order"},
      {"only-finished-steps-are-undone", 0, "Forgets the step that was under way.", "sagas move along their graph"},
      {"turns-round-behind-the-pivot", 0, "A failure behind the pivot undoes what must stay.", "sagas move along their graph"},
      {"late-success-not-refused", 51, "The participant does what was undone already.", "effects are all or none"},
      {"undo-leaves-no-fence", 51, "The participant forgets what it has undone.", "effects are all or none"},
  };
  scenario.runs_for = 60s;
  scenario.settles_within = 120s;
  return scenario;
}

}  // namespace orrery::testing
