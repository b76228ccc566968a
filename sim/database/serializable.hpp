#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "runtime/executor.hpp"
#include "sim/database/storage/heap.hpp"
#include "sim/database/transactions.hpp"
#include "sim/database/types/value.hpp"

namespace orrery::sim::database {

class EngineImpl;
class SessionImpl;
class Table;
struct Index;

/// A part of an index that was read: rows whose keys lie between the two prefixes of key values. An empty prefix is the
/// index's end on that side.
struct KeyRange {
  std::vector<Value> low;
  std::vector<Value> high;
  bool low_after = false;   // begins after the keys equal to `low`, not with them
  bool high_after = true;   // ends after the keys equal to `high`, not before them
};

/// A serializable transaction as Serializable Snapshot Isolation sees it. It outlives its commit for as long as a
/// transaction that ran beside it does.
struct SerializableTransaction {
  static constexpr std::uint64_t kNever = UINT64_MAX;

  std::uint32_t slot = 0;
  Xid snapshot_xmin = 0;
  Xid finished_before = 0;                   // the next id when it ended; 0: it runs
  std::uint64_t snapshot_after = 0;          // the last serializable commit before its snapshot
  std::uint64_t prepared_at = kNever;        // places in the order of serializable commits
  std::uint64_t committed_at = kNever;
  std::uint64_t earliest_out_commit = kNever;  // of a transaction it has a conflict out to, that committed before it
  bool declared_read_only = false;
  bool is_read_only = false;      // declared so, or committed without a write
  bool did_write = false;
  bool is_doomed = false;         // must fail when it does anything more
  bool is_committed = false;
  bool has_conflict_out = false;  // to a transaction that committed before it
  bool is_safe = false;           // read-only, and no anomaly can come of what it sees
  bool is_unsafe = false;
  Waiter* safe_waiter = nullptr;  // of a DEFERRABLE transaction

  std::vector<SerializableTransaction*> out;  // they wrote what this one read in an older state
  std::vector<SerializableTransaction*> in;
  std::vector<SerializableTransaction*> possibly_unsafe;  // reader: writers to wait for; writer: such readers

  std::vector<Xid> xids;
  std::vector<std::uint32_t> tables_read;
  std::vector<std::pair<std::uint32_t, VersionId>> rows_read;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> indexes_read;
  std::map<std::uint32_t, std::size_t> rows_by_table;

  [[nodiscard]] bool is_prepared() const noexcept { return prepared_at != kNever; }
};

/// Serializable Snapshot Isolation: what serializable transactions read (tables, rows, ranges of index keys), the
/// rw-conflicts between them, and the choice of a victim when these form a dangerous structure. The rules are those of
/// Ports & Grittner, "Serializable Snapshot Isolation in PostgreSQL", VLDB 2012, sections 3 to 6, with the commit-order
/// and read-only optimisations. Unlike PostgreSQL, index ranges are kept exactly and not by page, so that conflicts
/// which only share a page do not fail here.
///
/// Every check throws SqlError 40001 when it is this transaction that must fail; otherwise the other is doomed and fails
/// at its next step.
class Serializable {
 public:
  explicit Serializable(EngineImpl& engine) : engine_(engine) {}
  Serializable(const Serializable&) = delete;
  Serializable& operator=(const Serializable&) = delete;

  /// Registers a transaction that has just taken its snapshot. Null: it is read-only and already safe, so nothing needs
  /// to be tracked.
  [[nodiscard]] SerializableTransaction* begin(const Snapshot& snapshot, bool read_only);
  /// Whether another transaction that may conflict with it runs, or ran, beside it.
  [[nodiscard]] bool has_company(const SerializableTransaction& transaction) const;
  /// To be called when nothing but this check can stop the commit.
  void check_commit(SerializableTransaction& transaction);
  /// The transaction committed (with these ids), or was rolled back.
  void end(SerializableTransaction& transaction, bool committed, const std::vector<Xid>& xids);

  /// The session's transaction if its reads must be tracked; forgets one that turned out to be safe.
  [[nodiscard]] SerializableTransaction* reader(SessionImpl& session);
  void read_table(SerializableTransaction& reader, const Table& table);
  void read_row(SerializableTransaction& reader, const Table& table, VersionId version);
  void read_keys(SerializableTransaction& reader, const Index& index, KeyRange range);
  /// A version that was come across while reading, seen or not: someone may have made or ended it concurrently.
  void check_read(SerializableTransaction& reader, const Version& version, bool is_visible, const Snapshot& snapshot);

  /// Before a version is replaced or removed.
  void check_write(SerializableTransaction& writer, const Table& table, VersionId version);
  /// Before a row is added to a table.
  void check_insert(SerializableTransaction& writer, const Table& table);
  /// Before an index gets an entry for the row, or refuses it as a duplicate.
  void check_key(SerializableTransaction& writer, const Index& index, const Value* row);
  /// Before all rows of a table go.
  void check_table(SerializableTransaction& writer, const Table& table);

  /// The version's place may be used for another row from now on.
  void forget_row(std::uint32_t table, VersionId version) {
    if (!rows_.empty()) rows_.erase({table, version});
  }
  /// Transactions that are tracked, those that have committed too.
  [[nodiscard]] std::size_t size() const noexcept { return transactions_.size(); }

 private:
  using Transactions = std::vector<SerializableTransaction*>;
  struct KeysRead {
    SerializableTransaction* reader;
    std::vector<KeyRange> ranges;
  };

  void refuse_doomed(const SerializableTransaction& transaction, const char* during) const;
  void check_readers(const Transactions& readers, SerializableTransaction& writer);
  [[nodiscard]] bool can_conflict(const SerializableTransaction& reader, const SerializableTransaction& writer) const;
  void add_conflict(SerializableTransaction& reader, SerializableTransaction& writer, bool by_writer);
  [[nodiscard]] static bool is_dangerous(const SerializableTransaction& reader, const SerializableTransaction& writer);
  static void remove_conflict(SerializableTransaction& reader, SerializableTransaction& writer);
  void release_possibly_unsafe(SerializableTransaction& transaction);
  void tell_readers(SerializableTransaction& writer, bool committed);
  void release_reads(SerializableTransaction& transaction);
  void forget(SerializableTransaction& transaction, bool partially);
  void clean_up();

  EngineImpl& engine_;
  std::vector<std::unique_ptr<SerializableTransaction>> transactions_;  // in the order of their snapshots
  Transactions finished_;                                               // committed, in commit order
  std::uint64_t last_commit_ = 1;
  std::uint64_t cleared_through_ = 0;    // reads of commits up to here are of no more interest
  std::size_t writable_ = 0;             // running, not declared read-only
  std::map<Xid, SerializableTransaction*> by_xid_;  // committed ones
  std::map<std::uint32_t, Transactions> tables_;
  std::map<std::pair<std::uint32_t, VersionId>, Transactions> rows_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::vector<KeysRead>> keys_;  // by table and index number
};

}  // namespace orrery::sim::database
