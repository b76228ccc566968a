#include "sim/database/serializable.hpp"

#include <algorithm>

#include "sim/database/engine_impl.hpp"
#include "sim/database/errors.hpp"
#include "sim/database/session_impl.hpp"

// The transactions and the conflicts between them. T1 --rw--> T2: T1 read a state that T2 replaced, so T1 comes before T2
// in any serial order. Two such edges in a row, T1 --> T2 --> T3, with T3 the first to commit, are a dangerous structure
// (section 3.2 of the paper): without them there is no cycle.

namespace orrery::sim::database {
namespace {

[[noreturn]] void cancel(const std::string& reason) {
  fail("40001", "could not serialize access due to read/write dependencies among transactions", 0,
       "Reason code: Canceled on " + reason + ".", "The transaction might succeed if retried.");
}

bool contains(const std::vector<SerializableTransaction*>& list, const SerializableTransaction& wanted) {
  return std::find(list.begin(), list.end(), &wanted) != list.end();
}

}  // namespace

SerializableTransaction* Serializable::begin(const Snapshot& snapshot, bool read_only) {
  // A read-only transaction beside no writers sees what some serial order gives.
  if (read_only && writable_ == 0) return nullptr;
  auto added = std::make_unique<SerializableTransaction>();
  added->slot = snapshot.slot;
  added->snapshot_xmin = snapshot.xmin;
  added->snapshot_after = last_commit_;
  added->declared_read_only = read_only;
  added->is_read_only = read_only;
  if (read_only) {
    for (const auto& other : transactions_) {
      if (other->finished_before != 0 || other->is_doomed || other->is_read_only) continue;
      added->possibly_unsafe.push_back(other.get());
    }
    if (added->possibly_unsafe.empty()) return nullptr;
    for (SerializableTransaction* other : added->possibly_unsafe) other->possibly_unsafe.push_back(added.get());
  } else {
    ++writable_;
  }
  transactions_.push_back(std::move(added));
  return transactions_.back().get();
}

SerializableTransaction* Serializable::reader(SessionImpl& session) {
  SerializableTransaction*& transaction = session.transaction.serializable;
  if (transaction == nullptr) return nullptr;
  if (transaction->is_safe) {  // from now on it is as REPEATABLE READ
    end(*transaction, false, {});
    transaction = nullptr;
  }
  return transaction;
}

bool Serializable::has_company(const SerializableTransaction& transaction) const {
  return std::ranges::any_of(transactions_, [&](const auto& other) {
    if (other.get() == &transaction || other->is_read_only) return false;
    return other->finished_before == 0 ? !other->is_doomed
                                       : other->is_committed && transaction.snapshot_xmin < other->finished_before;
  });
}

void Serializable::refuse_doomed(const SerializableTransaction& transaction, const char* during) const {
  if (transaction.is_doomed) cancel(std::string("identification as a pivot, during ") + during);
}

void Serializable::check_read(SerializableTransaction& reader, const Version& version, bool is_visible,
                              const Snapshot& snapshot) {
  refuse_doomed(reader, "conflict out checking");
  const Xid xid = is_visible ? version.xmax : version.xmin;
  if (xid == 0) return;
  const std::uint64_t state = engine_.transactions.state(xid);
  SerializableTransaction* writer = nullptr;
  if ((state & TransactionTable::kRunning) != 0) {
    const std::uint32_t slot = TransactionTable::slot_of(state);
    if (slot == snapshot.slot) return;
    writer = engine_.sessions[slot]->transaction.serializable;
  } else {
    if (state <= snapshot.sequence) return;  // rolled back, or within the snapshot
    const auto found = by_xid_.find(xid);
    if (found != by_xid_.end()) writer = found->second;
  }
  if (writer == nullptr || writer->is_doomed) return;
  // Such a reader can be put before the writer.
  if (reader.is_read_only && writer->is_committed &&
      (!writer->has_conflict_out || reader.snapshot_after < writer->earliest_out_commit)) {
    return;
  }
  if (!contains(reader.out, *writer)) add_conflict(reader, *writer, false);
}

/// Whether what `reader` read still matters to `writer`: they overlap.
bool Serializable::can_conflict(const SerializableTransaction& reader, const SerializableTransaction& writer) const {
  if (&reader == &writer || reader.is_doomed) return false;
  if (reader.is_committed && writer.snapshot_xmin >= reader.finished_before) return false;
  return !contains(reader.out, writer);
}

void Serializable::check_readers(const Transactions& readers, SerializableTransaction& writer) {
  for (SerializableTransaction* reader : readers) {
    if (can_conflict(*reader, writer)) add_conflict(*reader, writer, true);
  }
}

/// OnConflict_CheckForSerializationFailure: would this conflict complete a dangerous structure?
bool Serializable::is_dangerous(const SerializableTransaction& reader, const SerializableTransaction& writer) {
  // reader --> writer --> T, with T committed before the writer, which has committed too.
  if (writer.is_committed && writer.has_conflict_out) return true;
  // reader --> writer --> T, with T the first of the three to commit, and before the snapshot of a read-only reader.
  for (const SerializableTransaction* third : writer.out) {
    if (third->is_prepared() && (!reader.is_committed || third->prepared_at <= reader.committed_at) &&
        (!writer.is_committed || third->prepared_at <= writer.committed_at) &&
        (!reader.is_read_only || third->prepared_at <= reader.snapshot_after)) {
      return true;
    }
  }
  // T --> reader --> writer, with the writer the first of the three to commit.
  if (!writer.is_prepared() || reader.is_read_only) return false;
  return std::any_of(reader.in.begin(), reader.in.end(), [&](const SerializableTransaction* first) {
    return !first->is_doomed && (!first->is_committed || first->committed_at >= writer.prepared_at) &&
           (!first->is_read_only || first->snapshot_after >= writer.prepared_at);
  });
}

void Serializable::add_conflict(SerializableTransaction& reader, SerializableTransaction& writer, bool by_writer) {
  if (is_dangerous(reader, writer)) {
    if (by_writer) cancel("identification as a pivot, during write");
    if (writer.is_prepared()) {
      cancel("conflict out to pivot " + std::to_string(writer.xids.empty() ? 0 : writer.xids.front()) + ", during read");
    }
    writer.is_doomed = true;
  }
  reader.out.push_back(&writer);
  writer.in.push_back(&reader);
}

void Serializable::remove_conflict(SerializableTransaction& reader, SerializableTransaction& writer) {
  std::erase(reader.out, &writer);
  std::erase(writer.in, &reader);
}

void Serializable::check_commit(SerializableTransaction& transaction) {
  refuse_doomed(transaction, "commit attempt");
  // T --> near --> this one, which is about to be the first to commit: the pivot must not commit any more.
  for (SerializableTransaction* near : transaction.in) {
    if (near->is_committed || near->is_doomed) continue;
    const bool is_pivot = std::any_of(near->in.begin(), near->in.end(), [&](const SerializableTransaction* far) {
      return far == &transaction || (!far->is_committed && !far->is_read_only && !far->is_doomed);
    });
    if (is_pivot) near->is_doomed = true;
  }
  transaction.prepared_at = ++last_commit_;
}

void Serializable::end(SerializableTransaction& transaction, bool committed, const std::vector<Xid>& xids) {
  transaction.finished_before = engine_.transactions.next_xid();
  if (committed) {
    transaction.is_committed = true;
    transaction.committed_at = ++last_commit_;
    if (!transaction.did_write) transaction.is_read_only = true;
    transaction.xids = xids;
    for (const Xid xid : xids) by_xid_[xid] = &transaction;
  } else {
    transaction.is_doomed = true;
  }
  if (transaction.declared_read_only) {
    release_possibly_unsafe(transaction);
  } else if (--writable_ == 0) {
    cleared_through_ = last_commit_;
  }
  for (SerializableTransaction* writer : Transactions(transaction.out)) {
    if (committed && !transaction.is_read_only && writer->is_committed) {
      transaction.has_conflict_out = true;
      transaction.earliest_out_commit = std::min(transaction.earliest_out_commit, writer->prepared_at);
    }
    if (!committed || writer->is_committed || writer->snapshot_after >= last_commit_) remove_conflict(transaction, *writer);
  }
  for (SerializableTransaction* reader : Transactions(transaction.in)) {
    if (!committed || reader->is_committed || reader->is_read_only) remove_conflict(*reader, transaction);
  }
  if (!transaction.declared_read_only) tell_readers(transaction, committed);
  if (committed) {
    finished_.push_back(&transaction);
  } else {
    forget(transaction, false);
  }
  clean_up();
}

void Serializable::release_possibly_unsafe(SerializableTransaction& transaction) {
  for (SerializableTransaction* other : transaction.possibly_unsafe) std::erase(other->possibly_unsafe, &transaction);
  transaction.possibly_unsafe.clear();
}

/// A writer ended: read-only transactions beside it learn whether their snapshots are safe (section 4.2).
void Serializable::tell_readers(SerializableTransaction& writer, bool committed) {
  for (SerializableTransaction* reader : Transactions(writer.possibly_unsafe)) {
    if (committed && writer.did_write && writer.has_conflict_out && writer.earliest_out_commit <= reader->snapshot_after) {
      reader->is_unsafe = true;
      release_possibly_unsafe(*reader);
    } else {
      std::erase(reader->possibly_unsafe, &writer);
      std::erase(writer.possibly_unsafe, reader);
      if (reader->possibly_unsafe.empty()) reader->is_safe = true;
    }
    if (reader->safe_waiter != nullptr && (reader->is_safe || reader->is_unsafe)) reader->safe_waiter->wake();
  }
}

void Serializable::release_reads(SerializableTransaction& transaction) {
  const auto release = [&](auto& locks, const auto& key) {
    const auto found = locks.find(key);
    if (found == locks.end()) return;
    std::erase(found->second, &transaction);
    if (found->second.empty()) locks.erase(found);
  };
  for (const std::uint32_t table : transaction.tables_read) release(tables_, table);
  for (const auto& row : transaction.rows_read) release(rows_, row);
  for (const auto& index : transaction.indexes_read) {
    const auto found = keys_.find(index);
    if (found == keys_.end()) continue;
    std::erase_if(found->second, [&](const KeysRead& read) { return read.reader == &transaction; });
    if (found->second.empty()) keys_.erase(found);
  }
  transaction.tables_read.clear();
  transaction.rows_read.clear();
  transaction.indexes_read.clear();
  transaction.rows_by_table.clear();
}

/// `partially`: what it read and who conflicts with that is of no more interest, but its own conflicts out are.
void Serializable::forget(SerializableTransaction& transaction, bool partially) {
  release_reads(transaction);
  for (SerializableTransaction* reader : Transactions(transaction.in)) remove_conflict(*reader, transaction);
  if (partially) return;
  for (SerializableTransaction* writer : Transactions(transaction.out)) remove_conflict(transaction, *writer);
  release_possibly_unsafe(transaction);
  for (const Xid xid : transaction.xids) by_xid_.erase(xid);
  std::erase(finished_, &transaction);
  std::erase_if(transactions_, [&](const auto& each) { return each.get() == &transaction; });
}

void Serializable::clean_up() {
  if (finished_.empty()) return;
  Xid oldest = 0;  // snapshot of a running transaction
  for (const auto& each : transactions_) {
    if (each->finished_before == 0 && (oldest == 0 || each->snapshot_xmin < oldest)) oldest = each->snapshot_xmin;
  }
  for (SerializableTransaction* transaction : Transactions(finished_)) {
    if (oldest == 0 || transaction->finished_before <= oldest) {
      forget(*transaction, false);
    } else if (transaction->committed_at <= cleared_through_) {
      forget(*transaction, !transaction->is_read_only);
    } else {
      break;
    }
  }
}

}  // namespace orrery::sim::database
