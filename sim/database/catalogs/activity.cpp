// What sessions do: pg_database, pg_stat_activity, pg_locks.

#include "sim/database/catalogs/fills.hpp"

#include <algorithm>

#include "sim/database/session_impl.hpp"

namespace orrery::sim::database {
namespace {

constexpr std::int64_t kDatabase = 5;

}  // namespace

void fill_database(const SessionImpl& session, RowWriter& rows) {
  rows.begin();
  rows.set_number("oid", kDatabase);
  rows.set("datname", session.engine.name);
  rows.set_number("datdba", kOwner);
  rows.set_number("encoding", 6);  // UTF8
  rows.set("datlocprovider", "c");
  rows.set("datallowconn", true);
  rows.set_number("datconnlimit", -1);
  rows.set_number("dattablespace", 1663);
  rows.set("datcollate", "C");
  rows.set("datctype", "C");
}

namespace {

const char* wait_event(const LockWait& wait) {
  if (wait.lock == nullptr) return "transactionid";
  switch (wait.lock->tag().kind) {
    case LockTag::Kind::relation:
      return "relation";
    case LockTag::Kind::tuple:
      return "tuple";
    case LockTag::Kind::advisory:
      return "advisory";
  }
  return "";
}

}  // namespace

void fill_activity(const SessionImpl& asking, RowWriter& rows) {
  for (const SessionImpl* session : asking.engine.sessions) {
    if (session == nullptr) continue;
    const Transaction& txn = session->transaction;
    rows.begin();
    rows.set_number("datid", kDatabase);
    rows.set("datname", asking.engine.name);
    rows.set_number("pid", txn.process_id);
    rows.set_number("usesysid", kOwner);
    rows.set("usename", "postgres");
    rows.set("application_name", session->settings.show("application_name").value_or(""));
    rows.set("backend_type", "client backend");
    if (txn.is_open) rows.set_number("xact_start", txn.start_time);
    if (session->shown_text != nullptr) rows.set_number("query_start", txn.statement_time);
    rows.set("state", session->is_running   ? "active"
                      : !txn.is_explicit    ? "idle"
                      : txn.has_failed      ? "idle in transaction (aborted)"
                                            : "idle in transaction");
    if (txn.waiting != nullptr && !txn.waiting->granted) {
      rows.set("wait_event_type", "Lock");
      rows.set("wait_event", wait_event(*txn.waiting));
    } else if (session->sleeper != nullptr) {
      rows.set("wait_event_type", "Timeout");
      rows.set("wait_event", "PgSleep");
    } else if (txn.waits_for_safe_snapshot) {
      rows.set("wait_event_type", "IPC");
      rows.set("wait_event", "SafeSnapshot");
    } else if (!session->is_running) {
      rows.set("wait_event_type", "Client");
      rows.set("wait_event", "ClientRead");
    }
    if (txn.is_open && !txn.xids.empty()) rows.set_number("backend_xid", static_cast<std::int64_t>(txn.xids.front()));
    rows.set("query", session->shown_text == nullptr ? std::string_view() : std::string_view(session->shown_text->text));
  }
}

namespace {

/// One row of pg_locks, of which the columns that tell the object are left.
void begin_lock(RowWriter& rows, const Transaction& owner, const char* kind, LockMode mode, bool granted) {
  rows.begin();
  rows.set("locktype", kind);
  rows.set("virtualtransaction", std::to_string(owner.slot + 1) + "/1");
  rows.set_number("pid", owner.process_id);
  rows.set("mode", lock_mode_name(mode));
  rows.set("granted", granted);
  rows.set("fastpath", false);
}

void add_lock(RowWriter& rows, const Transaction& owner, const Lock& lock, LockMode mode, bool granted) {
  const LockTag& tag = lock.tag();
  begin_lock(rows, owner, tag.kind == LockTag::Kind::relation ? "relation" : tag.kind == LockTag::Kind::tuple ? "tuple" : "advisory", mode, granted);
  rows.set_number("database", kDatabase);
  if (tag.kind == LockTag::Kind::advisory) {
    rows.set_number("classid", static_cast<std::uint32_t>(tag.form == 1 ? tag.first >> 32U : tag.first));
    rows.set_number("objid", static_cast<std::uint32_t>(tag.form == 1 ? tag.first : tag.second));
    rows.set_number("objsubid", tag.form);
    return;
  }
  rows.set_number("relation", static_cast<std::int64_t>(tag.first));
  if (tag.kind != LockTag::Kind::tuple) return;
  rows.set_number("page", static_cast<std::int64_t>(tag.second / 100));  // as ctid has it
  rows.set_number("tuple", static_cast<std::int64_t>(tag.second % 100 + 1));
}

}  // namespace

void fill_locks(const SessionImpl& asking, RowWriter& rows) {
  for (const SessionImpl* session : asking.engine.sessions) {
    if (session == nullptr) continue;
    const Transaction& txn = session->transaction;
    std::vector<std::pair<const Lock*, LockMode>> told;
    for (const HeldLock& held : txn.held) {
      const std::pair<const Lock*, LockMode> each{held.lock, held.mode};
      if (std::ranges::find(told, each) != told.end()) continue;
      told.push_back(each);
      add_lock(rows, txn, *held.lock, held.mode, true);
    }
    if (txn.is_open) {
      begin_lock(rows, txn, "virtualxid", LockMode::exclusive, true);
      rows.set("virtualxid", std::to_string(txn.slot + 1) + "/1");
      for (const Xid xid : txn.xids) {
        begin_lock(rows, txn, "transactionid", LockMode::exclusive, true);
        rows.set_number("transactionid", static_cast<std::int64_t>(xid));
      }
    }
    const LockWait* wait = txn.waiting;
    if (wait == nullptr || wait->granted) continue;
    if (wait->lock != nullptr) {
      add_lock(rows, txn, *wait->lock, wait->mode, false);
    } else {
      begin_lock(rows, txn, "transactionid", LockMode::share, false);
      rows.set_number("transactionid", static_cast<std::int64_t>(wait->xid));
    }
  }
}

namespace {

/// The only comment there is.

}  // namespace

}  // namespace orrery::sim::database
