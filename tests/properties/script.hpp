#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "properties/property.hpp"
#include "runtime/history.hpp"

namespace orrery::testing {

using Cells = std::vector<std::pair<std::string, SqlValue>>;

/// Writes a history by hand, a line an event. It knows the rows that it has committed, so that an update names only
/// what changes.
class Script {
 public:
  /// Events from now on happen at this time; without it each comes a millisecond after the one before.
  Script& at(Duration time);
  [[nodiscard]] Instant now() const { return now_; }
  EventId add(EventKind kind, std::string host, std::string subject = {}, std::string key = {}, std::int64_t number = 0,
              std::string text = {}, std::string detail = {});

  // ---- commits: put, change and drop collect, commit writes ----
  Script& put(const std::string& table, Cells cells);
  /// The row whose first column has this value.
  Script& change(const std::string& table, const std::string& id, Cells cells);
  Script& drop(const std::string& table, const std::string& id);
  EventId commit(const std::string& database, const std::string& session);
  /// The database loses its newest commit that it has still.
  EventId lose(const std::string& database);

  // ---- what hosts do ----
  EventId fault(const std::string& kind, const std::string& target, const std::string& address = "1s");
  EventId heal_fault(const std::string& kind, const std::string& target, const std::string& address = "1s");
  EventId healed() { return add(EventKind::phase, "", "healed"); }
  /// A client's request and its answer; status 0: none.
  EventId ask(const std::string& operation, const std::string& id, const std::string& arguments);
  EventId told(const std::string& operation, const std::string& id, std::int64_t status, const std::string& body);

  [[nodiscard]] const History& history() const { return history_; }
  [[nodiscard]] EventId last() const { return last_; }

 private:
  RowChange& collect(const std::string& table, RowOperation operation);

  History history_;
  Instant now_{};
  EventId last_ = 0;
  std::int64_t transactions_ = 0;
  std::vector<RowChange> changes_;
  std::vector<EventId> lost_;
  struct Table {
    std::shared_ptr<const RowShape> shape;
    std::map<std::string, std::vector<SqlValue>> rows;
  };
  std::map<std::string, Table> tables_;
};

/// Steps of the user/notification system as it should be. An event of user "ada" and version 1 has the id "ada/1"; its
/// job is named likewise by the caller.
class System : public Script {
 public:
  System& at(Duration time) {
    Script::at(time);
    return *this;
  }
  static std::string event_id(const std::string& user, int version = 1) { return user + "/" + std::to_string(version); }
  static std::string payload(const std::string& user, int version);
  static std::string sign_up_text(const std::string& key, const std::string& user, const std::string& name = "N");
  static std::string name(int version);
  std::string mail_text(std::int64_t job);

  Script& put_user(const std::string& user);
  Script& put_event(const std::string& user, int version = 1);
  Script& put_key(const std::string& key);
  /// Commits the user, its event and its key.
  EventId create(const std::string& user, const std::string& key = "k1");
  EventId rename(const std::string& user, int version);
  /// Create with the client's request around it.
  void sign_up(const std::string& user, const std::string& key = "k1");

  EventId store(const std::string& user, int version = 1);
  EventId confirm(const std::string& user, int version = 1);
  EventId mark_published(const std::string& user, int version = 1);
  void publish(const std::string& user, int version = 1);

  EventId deliver(const std::string& user, int version = 1, int attempt = 1,
                  const std::string& host = "notification-1");
  EventId commit_job(const std::string& user, std::int64_t job, int version = 1);
  EventId acknowledge(const std::string& user, int version = 1, const std::string& host = "notification-1");
  void consume(const std::string& user, std::int64_t job, int version = 1);

  EventId claim(std::int64_t job, std::int64_t token = 1, const std::string& host = "notification-1");
  /// Sends the mail; the request's id is "<job>.<token>".
  EventId send(std::int64_t job, std::int64_t token = 1, const std::string& host = "notification-1");
  EventId accept(std::int64_t job, std::int64_t token = 1, std::int64_t status = 202);
  EventId hear(std::int64_t job, std::int64_t token = 1, std::int64_t status = 202, const std::string& why = {},
               const std::string& host = "notification-1");
  EventId mark_job(std::int64_t job, const std::string& status, const std::string& host = "notification-1");
  /// From the claim to `sent`.
  void mail(std::int64_t job);

  /// A user from the sign-up to the mail.
  void all_of(const std::string& user, std::int64_t job, const std::string& key);

 private:
  std::map<std::int64_t, std::string> jobs_;  // their events
};

/// The verdict's signatures without the property's name, in order, joined by ", "; "" if it holds.
[[nodiscard]] std::string shapes(const Verdict& verdict);

}  // namespace orrery::testing
