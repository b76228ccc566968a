#include "sim/database/catalogs/objects.hpp"
#include "sim/database/execution.hpp"

#include <algorithm>

#include "sim/database/errors.hpp"
#include "sim/database/session_impl.hpp"

namespace orrery::sim::database {
namespace {

// Decisions of the seed that the engine asks for.
constexpr std::uint32_t kRandomSite = 0xdb000001;

}  // namespace

void Execution::start(const StatementPlan& the_plan, SessionImpl& the_session) {
  plan = &the_plan;
  session = &the_session;
  if (slots.size() != the_plan.slots) slots.resize(the_plan.slots);
  std::fill(slots.begin(), slots.end(), Slot{});
  if (stores.size() < the_plan.stores) stores.resize(the_plan.stores);
  if (caches.size() < the_plan.caches) caches.resize(the_plan.caches);
  // Constraints, defaults and index expressions were compiled on their own: they count their locals from 0, too.
  const std::size_t wanted = std::max<std::size_t>(the_plan.locals, kMaxConstraintLocals);
  if (locals.size() < wanted) locals.resize(wanted);
  depth = 0;
  order_draws = 0;
  told_order = false;
  order_seed = 0;
  acquired.clear();
  granted.clear();
  slept = false;
}

void Execution::forget_subqueries() {
  for (std::uint32_t i = 0; i < plan->stores; ++i) stores[i].clear();
  for (std::uint32_t i = 0; i < plan->caches; ++i) {
    caches[i].is_filled = false;
    caches[i].has_null = false;
    caches[i].rows.clear();
    caches[i].by_hash.clear();
  }
}

void Execution::finish() {
  parameters.clear();
  for (Tuplestore* store : {&result, &source}) {
    if (!store->cells.empty()) {
      store->cells.clear();
      if (store->cells.capacity() > 10'000) store->cells.shrink_to_fit();  // a large one must not be kept for ever
    }
    store->rows = 0;
    store->is_filled = false;
  }
  if (plan->stores + plan->caches > 0) forget_subqueries();
  if (!joins.empty()) joins.clear();
  if (!arena.empty()) arena.clear();
}

std::int64_t Execution::transaction_time() const { return session->transaction.start_time; }
std::int64_t Execution::statement_time() const { return session->transaction.statement_time; }
std::int64_t Execution::clock_time() const {
  return timestamptz_value(engine->environment.system_time()).integer();
}

std::uint64_t Execution::next_random() const {
  return engine->environment.draw(kRandomSite, session->entity, ++session->random_draws);
}

std::uint64_t Execution::current_transaction_id() const {
  if (session->replayed) fail("25006", "cannot execute pg_current_xact_id() during recovery");
  if (session->transaction.levels.front().xid == 0) static_cast<void>(session->current_xid());
  return session->transaction.levels.front().xid;
}

std::uint64_t Execution::current_transaction_id_if_assigned() const {
  return session->transaction.levels.front().xid;
}

std::string Execution::current_snapshot() const {
  std::string text = std::to_string(snapshot.xmin) + ":" + std::to_string(snapshot.xmax) + ":";
  bool is_first = true;
  const TransactionTable& transactions = engine->transactions;
  for (Xid xid = snapshot.xmin; xid < snapshot.xmax; ++xid) {
    const std::uint64_t state = transactions.state(xid);
    const bool running = (state & TransactionTable::kRunning) != 0;
    if (!running && state <= snapshot.sequence) continue;
    if (!is_first) text += ',';
    text += std::to_string(xid);
    is_first = false;
  }
  return text;
}

std::optional<std::string> Execution::setting(std::string_view name) const { return session->settings.show(name); }

Value Execution::object_named(Type type, std::string_view text) const { return database::object_named(session->naming, type, text); }
Value Execution::object_numbered(Type type, std::uint32_t oid) const { return database::object_numbered(session->naming, type, oid); }

}  // namespace orrery::sim::database
