#include "services/patterns/saga.hpp"

#include <algorithm>
#include <chrono>

#include "runtime/check.hpp"

namespace orrery::services {

SagaDeclaration::SagaDeclaration(std::string name, std::vector<SagaStep> steps)
    : name_(std::move(name)), steps_(std::move(steps)), pivot_(steps_.size()) {
  CHECK(!steps_.empty(), name_);
  for (std::size_t place = 0; place < steps_.size(); ++place) {
    CHECK(steps_[place].action != nullptr, steps_[place].name);
    CHECK(place_of(steps_[place].name) == place, "two steps of a saga have the same name");
    if (!steps_[place].pivot) continue;
    CHECK(pivot_ == steps_.size(), "a saga has one pivot at most");
    pivot_ = place;
  }
}

std::size_t SagaDeclaration::place_of(std::string_view step) const noexcept {
  return static_cast<std::size_t>(std::ranges::find(steps_, step, &SagaStep::name) - steps_.begin());
}

Json SagaDeclaration::graph() const {
  Json steps = Json::array();
  Json nodes = Json::array();
  Json edges = Json::array();
  const auto node = [&nodes](const std::string& id, const char* kind) {
    nodes.push_back(Json{{"id", id}, {"kind", kind}});
  };
  const auto edge = [&edges](const std::string& from, const std::string& to, const char* on) {
    edges.push_back(Json{{"from", from}, {"to", to}, {"on", on}});
  };
  node("start", "start");
  std::string before = "start";
  std::string undone = "compensated";  // where the undoing of the steps so far goes on
  for (std::size_t place = 0; place < steps_.size(); ++place) {
    const SagaStep& step = steps_[place];
    const bool only_forward = place > pivot_;
    steps.push_back(Json{{"name", step.name},
                         {"compensation", step.compensation != nullptr},
                         {"pivot", step.pivot},
                         {"deadline_ms", only_forward ? 0 : std::chrono::duration_cast<std::chrono::milliseconds>(step.deadline).count()},
                         {"max_attempts", step.max_attempts}});
    node(step.name, step.pivot ? "pivot" : "step");
    edge(before, step.name, before == "start" ? "started" : "done");
    if (!only_forward) {
      if (step.compensation != nullptr) {
        const std::string undo = "undo " + step.name;
        node(undo, "compensation");
        edge(undo, undone, "done");
        undone = undo;
      }
      edge(step.name, undone, "refused");
      edge(step.name, undone, "timed out");
    }
    before = step.name;
  }
  node("completed", "end");
  node("compensated", "end");
  edge(before, "completed", "done");
  return Json{{"saga", name_}, {"steps", steps}, {"nodes", nodes}, {"edges", edges}};
}

namespace {

constexpr const char* kTables = R"sql(
CREATE TABLE saga_declarations (
  name        text PRIMARY KEY,
  graph       jsonb NOT NULL,              -- SagaDeclaration::graph()
  declared_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE sagas (
  id              uuid PRIMARY KEY,
  name            text NOT NULL,           -- of the declaration
  business_key    text NOT NULL,           -- what it is about: one saga each
  input           jsonb NOT NULL,
  state           text NOT NULL DEFAULT 'running'
                  CHECK (state IN ('running', 'compensating', 'completed', 'compensated')),
  escalated       boolean NOT NULL DEFAULT false,  -- goes on, but somebody should look
  reason          text,                    -- why it is being compensated
  next_attempt_at timestamptz NOT NULL DEFAULT now(),
  claimed_by      text,
  claim_token     bigint NOT NULL DEFAULT 0,  -- fencing: grows with each claim
  claimed_until   timestamptz,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  ended_at        timestamptz,
  CHECK ((state IN ('completed', 'compensated')) = (ended_at IS NOT NULL))
);
CREATE INDEX sagas_open ON sagas (next_attempt_at, id) WHERE state IN ('running', 'compensating');

CREATE TABLE saga_steps (
  saga_id       uuid NOT NULL REFERENCES sagas,
  step          int NOT NULL,              -- its place, from 0
  name          text NOT NULL,
  state         text NOT NULL DEFAULT 'pending' CHECK (state IN
                ('pending', 'running', 'awaiting', 'done', 'refused', 'timed_out', 'compensating', 'compensated')),
  attempts      int NOT NULL DEFAULT 0,    -- of the action, begun
  undo_attempts int NOT NULL DEFAULT 0,    -- of the compensation, begun
  deadline_at   timestamptz,
  last_error    text,
  updated_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (saga_id, step)
);

-- What participants said about steps, whenever they said it: read by whoever runs the saga next.
CREATE TABLE saga_signals (
  saga_id     uuid NOT NULL REFERENCES sagas,
  step        text NOT NULL,
  outcome     text NOT NULL CHECK (outcome IN ('done', 'refused')),
  detail      text NOT NULL DEFAULT '',
  received_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (saga_id, step, outcome)
);
)sql";

constexpr const char* kOneSagaPerKey = "CREATE UNIQUE INDEX sagas_once ON sagas (name, business_key);\n";

}  // namespace

std::string saga_schema(const Twin& twin) {
  // twin: two-sagas-per-trigger. Nothing says that there may be only one.
  return twin.is("two-sagas-per-trigger") ? std::string(kTables) : std::string(kTables) + kOneSagaPerKey;
}

}  // namespace orrery::services
