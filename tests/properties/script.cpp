#include "tests/properties/script.hpp"

#include <algorithm>

#include "runtime/check.hpp"

namespace orrery::testing {

Script& Script::at(Duration time) {
  now_ = Instant(time);
  return *this;
}

EventId Script::add(EventKind kind, std::string host, std::string subject, std::string key, std::int64_t number,
                    std::string text, std::string detail) {
  Event event;
  event.id = ++last_;
  event.at = now_;
  event.kind = kind;
  event.host = std::move(host);
  event.subject = std::move(subject);
  event.key = std::move(key);
  event.number = number;
  event.text = std::move(text);
  event.detail = std::move(detail);
  history_.add(std::move(event));
  now_ += 1ms;
  return last_;
}

RowChange& Script::collect(const std::string& table, RowOperation operation) {
  RowChange& change = changes_.emplace_back();
  change.table = table;
  change.operation = operation;
  change.shape = tables_[table].shape;
  return change;
}

Script& Script::put(const std::string& table, Cells cells) {
  if (tables_[table].shape == nullptr) {
    RowShape shape;
    for (const auto& [column, value] : cells) shape.columns.push_back(column);
    tables_[table].shape = std::make_shared<const RowShape>(shape);
  }
  RowChange& change = collect(table, RowOperation::insert);
  for (auto& [column, value] : cells) change.after.push_back(std::move(value));
  tables_[table].rows[change.after[0].text()] = change.after;
  return *this;
}

Script& Script::change(const std::string& table, const std::string& id, Cells cells) {
  RowChange& change = collect(table, RowOperation::update);
  std::vector<SqlValue>& row = tables_[table].rows.at(id);
  change.before = row;
  for (auto& [column, value] : cells) row[change.shape->index_of(column)] = std::move(value);
  change.after = row;
  return *this;
}

Script& Script::drop(const std::string& table, const std::string& id) {
  RowChange& change = collect(table, RowOperation::remove);
  change.before = tables_[table].rows.at(id);
  tables_[table].rows.erase(id);
  return *this;
}

EventId Script::commit(const std::string& database, const std::string& session) {
  CHECK(!changes_.empty(), "a commit changes something");
  Event event;
  event.id = ++last_;
  event.at = now_;
  event.kind = EventKind::transaction_committed;
  event.host = database;
  event.subject = database;
  event.key = session;
  event.number = ++transactions_;
  event.changes = std::move(changes_);
  changes_.clear();
  history_.add(std::move(event));
  now_ += 1ms;
  return last_;
}

EventId Script::lose(const std::string& database) {
  const Event* newest = nullptr;
  for (const Event& event : history_.events()) {
    const bool is_lost = std::find(lost_.begin(), lost_.end(), event.id) != lost_.end();
    if (event.kind == EventKind::transaction_committed && event.subject == database && !is_lost) newest = &event;
  }
  CHECK(newest != nullptr, "only what was committed can be lost");
  lost_.push_back(newest->id);
  Event event = *newest;
  event.id = ++last_;
  event.at = now_;
  event.kind = EventKind::transaction_lost;
  std::reverse(event.changes.begin(), event.changes.end());
  for (RowChange& change : event.changes) {
    std::swap(change.before, change.after);
    std::map<std::string, std::vector<SqlValue>>& rows = tables_[change.table].rows;
    if (change.operation == RowOperation::insert) {
      change.operation = RowOperation::remove;
      rows.erase(change.before.front().text());
      continue;
    }
    if (change.operation == RowOperation::remove) change.operation = RowOperation::insert;
    rows[change.after.front().text()] = change.after;
  }
  history_.add(std::move(event));
  now_ += 1ms;
  return last_;
}

EventId Script::fault(const std::string& kind, const std::string& target, const std::string& address) {
  return add(EventKind::fault_injected, target, kind, address, 0, kind + " " + target + " at " + address);
}

EventId Script::heal_fault(const std::string& kind, const std::string& target, const std::string& address) {
  return add(EventKind::fault_healed, target, kind, address);
}

EventId Script::ask(const std::string& operation, const std::string& id, const std::string& arguments) {
  return add(EventKind::operation_invoked, "client-1", operation, id, 0, arguments);
}

EventId Script::told(const std::string& operation, const std::string& id, std::int64_t status,
                     const std::string& body) {
  return add(EventKind::operation_ended, "client-1", operation, id, status, body);
}

std::string System::name(int version) { return version == 1 ? "N" : "N" + std::to_string(version); }

std::string System::payload(const std::string& user, int version) {
  return R"({"event_id":")" + event_id(user, version) + R"(","event_type":"user.)" +
         (version == 1 ? "created" : "updated") + R"(","payload":{"user_id":")" + user + R"(","email":")" + user +
         R"(@example.org","name":")" + name(version) + R"("}})";
}

std::string System::sign_up_text(const std::string& key, const std::string& user, const std::string& name) {
  return R"({"email":")" + user + R"(@example.org","name":")" + name + R"(","idempotency_key":")" + key + R"("})";
}

std::string System::mail_text(std::int64_t job) {
  const std::string& user = jobs_[job];
  return R"({"job_id":")" + std::to_string(job) + R"(","event_id":")" + user + R"(","channel":"email","to":")" +
         user.substr(0, user.find('/')) + R"(@example.org","template":"mail"})";
}

Script& System::put_user(const std::string& user) {
  return put("users", {{"id", user}, {"email", user + "@example.org"}, {"name", "N"}, {"version", 1}});
}

