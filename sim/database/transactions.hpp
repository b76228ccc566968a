#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "runtime/check.hpp"

namespace orrery::sim::database {

class Table;

/// A transaction id. Sub-transactions (savepoints) that write have ids of their own.
using Xid = std::uint64_t;
using VersionId = std::uint32_t;
inline constexpr VersionId kNoVersion = 0xffffffff;
inline constexpr Xid kFirstXid = 750;  // as on a freshly initialised server

/// What a statement sees: all that was committed before it, and its own transaction's earlier commands.
struct Snapshot {
  std::uint64_t sequence = 0;  // of the last commit that it sees
  std::uint32_t slot = 0;      // the transaction that looks
  std::uint32_t command = 0;   // sees own changes of earlier commands only
  Xid xmin = 0;                // the oldest id that was running
  Xid xmax = 0;                // the next id that was not yet assigned
};

enum class RowWrite : std::uint8_t { insert, update, remove };

/// One change of a row, to be undone on rollback and reported on commit.
struct WriteRecord {
  Table* table;
  VersionId before;  // kNoVersion on insert
  VersionId after;   // kNoVersion on remove
  RowWrite operation;
};

/// The state of every transaction id: running (and whose), committed (and when, as a place in the commit order) or
/// rolled back. Versions of rolled back transactions are taken out of the heap at once, so readers never meet them.
class TransactionTable {
 public:
  static constexpr std::uint64_t kRunning = 1ULL << 63U;
  static constexpr std::uint64_t kRolledBack = 0;

  /// Running: kRunning | slot. Rolled back: 0. Committed: its place in the commit order, from 1.
  [[nodiscard]] std::uint64_t state(Xid xid) const noexcept { return states_[xid - kFirstXid]; }
  [[nodiscard]] bool is_running(Xid xid) const noexcept { return (state(xid) & kRunning) != 0; }
  [[nodiscard]] static std::uint32_t slot_of(std::uint64_t state) noexcept { return static_cast<std::uint32_t>(state); }
  [[nodiscard]] bool is_own(Xid xid, std::uint32_t slot) const noexcept { return state(xid) == (kRunning | slot); }

  [[nodiscard]] Xid assign(std::uint32_t slot, bool top_level) {
    const Xid xid = kFirstXid + states_.size();
    states_.push_back(kRunning | slot);
    if (top_level) running_.push_back(xid);
    return xid;
  }
  /// All of a transaction's ids become visible at one place in the commit order.
  void commit(const std::vector<Xid>& xids) {
    ++last_commit_;
    for (const Xid xid : xids) states_[xid - kFirstXid] = last_commit_;
    forget(xids.front());
  }
  void roll_back(Xid xid) {
    states_[xid - kFirstXid] = kRolledBack;
    forget(xid);
  }
  /// They had committed and never happened: their versions are out of the heap.
  void take_back(const std::vector<Xid>& xids) {
    for (const Xid xid : xids) states_[xid - kFirstXid] = kRolledBack;
  }
  [[nodiscard]] std::uint64_t last_commit() const noexcept { return last_commit_; }
  [[nodiscard]] Xid next_xid() const noexcept { return kFirstXid + states_.size(); }
  [[nodiscard]] Xid oldest_running() const noexcept { return running_.empty() ? next_xid() : running_.front(); }
  [[nodiscard]] const std::vector<Xid>& running() const noexcept { return running_; }

 private:
  void forget(Xid xid) {
    if (!running_.empty() && running_.back() == xid) {
      running_.pop_back();
      return;
    }
    for (std::size_t i = 0; i < running_.size(); ++i) {
      if (running_[i] == xid) {
        running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(i));
        return;
      }
    }
  }

  std::vector<std::uint64_t> states_;  // by xid - kFirstXid
  std::vector<Xid> running_;           // top-level ids, ascending
  std::uint64_t last_commit_ = 0;
};

}  // namespace orrery::sim::database
