#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/context.hpp"
#include "services/patterns/idempotency.hpp"
#include "services/patterns/outbox.hpp"
#include "services/patterns/retry.hpp"
#include "services/patterns/twin.hpp"
#include "services/user/cursor.hpp"
#include "services/user/events.hpp"
#include "services/user/validation.hpp"

namespace orrery::services {

struct UsersSettings {
  RetryPolicy retry{Backoff{25ms, 500ms}, 6};
  RetryBudget::Limits budget;
  Duration lock_wait = 2s;  // for a key or an e-mail address that another request has in work

  [[nodiscard]] static UsersSettings read(Settings settings);
};

/// The users in "user_db". Each change commits together with its event in the outbox, and each create also with its
/// idempotency key and answer; so a crash or a broken connection at any point leaves all of it or nothing.
///
/// Answers are the same for every protocol: a status and a JSON body, a problem (RFC 9457) from 400 on. 503 means that
/// the database could not be reached, or that nobody knows whether the change happened: ask again, with the same key.
class Users {
 public:
  Users(Context& context, UsersSettings settings, const Twin& twin);

  /// 201 {id}; 409 the address is taken, or (with Retry-After) the key or the address is in work; 422 the key was used
  /// for another request; 503. `key` may be empty: then nothing protects a repetition but the uniqueness of the
  /// address.
  Task<Answer> create(NewUser user, std::string key, std::string traceparent, Instant deadline);
  /// 200 the user, also when it had this name already (without an event); 404; 503.
  Task<Answer> rename(std::string id, std::string name, std::string traceparent, Instant deadline);
  /// 200 the user; 404; 503.
  Task<Answer> get(std::string id, Instant deadline);
  /// 200 {users, next}: newest first, `next` is the cursor of the following page or null. 503.
  Task<Answer> list(std::int64_t limit, std::int64_t offset, std::optional<Cursor> after, Instant deadline);

 private:
  Task<Answer> create_once(const NewUser& user, std::string key, const std::string& traceparent, bool rerun,
                           bool& committing);
  Task<Answer> rename_once(const std::string& id, const std::string& name, const std::string& traceparent,
                           bool& committing);
  template <class... P>
  Task<std::optional<Rows>> read(Instant deadline, std::string_view sql, P... parameters);
  [[nodiscard]] std::optional<Answer> answer_to(const DatabaseError& error, bool may_run_again);
  Task<void> publish_past_the_outbox(const OutboxEvent& event, std::string body);
  Task<void> remember_late(std::string key, std::string fingerprint, const Answer& answer);

  Context& context_;
  Database& db_;
  UsersSettings settings_;
  Twin twin_;
  Outbox outbox_;
  RetryBudget budget_;
  std::string limit_lock_wait_;  // the statement
};

}  // namespace orrery::services
