#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/history.hpp"
#include "runtime/time.hpp"

namespace orrery::real {

/// A transaction as PostgreSQL's logical decoding tells it, in commit order.
struct DecodedTransaction {
  std::uint64_t id = 0;     // xid
  SystemTime committed_at;  // before anybody else could see it
  std::uint64_t end = 0;    // where its record ends in the server's log
  std::string session;      // that it said itself (see PoolSettings::tells_session); empty if it did not
  std::vector<RowChange> changes;
};

/// Gathers the committed changes of one database, from the moment on at which it is made, through a replication slot. Every
/// table that is there then says its old rows in full (REPLICA IDENTITY FULL). Blocking.
class ChangeCapture {
 public:
  /// Throws PgError, or std::runtime_error that says what the server lacks.
  ChangeCapture(std::string connection, std::string slot);
  ChangeCapture(ChangeCapture&&) = default;

  /// A table that had rows before, other than what a system has that was only started; empty: none.
  [[nodiscard]] std::string filled() const;
  /// What a system that was only started has in its tables, as if it were inserted now. A row that is written meanwhile is told by
  /// `take` too.
  [[nodiscard]] std::vector<RowChange> standing() const;
  /// What was committed so far. Throws as above; std::runtime_error for a change that it cannot tell, such as TRUNCATE.
  [[nodiscard]] std::vector<DecodedTransaction> take();
  /// Takes the slot away: one that is left keeps the server from ever removing its log.
  void drop();

 private:
  std::string connection_;
  std::string slot_;
  std::map<std::string, std::shared_ptr<const RowShape>, std::less<>> shapes_;
};

/// Reads the lines of the plugin test_decoding, of which each is one row of pg_logical_slot_get_changes.
class DecodingReader {
 public:
  using Shapes = std::map<std::string, std::shared_ptr<const RowShape>, std::less<>>;
  explicit DecodingReader(const Shapes& shapes) : shapes_(shapes) {}
  /// `place`: in the server's log, as decoding says. Throws std::runtime_error for a line that it cannot read.
  void line(std::string_view text, std::uint64_t place = 0);
  [[nodiscard]] std::vector<DecodedTransaction> take() { return std::move(transactions_); }

 private:
  const Shapes& shapes_;
  DecodedTransaction current_;
  std::vector<DecodedTransaction> transactions_;
};

}  // namespace orrery::real
