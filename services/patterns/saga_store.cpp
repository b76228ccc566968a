#include "services/patterns/saga_store.hpp"

#include <utility>

namespace orrery::services {
namespace {

constexpr std::string_view kDeclare =
    "INSERT INTO saga_declarations (name, graph) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET graph = excluded.graph,"
    " declared_at = now() WHERE saga_declarations.graph <> excluded.graph";

constexpr std::string_view kStart = "INSERT INTO sagas (id, name, business_key, input) VALUES ($1, $2, $3, $4)";
constexpr std::string_view kOncePerKey = " ON CONFLICT (name, business_key) DO NOTHING";
constexpr std::string_view kAddStep = "INSERT INTO saga_steps (saga_id, step, name) VALUES ($1, $2, $3)";

constexpr std::string_view kSignal =
    "INSERT INTO saga_signals (saga_id, step, outcome, detail) SELECT t.saga_id, t.name, $3, $4 FROM saga_steps t"
    " WHERE t.saga_id = $1 AND t.name = $2 ON CONFLICT DO NOTHING RETURNING saga_id";
constexpr std::string_view kWake =
    "UPDATE sagas SET next_attempt_at = now() WHERE id = $1 AND state IN ('running', 'compensating')"
    " AND next_attempt_at > now()";
// twin: reply-before-state-saved. Only a step that is known to wait is told.
constexpr std::string_view kSignalToWaiting =
    "INSERT INTO saga_signals (saga_id, step, outcome, detail) SELECT t.saga_id, t.name, $3, $4 FROM saga_steps t"
    " WHERE t.saga_id = $1 AND t.name = $2 AND t.state = 'awaiting' ON CONFLICT DO NOTHING RETURNING saga_id";

constexpr std::string_view kClaim =
    "WITH due AS MATERIALIZED ("
    " SELECT id FROM sagas WHERE name = $3 AND state IN ('running', 'compensating') AND next_attempt_at <= now()"
    " AND (claimed_until IS NULL OR claimed_until <= now()) ORDER BY next_attempt_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)"
    " UPDATE sagas s SET claimed_by = $1, claim_token = s.claim_token + 1,"
    " claimed_until = now() + make_interval(secs => $2), updated_at = now() FROM due WHERE s.id = due.id"
    " RETURNING s.id, s.business_key, s.input, s.state, s.claim_token";

constexpr std::string_view kLoad =
    "SELECT t.state, t.attempts, t.undo_attempts, coalesce(t.deadline_at <= now(), false) AS late,"
    " EXISTS (SELECT 1 FROM saga_signals g WHERE g.saga_id = t.saga_id AND g.step = t.name AND g.outcome = 'done')"
    " AS said_done,"
    " EXISTS (SELECT 1 FROM saga_signals r WHERE r.saga_id = t.saga_id AND r.step = t.name AND r.outcome = 'refused')"
    " AS said_refused"
    " FROM saga_steps t WHERE t.saga_id = $1 ORDER BY t.step";

constexpr std::string_view kFence = " WHERE id = $1 AND claim_token = $2 AND state IN (";
// twin: no-fencing. Writes whoever has the saga by now, and whatever became of it.
constexpr std::string_view kNoFence = " WHERE id = $1 AND $2::bigint IS NOT NULL";

constexpr std::string_view kRenew = "UPDATE sagas SET updated_at = now(), claimed_until = now() + make_interval(secs => $3)";
constexpr std::string_view kTurn =
    "UPDATE sagas SET state = 'compensating', reason = left($4, 500), updated_at = now(),"
    " claimed_until = now() + make_interval(secs => $3)";
constexpr std::string_view kEnd =
    "UPDATE sagas SET state = $3, ended_at = now(), updated_at = now(), claimed_by = NULL, claimed_until = NULL";
constexpr std::string_view kPutBack =
    "UPDATE sagas SET updated_at = now(), claimed_by = NULL, claimed_until = NULL, escalated = escalated OR $3,"
    " next_attempt_at = least(now() + make_interval(secs => $4),"
    " (SELECT t.deadline_at FROM saga_steps t WHERE t.saga_id = $1 AND t.step = $5 AND t.state IN ('running', 'awaiting')))";

constexpr std::string_view kBeginAttempt =
    "UPDATE saga_steps SET state = 'running', attempts = attempts + 1, updated_at = now(),"
    " deadline_at = CASE WHEN $3::double precision IS NULL THEN NULL"
    " ELSE coalesce(deadline_at, now() + make_interval(secs => $3)) END WHERE saga_id = $1 AND step = $2";
constexpr std::string_view kSetStep =
    "UPDATE saga_steps SET state = $3, updated_at = now(), last_error = nullif(left($4, 500), '')"
    " WHERE saga_id = $1 AND step = $2";
constexpr std::string_view kBeginUndo =
    "UPDATE saga_steps SET state = 'compensating', undo_attempts = undo_attempts + 1, updated_at = now()"
    " WHERE saga_id = $1 AND step = $2";

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

SagaStore::SagaStore(Database& db, const SagaDeclaration& saga, const Twin& twin)
    : db_(db), saga_(saga), twin_(twin), claim_(kClaim), start_(kStart) {
  if (!twin.is("two-sagas-per-trigger")) start_ += kOncePerKey;  // twin: two-sagas-per-trigger
  renew_ = fenced(kRenew);
  turn_ = fenced(kTurn, "'running'");
  end_ = fenced(kEnd);
  put_back_ = fenced(kPutBack);
}

std::string SagaStore::fenced(std::string_view change, std::string_view states) const {
  std::string sql(change);
  if (twin_.is("no-fencing")) return sql += kNoFence;  // twin: no-fencing
  sql += kFence;
  sql += states;
  return sql += ")";
}

Task<void> SagaStore::declare() { co_await db_.exec(kDeclare, saga_.name(), saga_.graph().dump()); }

Task<bool> SagaStore::start(Transaction& tx, std::string id, std::string business_key, const Json& input) {
  const Rows started = co_await tx.exec(start_, id, saga_.name(), business_key, input.dump());
  if (started.affected() == 0) co_return false;
  for (std::size_t step = 0; step < saga_.steps().size(); ++step) {
    co_await tx.exec(kAddStep, id, static_cast<std::int64_t>(step), saga_.steps()[step].name);
  }
  co_return true;
}

Task<bool> SagaStore::signal(Transaction& tx, std::string id, std::string step, bool done, std::string detail) {
  const std::string_view note = twin_.is("reply-before-state-saved") ? kSignalToWaiting : kSignal;
  const Rows noted = co_await tx.exec(note, id, step, done ? "done" : "refused", detail);
  if (noted.empty()) co_return false;
  co_await tx.exec(kWake, id);
  co_return true;
}

Task<bool> SagaStore::claim(const std::string& owner, double lease_s, SagaRecord& into) {
  const Rows claimed = co_await db_.exec(claim_, owner, lease_s, saga_.name());
  if (claimed.empty()) co_return false;
  const Row row = claimed[0];
  into.id = row["id"].text();
  into.business_key = row["business_key"].text();
  into.input = Json::parse(row["input"].text());
  into.state = saga_state(row["state"].text());
  into.token = row["claim_token"].integer();
  co_return true;
}

Task<void> SagaStore::load(SagaRecord& saga) {
  const Rows rows = co_await db_.exec(kLoad, saga.id);
  saga.steps.clear();
  for (const Row row : rows) {
    StepRecord& step = saga.steps.emplace_back();
    step.state = step_state(row["state"].text());
    step.attempts = row["attempts"].integer();
    step.undo_attempts = row["undo_attempts"].integer();
    step.late = row["late"].boolean();
    step.said_done = row["said_done"].boolean();
    step.said_refused = row["said_refused"].boolean();
  }
}

Task<bool> SagaStore::begin_attempt(SagaRecord& saga, std::size_t step, double lease_s) {
  Transaction tx = co_await db_.begin();
  const Rows renewed = co_await tx.exec(renew_, saga.id, saga.token, lease_s);
  if (renewed.affected() == 0) co_return false;
  SqlValue deadline_s;  // none behind the pivot
  if (step <= saga_.pivot()) deadline_s = SqlValue(seconds(saga_.steps()[step].deadline));
  co_await tx.exec(kBeginAttempt, saga.id, static_cast<std::int64_t>(step), deadline_s);
  co_await tx.commit();
  saga.steps[step].state = StepState::running;
  ++saga.steps[step].attempts;
  co_return true;
}

Task<bool> SagaStore::conclude(SagaRecord& saga, std::size_t step, StepState as, std::string why, double lease_s) {
  Transaction tx = co_await db_.begin();
  Rows written;
  if (as == StepState::done) {
    written = co_await tx.exec(renew_, saga.id, saga.token, lease_s);
  } else {
    const std::string reason = saga_.steps()[step].name + ": " + why;
    written = co_await tx.exec(turn_, saga.id, saga.token, lease_s, reason);
  }
  if (written.affected() == 0) co_return false;
  co_await tx.exec(kSetStep, saga.id, static_cast<std::int64_t>(step), std::string(to_string(as)), why);
  co_await tx.commit();
  saga.steps[step].state = as;
  if (as != StepState::done) saga.state = SagaState::compensating;
  co_return true;
}

Task<bool> SagaStore::begin_undo(SagaRecord& saga, std::size_t step, double lease_s) {
  Transaction tx = co_await db_.begin();
  const Rows renewed = co_await tx.exec(renew_, saga.id, saga.token, lease_s);
  if (renewed.affected() == 0) co_return false;
  co_await tx.exec(kBeginUndo, saga.id, static_cast<std::int64_t>(step));
  co_await tx.commit();
  saga.steps[step].state = StepState::compensating;
  ++saga.steps[step].undo_attempts;
  co_return true;
}

Task<bool> SagaStore::conclude_undo(SagaRecord& saga, std::size_t step, double lease_s) {
  Transaction tx = co_await db_.begin();
  const Rows renewed = co_await tx.exec(renew_, saga.id, saga.token, lease_s);
  if (renewed.affected() == 0) co_return false;
  co_await tx.exec(kSetStep, saga.id, static_cast<std::int64_t>(step), "compensated", "");
  co_await tx.commit();
  saga.steps[step].state = StepState::compensated;
  co_return true;
}

Task<bool> SagaStore::end(SagaRecord& saga, SagaState as) {
  const Rows ended = co_await db_.exec(end_, saga.id, saga.token, std::string(to_string(as)));
  co_return ended.affected() > 0;
}

Task<bool> SagaStore::put_back(SagaRecord& saga, std::size_t step, StepState as, double after_s, std::string why,
                               bool escalate) {
  Transaction tx = co_await db_.begin();
  // First the row that everybody locks first; its deadline is looked up under the step's new state all the same.
  const Rows put = co_await tx.exec(put_back_, saga.id, saga.token, escalate, after_s, static_cast<std::int64_t>(step));
  if (put.affected() == 0) co_return false;
  co_await tx.exec(kSetStep, saga.id, static_cast<std::int64_t>(step), std::string(to_string(as)), why);
  co_await tx.commit();
  co_return true;
}

}  // namespace orrery::services
