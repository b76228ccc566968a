#pragma once

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "real-mode/socket.hpp"
#include "runtime/sql.hpp"
#include "runtime/time.hpp"

namespace orrery::real {

/// An error of PostgreSQL, or of the way to it.
class PgError : public std::runtime_error {
 public:
  PgError(std::string sqlstate, const std::string& what, std::string constraint, bool lost)
      : std::runtime_error(what), sqlstate(std::move(sqlstate)), constraint(std::move(constraint)), lost(lost) {}
  std::string sqlstate;    // 08001 could not connect, 08006 broken, else the server's
  std::string constraint;  // that was violated
  bool lost;               // the connection is gone; whether the statement was carried out is not known
};

/// One connection to PostgreSQL: all that is known of libpqxx and libpq is in its .cpp. It connects by calls that block; what
/// is asked then may block (`execute`, `script`, `await`) or not (`ask`), one or the other at a time. One thread at a time, but for `shut`
/// and `is_stale`. It never connects again by itself: sessions have state.
class PgLink {
 public:
  enum class Wants { primary, any_server };
  /// Connects to a primary, or to a standby too, with `connection` as libpq reads it. Throws PgError.
  PgLink(const std::string& connection, const std::string& application, Wants wants = Wants::primary);
  ~PgLink();

  /// One statement; prepared once if it has parameters. Throws PgError.
  [[nodiscard]] Rows execute(const std::string& sql, const std::vector<SqlValue>& parameters);
  /// Statements without parameters in one message, ';' between them. Throws PgError.
  void script(const std::string& sql);

  /// Sends one statement, or several without parameters, and waits for nothing. Statements with parameters are prepared once. `begin`,
  /// if given, is carried out before it, in the same trip; if the statement fails, what it began is aborted, not gone. Throws PgError.
  void ask(const std::string& sql, const std::vector<SqlValue>& parameters, const std::string& begin = {});
  /// Takes in what has come and sends what was not sent yet; true: the whole answer is there. Call it whenever the socket can be
  /// read, or written while `has_unsent`. Throws PgError: the connection is lost.
  [[nodiscard]] bool proceed();
  [[nodiscard]] bool has_unsent() const noexcept;
  /// What the last statement gave, once. Throws PgError.
  [[nodiscard]] Rows answer();
  /// To wait at; it stays this link's.
  [[nodiscard]] int socket() const noexcept;

  /// Hears NOTIFYs on a channel during `await`, which returns after one or after the time. Throws PgError.
  void listen(const std::string& channel, std::function<void(const std::string& payload)> heard);
  void await(Duration at_most);

  /// Where the server listens: an address and port, or the path of its unix socket.
  [[nodiscard]] Address server() const;

  /// Breaks the connection under whatever runs on it. From any thread.
  void shut() noexcept;
  /// While idle: the server has ended it. From any thread.
  [[nodiscard]] bool is_stale() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace orrery::real
