#include "services/user/users.hpp"

#include <chrono>
#include <utility>

#include "services/patterns/problem.hpp"

namespace orrery::services {
namespace {

#define ORRERY_USER_COLUMNS                                                                     \
  "id, email, name, version, (extract(epoch FROM created_at) * 1000000)::bigint AS created_us," \
  " (extract(epoch FROM updated_at) * 1000000)::bigint AS updated_us"

constexpr std::string_view kInsert =
    "INSERT INTO users (id, email, name) VALUES ($1, $2, $3) ON CONFLICT (email) DO NOTHING "
    "RETURNING " ORRERY_USER_COLUMNS;

// twin: loser-gets-5xx. The address that is taken surfaces as an error.
constexpr std::string_view kInsertOrFail =
    "INSERT INTO users (id, email, name) VALUES ($1, $2, $3) RETURNING " ORRERY_USER_COLUMNS;

// twin: retry-after-ambiguous-commit. Makes the second run of the insert harmless, as its author thought.
constexpr std::string_view kUpsert =
    "INSERT INTO users (id, email, name) VALUES ($1, $2, $3) ON CONFLICT (email) DO UPDATE"
    " SET name = excluded.name, version = users.version + 1, updated_at = now() RETURNING " ORRERY_USER_COLUMNS;

constexpr std::string_view kRename =
    "UPDATE users SET name = $2, version = version + 1, updated_at = now() WHERE id = $1 AND name <> $2"
    " RETURNING " ORRERY_USER_COLUMNS;

constexpr std::string_view kGet = "SELECT " ORRERY_USER_COLUMNS " FROM users WHERE id = $1";

constexpr std::string_view kPage =
    "SELECT " ORRERY_USER_COLUMNS " FROM users ORDER BY created_at DESC, id DESC LIMIT $1 OFFSET $2";

constexpr std::string_view kPageAfter = "SELECT " ORRERY_USER_COLUMNS
                                        " FROM users WHERE (created_at, id) < ($2::timestamptz, $3::uuid)"
                                        " ORDER BY created_at DESC, id DESC LIMIT $1";

#undef ORRERY_USER_COLUMNS

constexpr std::string_view kCreateScope = "POST /users";

User user_of(const Row& row) {
  User user;
  user.id = row["id"].text();
  user.email = row["email"].text();
  user.name = row["name"].text();
  user.version = row["version"].integer();
  user.created_us = row["created_us"].integer();
  user.updated_us = row["updated_us"].integer();
  return user;
}

std::string time_text(std::int64_t us) { return to_rfc3339(SystemTime(std::chrono::microseconds(us))); }

Json json_of(const User& user) {
  return Json{{"id", user.id},
              {"email", user.email},
              {"name", user.name},
              {"version", user.version},
              {"created_at", time_text(user.created_us)},
              {"updated_at", time_text(user.updated_us)}};
}

Answer refusal(int status, std::string_view name, std::string_view title, std::string_view detail,
               int retry_after_s = -1) {
  Answer answer(status, problem(status, name, title, detail));
  answer.retry_after_s = retry_after_s;
  return answer;
}

Answer not_found() { return refusal(404, "no-such-user", "There is no such user", "No user has this id."); }

Answer unavailable() {
  return refusal(503, "unavailable", "Not available now",
                 "The outcome is not known. Ask again; a create with the same Idempotency-Key is done once.", 1);
}

}  // namespace

UsersSettings UsersSettings::read(Settings settings) {
  UsersSettings users;
  users.retry = RetryPolicy::read(settings.section("retry"), users.retry);
  users.budget.percent = settings.integer("retry_percent", users.budget.percent, 0, 100);
  users.lock_wait = settings.duration("lock_wait", users.lock_wait, 1ms);
  settings.refuse_unknown();
  return users;
}

Users::Users(Context& context, UsersSettings settings, const Twin& twin)
    : context_(context),
      db_(context.database("user_db")),
      settings_(settings),
      twin_(twin),
      outbox_(context, std::string(kUserTopic), twin),
      budget_(context.clock, settings.budget),
      limit_lock_wait_("SET LOCAL lock_timeout = '" +
                       std::to_string(std::chrono::ceil<std::chrono::milliseconds>(settings.lock_wait).count()) +
                       "ms'") {}

Task<Answer> Users::create(NewUser user, std::string key, std::string traceparent, Instant deadline) {
  Retry retry(context_, settings_.retry, &budget_, deadline);
  bool rerun = false;  // an earlier run may have committed
  while (true) {
    bool committing = false;
    try {
      Answer answer = co_await create_once(user, key, traceparent, rerun, committing);
      co_return answer;
    } catch (const DatabaseError& error) {
      // Once COMMIT was sent, only the key tells whether it happened; without one, the caller must decide.
      rerun = rerun || (committing && error.may_have_happened());
      const bool may_run_again = !rerun || !key.empty() || twin_.is("retry-after-ambiguous-commit");
      if (std::optional<Answer> answer = answer_to(error, may_run_again)) co_return *answer;
    }
    const bool again = co_await retry.again();
    if (!again) co_return unavailable();
  }
}

Task<Answer> Users::create_once(const NewUser& user, std::string key, const std::string& traceparent, bool rerun,
                                bool& committing) {
  const std::string fingerprint = Json{{"email", user.email}, {"name", user.name}}.dump();
  // twin: retry-after-ambiguous-commit. The second run goes past the key, which the first one holds.
  const bool blind = twin_.is("retry-after-ambiguous-commit") && rerun;
  const bool checks_only = twin_.is("check-then-act-key");  // twin: check-then-act-key
  if (blind) key.clear();

  Transaction tx = co_await db_.begin();
  co_await tx.exec(limit_lock_wait_);
  if (!key.empty()) {
    IdempotencyKeys::Claimed claimed;
    if (checks_only) {
      claimed = co_await IdempotencyKeys::look_up(tx, kCreateScope, key, fingerprint);
    } else {
      claimed = co_await IdempotencyKeys::claim(tx, kCreateScope, key, fingerprint);
    }
    if (claimed.claim == IdempotencyKeys::Claim::repeated) co_return claimed.answer;
    if (claimed.claim == IdempotencyKeys::Claim::differs) {
      co_return refusal(422, "key-reused", "Idempotency-Key was used for another request",
                        "Use a new key for a new request.");
    }
  }

  const std::string_view insert = blind ? kUpsert : twin_.is("loser-gets-5xx") ? kInsertOrFail : kInsert;
  const Rows inserted = co_await tx.exec(insert, context_.random.uuid(), user.email, user.name);
  Answer answer;
  OutboxEvent event;
  std::string body;
  if (inserted.empty()) {
    answer = refusal(409, "email-taken", "The e-mail address is taken", "Another user has this e-mail address.");
  } else {
    const User created = user_of(inserted[0]);
    event = user_event(kUserCreated, created, traceparent, context_.random);
    body = co_await outbox_.put(tx, event);
    answer = Answer(201, Json{{"id", created.id}});
  }
  if (!key.empty() && !checks_only) co_await IdempotencyKeys::finish(tx, kCreateScope, key, answer);
  committing = true;
  co_await tx.commit();

  if (!key.empty() && checks_only) co_await remember_late(key, fingerprint, answer);
  if (twin_.is("dual-write") && !inserted.empty()) co_await publish_past_the_outbox(event, body);
  co_return answer;
}

Task<Answer> Users::rename(std::string id, std::string name, std::string traceparent, Instant deadline) {
  Retry retry(context_, settings_.retry, &budget_, deadline);
  while (true) {
    bool committing = false;
    try {
      Answer answer = co_await rename_once(id, name, traceparent, committing);
      co_return answer;
    } catch (const DatabaseError& error) {
      // Not after an unknown commit: a second run could undo what somebody else wrote in between.
      const bool may_run_again = !committing || !error.may_have_happened();
      if (std::optional<Answer> answer = answer_to(error, may_run_again)) co_return *answer;
    }
    const bool again = co_await retry.again();
    if (!again) co_return unavailable();
  }
}

Task<Answer> Users::rename_once(const std::string& id, const std::string& name, const std::string& traceparent,
                                bool& committing) {
  Transaction tx = co_await db_.begin();
  co_await tx.exec(limit_lock_wait_);
  const Rows renamed = co_await tx.exec(kRename, id, name);
  if (renamed.empty()) {
    const Rows same = co_await tx.exec(kGet, id);
    if (same.empty()) co_return not_found();
    co_return Answer(200, json_of(user_of(same[0])));
  }
  const User user = user_of(renamed[0]);
  const OutboxEvent event = user_event(kUserUpdated, user, traceparent, context_.random);
  const std::string body = co_await outbox_.put(tx, event);
  committing = true;
  co_await tx.commit();
  if (twin_.is("dual-write")) co_await publish_past_the_outbox(event, body);
  co_return Answer(200, json_of(user));
}

Task<Answer> Users::get(std::string id, Instant deadline) {
  const std::optional<Rows> rows = co_await read(deadline, kGet, id);
  if (!rows) co_return unavailable();
  if (rows->empty()) co_return not_found();
  co_return Answer(200, json_of(user_of((*rows)[0])));
}

Task<Answer> Users::list(std::int64_t limit, std::int64_t offset, std::optional<Cursor> after, Instant deadline) {
  std::optional<Rows> rows;
  if (after) {
    rows = co_await read(deadline, kPageAfter, limit, time_text(after->created_us), after->id);
  } else {
    rows = co_await read(deadline, kPage, limit, offset);
  }
  if (!rows) co_return unavailable();
  Json page{{"users", Json::array()}, {"next", nullptr}};
  for (const Row row : *rows) page["users"].push_back(json_of(user_of(row)));
  if (static_cast<std::int64_t>(rows->size()) == limit) {
    const User last = user_of((*rows)[rows->size() - 1]);
    page["next"] = Cursor(last.created_us, last.id).encode();
  }
  co_return Answer(200, std::move(page));
}

/// One statement that changes nothing: it may be run again whatever happened. nullopt: given up.
template <class... P>
Task<std::optional<Rows>> Users::read(Instant deadline, std::string_view sql, P... parameters) {
  Retry retry(context_, settings_.retry, &budget_, deadline);
  while (true) {
    try {
      Rows rows = co_await db_.exec(sql, parameters...);
      co_return rows;
    } catch (const DatabaseError& error) {
      if (answer_to(error, true)) co_return std::nullopt;
    }
    const bool again = co_await retry.again();
    if (!again) co_return std::nullopt;
  }
}

/// Called in a handler: nullopt if the work may be run again; throws on what is a bug of ours.
std::optional<Answer> Users::answer_to(const DatabaseError& error, bool may_run_again) {
  context_.telemetry.count("user_database_errors_total");
  if (error.sqlstate() == "55P03") {
    return refusal(409, "in-work", "Another request is in work",
                   "It has the same key or e-mail address, or the same user. Ask again.", 1);
  }
  if (error.is_unique_violation() && twin_.is("loser-gets-5xx")) return unavailable();  // twin: loser-gets-5xx
  if (!is_transient(error)) {
    context_.telemetry.log(Level::error, "unexpected database error",
                           Json{{"sqlstate", error.sqlstate()}, {"error", error.what()}});
    throw;
  }
  if (!may_run_again) return unavailable();
  return std::nullopt;
}

// twin: dual-write. The event is published after the commit by the request itself; what fails is only logged.
Task<void> Users::publish_past_the_outbox(const OutboxEvent& event, std::string body) {
  const bool published = co_await outbox_.publish_directly(event, std::move(body));
  if (!published) co_return;
  try {
    co_await db_.exec("UPDATE outbox_events SET status = 'published', published_at = now() WHERE event_id = $1",
                      event.event_id);
  } catch (const DatabaseError& error) {
    context_.telemetry.log(Level::warning, "event not marked",
                           Json{{"event_id", event.event_id}, {"error", error.what()}});
  }
}

// twin: check-then-act-key. The key is taken only after the work is done.
Task<void> Users::remember_late(std::string key, std::string fingerprint, const Answer& answer) {
  try {
    Transaction tx = co_await db_.begin();
    const IdempotencyKeys::Claimed claimed = co_await IdempotencyKeys::claim(tx, kCreateScope, key, fingerprint);
    if (claimed.claim != IdempotencyKeys::Claim::granted) co_return;
    co_await IdempotencyKeys::finish(tx, kCreateScope, key, answer);
    co_await tx.commit();
  } catch (const DatabaseError& error) {
    context_.telemetry.log(Level::warning, "key not stored", Json{{"key", key}, {"error", error.what()}});
  }
}

}  // namespace orrery::services
