#include "sim/database/engine_functions.hpp"

#include <algorithm>

#include "sim/database/catalogs/objects.hpp"
#include "sim/database/errors.hpp"
#include "sim/database/notifications.hpp"
#include "sim/database/session_impl.hpp"

namespace orrery::sim::database {
namespace {

// Flags of advisory lock functions.
constexpr std::uint32_t kTry = 1;
constexpr std::uint32_t kOfTransaction = 2;
constexpr std::uint32_t kShared = 4;

const std::vector<EngineFunctionEntry>& entries() {
  static const std::vector<EngineFunctionEntry> all = [] {
    using enum EngineFunction;
    const TypeRef int8(Type::int8);
    const TypeRef int4(Type::int4);
    const TypeRef text(Type::text);
    const TypeRef sequence(Type::regclass);
    const TypeRef none(Type::void_);
    const TypeRef boolean(Type::boolean);
    std::vector<EngineFunctionEntry> list{
        {"nextval", nextval, 0, {sequence}, int8},
        {"currval", currval, 0, {sequence}, int8},
        {"lastval", lastval, 0, {}, int8},
        {"setval", setval, 0, {sequence, int8}, int8},
        {"setval", setval, 0, {sequence, int8, boolean}, int8},
        {"pg_notify", EngineFunction::pg_notify, 0, {text, text}, none, false},
        {"pg_notification_queue_usage", EngineFunction::notification_queue_usage, 0, {}, TypeRef(Type::float8)},
        {"pg_advisory_unlock_all", advisory_unlock_all, 0, {}, none},
        {"current_schema", EngineFunction::current_schema, 0, {}, TypeRef(Type::name)},
        {"current_database", EngineFunction::current_database, 0, {}, TypeRef(Type::name)},
        {"pg_backend_pid", EngineFunction::pg_backend_pid, 0, {}, int4},
        {"pg_is_in_recovery", EngineFunction::is_in_recovery, 0, {}, boolean},
        {"set_config", EngineFunction::set_config, 0, {text, text, boolean}, text, false},
        {"pg_sleep", EngineFunction::pg_sleep, 0, {TypeRef(Type::float8)}, none},
        {"pg_blocking_pids", EngineFunction::blocking_pids, 0, {int4}, int4.array()},
        {"pg_isolation_test_session_is_blocked", EngineFunction::is_session_blocked, 0, {int4, int4.array()}, boolean},
    };
    struct Advisory {
      std::string_view name;
      EngineFunction function;
      std::uint32_t flags;
      TypeRef result;
    };
    const Advisory advisory[] = {
        {"pg_advisory_lock", advisory_lock, 0, none},
        {"pg_advisory_lock_shared", advisory_lock, kShared, none},
        {"pg_advisory_xact_lock", advisory_lock, kOfTransaction, none},
        {"pg_advisory_xact_lock_shared", advisory_lock, kOfTransaction | kShared, none},
        {"pg_try_advisory_lock", advisory_lock, kTry, boolean},
        {"pg_try_advisory_lock_shared", advisory_lock, kTry | kShared, boolean},
        {"pg_try_advisory_xact_lock", advisory_lock, kTry | kOfTransaction, boolean},
        {"pg_try_advisory_xact_lock_shared", advisory_lock, kTry | kOfTransaction | kShared, boolean},
        {"pg_advisory_unlock", advisory_unlock, 0, boolean},
        {"pg_advisory_unlock_shared", advisory_unlock, kShared, boolean},
    };
    for (const Advisory& each : advisory) {
      list.push_back({each.name, each.function, each.flags, {int8}, each.result});
      list.push_back({each.name, each.function, each.flags, {int4, int4}, each.result});
    }
    return list;
  }();
  return all;
}

Sequence& sequence_argument(const Expr& expr, const std::vector<Value>& arguments, Execution& execution) {
  if (expr.flags == 1) return *std::bit_cast<Sequence*>(expr.constant.integer());
  if (expr.args[0]->type.is(Type::regclass)) return sequence_numbered(execution.session->naming, oid_of(arguments[0]));
  return execution.session->naming.sequence(arguments[0].bytes());
}

Value take_advisory_lock(const Expr& expr, const std::vector<Value>& arguments, Execution& execution) {
  SessionImpl& session = *execution.session;
  LockManager& locks = session.engine.locks;
  if (session.replayed) fail_unsupported("advisory locks on a standby");
  LockTag tag{LockTag::Kind::advisory, static_cast<std::uint64_t>(arguments[0].integer()), 0, 1};
  if (arguments.size() == 2) {
    tag.first = static_cast<std::uint32_t>(arguments[0].integer());
    tag.second = static_cast<std::uint32_t>(arguments[1].integer());
    tag.form = 2;
  }
  const LockMode mode = (expr.flags & kShared) != 0 ? LockMode::share : LockMode::exclusive;
  const bool of_session = (expr.flags & kOfTransaction) == 0;
  if (expr.engine_function == EngineFunction::advisory_unlock) {
    return Value::boolean(locks.release(session.transaction, locks.advisory_lock(tag), mode, 0));
  }
  // Taken by an attempt of this statement that had to wait later on.
  const auto waited = std::find(execution.granted.begin(), execution.granted.end(), tag);
  if (waited != execution.granted.end()) {
    execution.granted.erase(waited);
    return (expr.flags & kTry) != 0 ? Value::boolean(true) : Value::bytes("");
  }
  Lock& lock = locks.advisory_lock(tag);
  // A lock that the session holds in this mode is taken once more without looking at others.
  const std::uint32_t level = of_session ? 0 : session.transaction.level();
  const bool got = (expr.flags & kTry) != 0 ? locks.acquire_at_once(session.transaction, lock, mode, level)
                                            : locks.try_acquire(session.transaction, lock, mode, level);
  if (got) execution.acquired.push_back(tag);
  if ((expr.flags & kTry) != 0) return Value::boolean(got);
  if (!got) throw EvaluationWait{tag, mode, of_session, {}};
  return Value::bytes("");
}

/// Whom a process waits for, as pg_blocking_pids gives it: holders of conflicting locks, and those who wait before it
/// for a conflicting one. Ascending.
std::vector<std::int32_t> blocking_processes(const SessionImpl& asking, std::int64_t process) {
  std::vector<std::int32_t> found;
  for (const SessionImpl* session : asking.engine.sessions) {
    if (session == nullptr || session->transaction.process_id != process) continue;
    const LockWait* wait = session->transaction.waiting;
    if (wait == nullptr || wait->granted) break;
    if (wait->awaited != nullptr) found.push_back(wait->awaited->process_id);
    if (wait->lock == nullptr) break;
    const LockMask conflicting = conflicting_modes(wait->mode);
    for (const LockHolder& holder : wait->lock->holders()) {
      if (holder.owner != &wait->owner && (holder.modes & conflicting) != 0) found.push_back(holder.owner->process_id);
    }
    for (const LockWait* ahead : wait->lock->queue()) {
      if (ahead == wait) break;
      if ((mask_of(ahead->mode) & conflicting) != 0) found.push_back(ahead->owner.process_id);
    }
    break;
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace

const EngineFunctionEntry* find_engine_function(std::string_view name, std::size_t arguments) {
  for (const EngineFunctionEntry& entry : entries()) {
    if (entry.name == name && entry.arguments.size() == arguments) return &entry;
  }
  return nullptr;
}

Value call_engine_function(const Expr& expr, Execution& execution) {
  SessionImpl& session = *execution.session;
  std::vector<Value> arguments;
  for (const ExprPtr& arg : expr.args) {
    Value local;
    arguments.push_back(evaluate(*arg, execution, local));
    if (arguments.back().is_null() && expr.engine_function != EngineFunction::pg_notify &&
        expr.engine_function != EngineFunction::set_config) {
      return {};
    }
  }
  switch (expr.engine_function) {
    case EngineFunction::nextval: {
      if (session.transaction.is_read_only) fail("25006", "cannot execute nextval() in a read-only transaction");
      Sequence& sequence = sequence_argument(expr, arguments, execution);
      const std::int64_t value = sequence.next();
      session.last_sequence = &sequence;
      session.last_sequence_value = value;
      session.sequence_values[sequence.id] = value;
      return Value::integer(value);
    }
    case EngineFunction::currval: {
      const Sequence& sequence = sequence_argument(expr, arguments, execution);
      const auto found = session.sequence_values.find(sequence.id);
      if (found == session.sequence_values.end()) {
        fail("55000", "currval of sequence " + in_quotes(sequence.name) + " is not yet defined in this session");
      }
      return Value::integer(found->second);
    }
    case EngineFunction::lastval:
      if (session.last_sequence != nullptr) {
        const Sequence& last = *session.last_sequence;
        const CatalogEntry* entry = session.engine.catalog.find_relation(last.schema, last.name, session.transaction.slot);
        if (entry == nullptr || entry->sequence != &last) session.last_sequence = nullptr;  // it was dropped
      }
      if (session.last_sequence == nullptr) fail("55000", "lastval is not yet defined in this session");
      return Value::integer(session.last_sequence_value);
    case EngineFunction::setval: {
      if (session.transaction.is_read_only) fail("25006", "cannot execute setval() in a read-only transaction");
      Sequence& sequence = sequence_argument(expr, arguments, execution);
      const std::int64_t value = arguments[1].integer();
      if (value < sequence.minimum || value > sequence.maximum) {
        fail("22003", "setval: value " + std::to_string(value) + " is out of bounds for sequence " + in_quotes(sequence.name) +
                          " (" + std::to_string(sequence.minimum) + ".." + std::to_string(sequence.maximum) + ")");
      }
      const bool called = arguments.size() < 3 || arguments[2].boolean();
      sequence.restart(value, called);
      if (called) session.sequence_values[sequence.id] = value;
      if (called && session.last_sequence == &sequence) session.last_sequence_value = value;
      return Value::integer(value);
    }
    case EngineFunction::is_in_recovery:
      return Value::boolean(static_cast<bool>(session.replayed));
    case EngineFunction::pg_notify:
      if (session.replayed) fail("25006", "cannot execute NOTIFY during recovery");
      notify(session, arguments[0].is_null() ? std::string() : std::string(arguments[0].bytes()),
             arguments[1].is_null() ? std::string() : std::string(arguments[1].bytes()));
      return Value::bytes("");
    case EngineFunction::notification_queue_usage:
      return Value::real(notification_queue_usage(session.engine));
    case EngineFunction::advisory_lock:
    case EngineFunction::advisory_unlock:
      return take_advisory_lock(expr, arguments, execution);
    case EngineFunction::advisory_unlock_all: {
      LockManager& locks = session.engine.locks;
      for (std::size_t i = session.transaction.held.size(); i-- > 0;) {
        const HeldLock held = session.transaction.held[i];
        if (held.level == 0) locks.release(session.transaction, *held.lock, held.mode, 0);
      }
      return Value::bytes("");
    }
    case EngineFunction::current_schema:
      for (const std::string& schema : session.naming.search_path) {
        if (schema == "pg_temp") fail_unsupported("the schema pg_temp");
        if (session.engine.catalog.schema_exists(schema, session.transaction.slot)) return Value::bytes(schema);
      }
      return {};
    case EngineFunction::current_user:
      return Value::bytes("postgres");
    case EngineFunction::current_database:
      return Value::bytes(session.engine.name);
    case EngineFunction::pg_backend_pid:
      return Value::integer(session.transaction.process_id);
    case EngineFunction::blocking_pids: {
      std::vector<Value> processes;
      for (const std::int32_t process : blocking_processes(session, arguments[0].integer())) {
        processes.push_back(Value::integer(process));
      }
      return make_array(TypeRef(Type::int4), std::move(processes));
    }
    case EngineFunction::is_session_blocked: {
      // A wait for a safe snapshot counts, whoever it is for (GetSafeSnapshotBlockingPids).
      for (const SessionImpl* other : session.engine.sessions) {
        if (other == nullptr || other->transaction.process_id != arguments[0].integer()) continue;
        if (other->transaction.waits_for_safe_snapshot) return Value::boolean(true);
      }
      const std::vector<std::int32_t> blockers = blocking_processes(session, arguments[0].integer());
      const ArrayData& interesting = arguments[1].array();
      return Value::boolean(std::any_of(blockers.begin(), blockers.end(), [&](std::int32_t process) {
        return std::any_of(interesting.elements.begin(), interesting.elements.end(),
                           [&](const Value& each) { return !each.is_null() && each.integer() == process; });
      }));
    }
    case EngineFunction::set_config: {
      if (arguments[0].is_null()) fail("22004", "SET requires parameter name");
      const std::string name(arguments[0].bytes());
      const std::string value = arguments[1].is_null() ? std::string() : std::string(arguments[1].bytes());
      session.settings.set(name, value, arguments[2].boolean());
      session.apply_search_path();
      return Value::bytes(*session.settings.show(name));
    }
    case EngineFunction::pg_sleep: {
      if (execution.slept) return Value::bytes("");
      const double seconds = arguments[0].real();
      if (seconds > 0) throw EvaluationWait{{}, LockMode::none, false, std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9))};
      return Value::bytes("");
    }
  }
  return {};
}

}  // namespace orrery::sim::database
