#include "services/notification/notification_service.hpp"

#include <exception>
#include <limits>
#include <utility>

#include "services/patterns/problem.hpp"

namespace orrery::services {
namespace {

constexpr std::string_view kInsertJob =
    "INSERT INTO notification_jobs (correlation_id, user_id, channel, destination, template, variables, traceparent)"
    " VALUES ($1, $2, 'email', $3, $4, jsonb_build_object('name', $5::text), nullif($6, '')) ON CONFLICT DO NOTHING";

constexpr std::string_view kListJobs =
    "SELECT id, correlation_id, channel, status, attempts, ambiguous_attempts, error_reason FROM notification_jobs"
    " WHERE status = $1 ORDER BY id DESC LIMIT $2";

constexpr std::string_view kGroup = "notification";

}  // namespace

NotificationService::NotificationService(Context& context)
    : NotificationService(context, Settings(context.config, context.service)) {}

NotificationService::NotificationService(Context& context, Settings settings)
    : context_(context),
      db_(context.database("notification_db")),
      twin_(settings.text("defect", "")),
      ack_deadline_(settings.duration("ack_deadline", 15s)),
      retry_(RetryPolicy::read(settings.section("retry"),
                               RetryPolicy{Backoff{100ms, 2s}, std::numeric_limits<std::int64_t>::max()})),
      inbox_(std::string(kGroup)),
      sender_(context, db_, SenderSettings::read(settings.section("sender")), twin_) {
  Subscription subscription("user.events", std::string(kGroup));
  subscription.ack_deadline = ack_deadline_;
  subscription.retry_delay = settings.duration("retry_delay", subscription.retry_delay);
  subscription.max_deliveries =
      static_cast<int>(settings.integer("max_deliveries", subscription.max_deliveries, 1, 1000));
  subscription.concurrency = static_cast<int>(settings.integer("concurrency", subscription.concurrency, 1, 100));
  subscription.dead_letter_topic = "user.events.dead";
  settings.refuse_unknown();

  if (twin_.is("ack-deadline-shorter-than-work"))
    subscription.ack_deadline = 1ms;  // twin: ack-deadline-shorter-than-work
  context.broker.subscribe(std::move(subscription), [this](Delivery& delivery) { return on_message(delivery); });
  context.http.on("GET /jobs", [this](Request request) { return list_jobs(std::move(request)); });
  context.http.on("GET /healthz", healthy);
  sender_.start();
}

Task<void> NotificationService::on_message(Delivery& delivery) {
  // twin: ack-before-work. What happens to the message from here on is nobody's business but ours.
  if (twin_.is("ack-before-work")) delivery.acknowledge();
  if (twin_.is("skip-on-error")) {
    co_await swallow(delivery);  // twin: skip-on-error
    co_return;
  }
  co_await process(delivery.message());
}

Task<void> NotificationService::process(const Message& message) {
  const UserEvent event = UserEvent::parse(message);
  Retry retry(context_, retry_, nullptr, context_.clock.now() + ack_deadline_ * 2 / 3);
  while (true) {
    std::exception_ptr failed;
    try {
      co_await store(event);
      co_return;
    } catch (const DatabaseError& error) {
      if (!is_transient(error)) throw;
      failed = std::current_exception();
    }
    // Also after an unknown commit: the inbox tells the second run whether the first one did it.
    const bool again = co_await retry.again();
    if (!again) std::rethrow_exception(failed);
  }
}

Task<void> NotificationService::store(const UserEvent& event) {
  if (twin_.is("clones-processed-concurrently") || twin_.is("dedup-eats-retry")) {
    co_await store_without_transaction(event);
    co_return;
  }
  Transaction tx = co_await db_.begin();
  if (twin_.is("dedup-window-expiry")) {  // twin: dedup-window-expiry
    co_await tx.exec("DELETE FROM processed_messages WHERE processed_at < now() - interval '5 seconds'");
  }
  const bool is_new = co_await inbox_.is_new(tx, event.event_id);
  if (!is_new) co_return;
  if (!event.mail_template().empty()) {
    co_await tx.exec(kInsertJob, event.event_id, event.user_id, event.email, event.mail_template(), event.name,
                     event.traceparent);
  }
  co_await tx.commit();
}

// twin: clones-processed-concurrently (looks into the inbox before, writes it after), dedup-eats-retry (writes it
// before).
Task<void> NotificationService::store_without_transaction(const UserEvent& event) {
  constexpr std::string_view kNote =
      "INSERT INTO processed_messages (consumer, message_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";
  const bool notes_first = twin_.is("dedup-eats-retry");
  if (notes_first) {
    const Rows noted = co_await db_.exec(kNote, kGroup, event.event_id);
    if (noted.affected() == 0) co_return;
  } else {
    const Rows known = co_await db_.exec(
        "SELECT message_id FROM processed_messages WHERE consumer = $1 AND message_id = $2", kGroup, event.event_id);
    if (!known.empty()) co_return;
  }
  if (!event.mail_template().empty()) {
    co_await db_.exec(kInsertJob, event.event_id, event.user_id, event.email, event.mail_template(), event.name,
                     event.traceparent);
  }
  if (!notes_first) co_await db_.exec(kNote, kGroup, event.event_id);
}

// twin: skip-on-error. One bad message must not stop the others; it is only logged.
Task<void> NotificationService::swallow(Delivery& delivery) {
  try {
    const UserEvent event = UserEvent::parse(delivery.message());
    co_await store(event);
  } catch (const Failure& failure) {
    context_.telemetry.log(Level::error, "message skipped",
                           Json{{"message_id", delivery.message().id}, {"error", failure.what()}});
  }
}

Task<Response> NotificationService::list_jobs(Request request) {
  const std::string status = request.query("status").value_or("dead");
  try {
    const Rows rows = co_await db_.exec(kListJobs, status, 100);
    Json jobs = Json::array();
    for (const Row row : rows) {
      jobs.push_back(Json{{"id", row["id"].integer()},
                          {"event_id", row["correlation_id"].text()},
                          {"channel", row["channel"].text()},
                          {"status", row["status"].text()},
                          {"attempts", row["attempts"].integer()},
                          {"ambiguous_attempts", row["ambiguous_attempts"].integer()},
                          {"error", row["error_reason"].text()}});
    }
    co_return json_response(200, Json{{"jobs", jobs}});
  } catch (const DatabaseError& error) {
    if (!is_transient(error)) throw;
  }
  co_return json_response(503, problem(503, "unavailable", "Not available now", "Ask again."), 1);
}

}  // namespace orrery::services