Script& System::put_event(const std::string& user, int version) {
  return put("outbox_events", {{"event_id", event_id(user, version)},
                               {"aggregate_id", user},
                               {"aggregate_version", version},
                               {"event_type", version == 1 ? "user.created" : "user.updated"},
                               {"payload", payload(user, version)},
                               {"status", "pending"},
                               {"published_at", nullptr},
                               {"claimed_by", nullptr},
                               {"claim_token", 0}});
}

Script& System::put_key(const std::string& key) {
  return put("idempotency_keys", {{"key", key}, {"scope", "POST /users"}, {"recovery_point", "finished"}});
}

EventId System::create(const std::string& user, const std::string& key) {
  put_user(user);
  put_event(user);
  put_key(key);
  return commit("user_db", "user-1#1");
}

EventId System::rename(const std::string& user, int version) {
  change("users", user, {{"name", name(version)}, {"version", version}});
  put_event(user, version);
  return commit("user_db", "user-1#1");
}

void System::sign_up(const std::string& user, const std::string& key) {
  const std::string id = "op-" + key;
  ask("create user", id, sign_up_text(key, user));
  create(user, key);
  told("create user", id, 201, R"({"id":")" + user + R"("})");
}

EventId System::store(const std::string& user, int version) {
  add(EventKind::publish_started, "user-1", "user.events", event_id(user, version), 0, payload(user, version));
  return add(EventKind::message_stored, "broker", "user.events", event_id(user, version), 0, payload(user, version),
             user);
}

EventId System::confirm(const std::string& user, int version) {
  return add(EventKind::publish_confirmed, "user-1", "user.events", event_id(user, version));
}

EventId System::mark_published(const std::string& user, int version) {
  change("outbox_events", event_id(user, version),
         {{"status", "published"}, {"published_at", "2025-01-01 00:00:00+00"}, {"claimed_by", nullptr}});
  return commit("user_db", "user-1#2");
}

void System::publish(const std::string& user, int version) {
  change("outbox_events", event_id(user, version), {{"claimed_by", "user-1"}, {"claim_token", 1}});
  commit("user_db", "user-1#2");
  store(user, version);
  confirm(user, version);
  mark_published(user, version);
}

EventId System::deliver(const std::string& user, int version, int attempt, const std::string& host) {
  return add(EventKind::message_delivered, host, "user.events/notification", event_id(user, version), attempt,
             payload(user, version), user);
}

EventId System::commit_job(const std::string& user, std::int64_t job, int version) {
  put("processed_messages", {{"message_id", event_id(user, version)}, {"consumer", "notification"}});
  jobs_[job] = event_id(user, version);
  put("notification_jobs", {{"id", job},
                            {"correlation_id", event_id(user, version)},
                            {"user_id", user},
                            {"channel", "email"},
                            {"destination", user + "@example.org"},
                            {"template", "mail"},
                            {"variables", R"({"name": ")" + name(version) + R"("})"},
                            {"status", "queued"},
                            {"claimed_by", nullptr},
                            {"claim_token", 0},
                            {"sent_at", nullptr}});
  return commit("notification_db", "notification-1#1");
}

EventId System::acknowledge(const std::string& user, int version, const std::string& host) {
  const EventId acknowledged =
      add(EventKind::message_acknowledged, host, "user.events/notification", event_id(user, version), 1);
  add(EventKind::message_settled, "broker", "user.events/notification", event_id(user, version));
  return acknowledged;
}

void System::consume(const std::string& user, std::int64_t job, int version) {
  deliver(user, version);
  commit_job(user, job, version);
  acknowledge(user, version);
}

EventId System::claim(std::int64_t job, std::int64_t token, const std::string& host) {
  change("notification_jobs", std::to_string(job),
         {{"status", "sending"}, {"claimed_by", host}, {"claim_token", token}});
  return commit("notification_db", host + "#2");
}

EventId System::send(std::int64_t job, std::int64_t token, const std::string& host) {
  const std::string id = std::to_string(job) + "." + std::to_string(token);
  return add(EventKind::request_sent, host, "mail POST /messages", id, 0, mail_text(job));
}

EventId System::accept(std::int64_t job, std::int64_t token, std::int64_t status) {
  const std::string id = std::to_string(job) + "." + std::to_string(token);
  add(EventKind::request_received, "mail-1", "mail POST /messages", id, 0, mail_text(job));
  return add(EventKind::request_answered, "mail-1", "mail POST /messages", id, status);
}

EventId System::hear(std::int64_t job, std::int64_t token, std::int64_t status, const std::string& why,
                     const std::string& host) {
  const std::string id = std::to_string(job) + "." + std::to_string(token);
  return add(EventKind::request_ended, host, "mail POST /messages", id, status, why);
}

EventId System::mark_job(std::int64_t job, const std::string& status, const std::string& host) {
  const SqlValue sent_at = status == "sent" ? SqlValue("2025-01-01 00:00:00+00") : SqlValue();
  change("notification_jobs", std::to_string(job), {{"status", status}, {"claimed_by", nullptr}, {"sent_at", sent_at}});
  return commit("notification_db", host + "#2");
}

void System::mail(std::int64_t job) {
  claim(job);
  send(job);
  accept(job);
  hear(job);
  mark_job(job, "sent");
}

void System::all_of(const std::string& user, std::int64_t job, const std::string& key) {
  sign_up(user, key);
  publish(user);
  consume(user, job);
  mail(job);
}

std::string shapes(const Verdict& verdict) {
  std::string text;
  for (const Violation& violation : verdict.violations) {
    if (!text.empty()) text += ", ";
    text += violation.signature;
  }
  return text;
}

}  // namespace orrery::testing
