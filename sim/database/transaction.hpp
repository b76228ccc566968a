#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/sql.hpp"
#include "sim/database/engine.hpp"
#include "sim/database/locks.hpp"
#include "sim/database/transactions.hpp"

namespace orrery::sim::database {

struct Deferrable;
struct EnumLabel;
struct EnumType;
struct ForeignKey;
struct Index;
struct SerializableTransaction;

enum class Isolation : std::uint8_t { read_committed, repeatable_read, serializable };

/// A foreign key, or a unique key, to be looked at when the transaction commits (or at SET CONSTRAINTS … IMMEDIATE).
struct DeferredCheck {
  const ForeignKey* key;
  bool of_parent;     // a removed or re-keyed parent; otherwise a new child
  WriteRecord write;
  const Index* index = nullptr;  // instead of `key`: whether the row that was written is the only one with its key
};

/// What waits for the end of the transaction, and what SET CONSTRAINTS said. ROLLBACK TO brings back what was at the
/// savepoint: checks that were made since are to be made again.
struct Deferral {
  std::vector<DeferredCheck> checks;
  std::optional<bool> all;                               // SET CONSTRAINTS ALL
  std::vector<std::pair<const Deferrable*, bool>> some;  // SET CONSTRAINTS of some, after that
};

/// What SAVEPOINT began.
struct Savepoint {
  std::string name;
  Deferral deferral;  // of that moment
};

/// The transaction itself, or a savepoint in it. One is made for each statement outside of a transaction block: small.
struct TransactionLevel {
  std::shared_ptr<const Savepoint> savepoint;  // null: the transaction
  bool was_read_only = false;                  // what the level's end brings back
  Xid xid = 0;               // assigned at its first write
  std::size_t first_write = 0;
  std::size_t first_ddl = 0;
  std::size_t first_notice = 0;
  std::size_t first_listen = 0;
};

/// A table that was made or truncated, and in which level (from 1): COPY … (FREEZE) asks.
struct FreshTable {
  const class Table* table;
  std::size_t level;
};

struct ListenChange {
  std::string channel;  // empty: all, of UNLISTEN
  bool listens;
};

/// What one session has under way. It lives as long as the session; `slot` tells it apart in the transaction table.
class Transaction {
 public:
  std::uint32_t slot = 0;
  std::int32_t process_id = 0;
  WaitLimits limits;

  bool is_open = false;
  bool is_explicit = false;  // BEGIN was given
  bool has_failed = false;
  Isolation isolation = Isolation::read_committed;
  bool is_read_only = false;
  bool is_deferrable = false;
  bool has_snapshot = false;
  Snapshot snapshot;
  std::uint32_t command = 0;
  std::int64_t start_time = 0;
  std::int64_t statement_time = 0;

  std::vector<TransactionLevel> levels;
  std::vector<Xid> xids;  // the top-level id first
  std::vector<WriteRecord> writes;
  std::vector<std::function<void(bool committed)>> ddl;  // how to finish changes of the catalog
  std::vector<std::pair<EnumType*, const EnumLabel*>> new_labels;  // of ALTER TYPE ADD VALUE, in their types at commit
  std::vector<FreshTable> fresh_tables;
  Deferral deferral;
  std::vector<DeferredCheck> key_checks;  // of DEFERRABLE keys that the running statement wrote twice, as far as it has seen
  std::vector<Notification> notifications;                 // of NOTIFY, sent at commit
  std::set<std::pair<std::string, std::string>> notified;  // the same, to find them
  std::vector<ListenChange> listen_changes;

  std::vector<HeldLock> held;
  std::vector<LockWait*> xid_waiters;  // of other sessions, for one of `xids`
  LockWait* waiting = nullptr;
  bool waits_for_safe_snapshot = false;                // SERIALIZABLE READ ONLY DEFERRABLE
  SerializableTransaction* serializable = nullptr;     // while its reads and writes are tracked

  [[nodiscard]] std::uint32_t level() const noexcept { return static_cast<std::uint32_t>(levels.size()); }
};

}  // namespace orrery::sim::database
