#include "services/patterns/outbox.hpp"

#include <algorithm>
#include <chrono>
#include <string_view>

#include "runtime/trace.hpp"

namespace orrery::services {
namespace {

constexpr std::string_view kPut =
    "INSERT INTO outbox_events (event_id, aggregate_id, aggregate_version, event_type, version, occurred_at, payload)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING payload";

// The claim. MATERIALIZED so that the LIMIT holds: the planner may run a plain subquery more than once.
constexpr std::string_view kDue =
    "WITH due AS MATERIALIZED ("
    " SELECT e.seq_id, e.aggregate_id FROM outbox_events e"
    " WHERE e.status = 'pending' AND e.next_attempt_at <= now()"
    " AND (e.claimed_until IS NULL OR e.claimed_until <= now())";
// Reads the earlier rows without a lock. That is sound: `published` is final, and an aggregate's rows are committed in
// the order of their versions, so whoever sees a row sees those before it.
constexpr std::string_view kHeadOfAggregate =
    " AND NOT EXISTS (SELECT 1 FROM outbox_events p WHERE p.aggregate_id = e.aggregate_id"
    " AND p.aggregate_version < e.aggregate_version AND p.status <> 'published')";
constexpr std::string_view kTake =
    " ORDER BY e.seq_id LIMIT $3 FOR UPDATE OF e SKIP LOCKED)"
    " UPDATE outbox_events e SET claimed_by = $1, claim_token = e.claim_token + 1,"
    " claimed_until = now() + make_interval(secs => $2), attempts = e.attempts + 1 FROM due";
constexpr std::string_view kTheDueRow = " WHERE e.seq_id = due.seq_id";
constexpr std::string_view kReturning =
    " RETURNING e.seq_id, e.event_id, e.aggregate_id, e.event_type, e.payload, e.claim_token, e.attempts,"
    " e.payload->'trace'->>'trace_id' AS trace_id, e.payload->'trace'->>'span_id' AS span_id";

// twin: in-flight-lower-id-skipped
constexpr std::string_view kNextId =
    " AND e.seq_id = (SELECT min(n.seq_id) FROM outbox_events n WHERE n.seq_id > "
    "(SELECT coalesce(max(l.seq_id), 0) FROM outbox_events l WHERE l.status = 'published'))";

std::string claim_statement(const Twin& twin) {
  std::string sql(kDue);
  if (twin.is("in-flight-lower-id-skipped")) {
    sql += kNextId;  // twin: in-flight-lower-id-skipped. Goes on with the next id after the last published one.
  } else if (!twin.is("skip-locked-breaks-key-order")) {
    sql += kHeadOfAggregate;  // twin: skip-locked-breaks-key-order. Any due row may be claimed.
  }
  sql += kTake;
  // twin: parallel-batch-reorders. Claims whole aggregates, which would be sound if it published row after row.
  const bool whole = twin.is("parallel-batch-reorders");
  sql += whole ? " WHERE e.aggregate_id = due.aggregate_id AND e.status = 'pending'" : kTheDueRow;
  return sql += kReturning;
}

// The fence: token, owner and event. The token alone would do if no commit were ever lost. After a failover it may have been
// given to somebody else once more, and the sequence may have given the row's number to another event.
#define ORRERY_STILL_CLAIMED \
  " WHERE seq_id = $1 AND event_id = $2 AND claim_token = $3 AND claimed_by = $4 AND status = 'pending'"

constexpr std::string_view kMarkPublished =
    "UPDATE outbox_events SET status = 'published', published_at = now(), claimed_by = NULL, claimed_until = NULL,"
    " error_reason = NULL" ORRERY_STILL_CLAIMED;

constexpr std::string_view kTryLater =
    "UPDATE outbox_events SET claimed_by = NULL, claimed_until = NULL, error_reason = left($5, 500),"
    " next_attempt_at = now() + make_interval(secs => $6)" ORRERY_STILL_CLAIMED;

constexpr std::string_view kPark =
    "UPDATE outbox_events SET status = 'failed', claimed_by = NULL, claimed_until = NULL, error_reason = left($5, 500)"
    ORRERY_STILL_CLAIMED;

#undef ORRERY_STILL_CLAIMED

constexpr std::string_view kBacklog =
    "SELECT count(*) FILTER (WHERE status = 'pending') AS pending, count(*) FILTER (WHERE status = 'failed') AS failed,"
    " coalesce(extract(epoch FROM now() - min(occurred_at) FILTER (WHERE status = 'pending')), 0)::double precision AS "
    "lag_s"
    " FROM outbox_events WHERE status <> 'published'";

constexpr std::string_view kReplay =
    "UPDATE outbox_events SET status = 'pending', attempts = 0, next_attempt_at = now(), error_reason = NULL"
    " WHERE event_id = $1 AND status = 'failed'";

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

Task<std::string> Outbox::put(Transaction& tx, const OutboxEvent& event) {
  const Rows stored = co_await tx.exec(kPut, event.event_id, event.aggregate_id, event.aggregate_version,
                                       event.event_type, event.version, event.occurred_at, event.body.dump());
  std::string body = stored[0]["payload"].text();
  // twin: drain-before-persist. Publishes at once what is not committed yet.
  if (twin_.is("drain-before-persist")) co_await publish_directly(event, body);
  co_return body;
}

Task<bool> Outbox::publish_directly(const OutboxEvent& event, std::string body) {
  Message message(event.event_id, event.aggregate_id, std::move(body));
  try {
    co_await context_.broker.publish(topic_, message);
    co_return true;
  } catch (const PublishFailed& failure) {
    context_.telemetry.log(Level::warning, "event not published",
                           Json{{"event_id", event.event_id}, {"error", failure.what()}});
  }
  co_return false;
}

RelaySettings RelaySettings::read(Settings settings) {
  RelaySettings relay;
  relay.poll = settings.duration("poll", relay.poll);
  relay.batch = settings.integer("batch", relay.batch, 1, 1000);
  relay.margin = settings.duration("margin", relay.margin);
  relay.lease = settings.duration("lease", relay.lease, relay.margin);
  relay.backoff.base = settings.duration("backoff_base", relay.backoff.base);
  relay.backoff.cap = settings.duration("backoff_cap", relay.backoff.cap);
  relay.max_body = settings.integer("max_body", relay.max_body, 1);
  relay.report_every = settings.duration("report_every", relay.report_every);
  settings.refuse_unknown();
  return relay;
}

OutboxRelay::OutboxRelay(Context& context, Database& db, std::string topic, RelaySettings settings, const Twin& twin)
    : context_(context),
      db_(db),
      topic_(std::move(topic)),
      settings_(settings),
      twin_(twin),
      claim_(claim_statement(twin)) {}

void OutboxRelay::start() { context_.spawn("outbox-relay", run()); }

Task<void> OutboxRelay::report() {
  if (context_.clock.now() < next_report_) co_return;
  next_report_ = context_.clock.now() + settings_.report_every;
  const Rows rows = co_await db_.exec(kBacklog);
  context_.telemetry.gauge("outbox_pending", rows[0]["pending"].real());
  context_.telemetry.gauge("outbox_failed", rows[0]["failed"].real());
  context_.telemetry.gauge("outbox_lag_seconds", rows[0]["lag_s"].real());
}

Task<void> OutboxRelay::run() {
  std::int64_t failures = 0;
  while (!context_.stopping()) {
    std::int64_t rows = 0;
    try {
      rows = co_await round();
      co_await report();
      failures = 0;
    } catch (const DatabaseError& error) {
      ++failures;
      context_.telemetry.count("outbox_relay_errors_total");
      context_.telemetry.log(Level::warning, "outbox round failed", Json{{"error", error.what()}});
      if (twin_.is("database-blip-ends-relay")) co_return;  // twin: database-blip-ends-relay
    }
    if (failures > 0) {
      co_await context_.clock.sleep(settings_.poll + settings_.backoff.delay(failures, context_.random));
    } else if (rows < settings_.batch) {
      // Uneven, so that the replicas' rounds do not march in step.
      co_await context_.clock.sleep(context_.random.between(settings_.poll * 3 / 4, settings_.poll * 5 / 4));
    }
  }
}

Task<std::int64_t> OutboxRelay::round() {
  const Lease lease(context_.clock, settings_.lease);
  const Rows rows = co_await db_.exec(claim_, context_.host, seconds(settings_.lease), settings_.batch);
  std::vector<Claimed> batch;
  for (const Row row : rows) {
    Claimed& claimed = batch.emplace_back();
    claimed.seq_id = row["seq_id"].integer();
    claimed.token = row["claim_token"].integer();
    claimed.attempts = row["attempts"].integer();
    claimed.event_type = row["event_type"].text();
    claimed.message = Message(row["event_id"].text(), row["aggregate_id"].text(), row["payload"].text());
    claimed.message.attributes.emplace("event_type", claimed.event_type);
    if (!row["trace_id"].is_null() && !row["span_id"].is_null()) {
      claimed.message.attributes.emplace(kTraceparent, "00-" + row["trace_id"].text() + "-" + row["span_id"].text() + "-01");
    }
  }
  std::ranges::sort(batch, {}, &Claimed::seq_id);  // RETURNING gives no order

  for (const Claimed& row : batch) {
    if (!lease.covers(settings_.margin))
      break;  // the rest may be somebody else's by now: it comes back when the lease ends
    if (twin_.is("parallel-batch-reorders")) {
      context_.spawn("outbox-publish", relay_apart(row));  // twin: parallel-batch-reorders
    } else {
      co_await relay(row);
    }
  }
  co_return static_cast<std::int64_t>(batch.size());
}

Task<void> OutboxRelay::relay(const Claimed& row) {
  if (static_cast<std::int64_t>(row.message.body.size()) > settings_.max_body) {
    context_.telemetry.log(Level::error, "event cannot be published",
                           Json{{"event_id", row.message.id}, {"bytes", row.message.body.size()}});
    co_await db_.exec(kPark, row.seq_id, row.message.id, row.token, context_.host, "the event is larger than a message may be");
    co_return;
  }
  // twin: marks-before-confirm. The mark is committed while the broker has not answered, and stays if it never does.
  if (twin_.is("marks-before-confirm")) co_await db_.exec(kMarkPublished, row.seq_id, row.message.id, row.token, context_.host);
  std::string failed;
  try {
    Message message = row.message;
    co_await context_.broker.publish(topic_, std::move(message));
  } catch (const PublishFailed& failure) {
    failed = failure.what();
  }
  if (failed.empty()) {
    // If this is lost, the row stays pending and is published once more: the consumers' inbox takes that.
    const Rows marked = co_await db_.exec(kMarkPublished, row.seq_id, row.message.id, row.token, context_.host);
    context_.telemetry.count("outbox_published_total", marked.affected());
    co_return;
  }
  context_.telemetry.count("outbox_publish_failures_total");
  // twin: terminal-give-up. After three attempts the row is put aside, and nobody ever looks there.
  if (twin_.is("terminal-give-up") && row.attempts >= 3) {
    co_await db_.exec(kPark, row.seq_id, row.message.id, row.token, context_.host, failed);
    co_return;
  }
  const Duration delay = settings_.backoff.delay(row.attempts, context_.random);
  co_await db_.exec(kTryLater, row.seq_id, row.message.id, row.token, context_.host, failed, seconds(delay));
}

// twin: parallel-batch-reorders
Task<void> OutboxRelay::relay_apart(Claimed row) {
  try {
    co_await relay(row);
  } catch (const DatabaseError& error) {
    context_.telemetry.log(Level::warning, "outbox row not marked",
                           Json{{"event_id", row.message.id}, {"error", error.what()}});
  }
}

Task<OutboxRelay::Replay> OutboxRelay::replay(std::string event_id) {
  const Rows replayed = co_await db_.exec(kReplay, event_id);
  if (replayed.affected() > 0) co_return Replay::done;
  const Rows known = co_await db_.exec("SELECT status FROM outbox_events WHERE event_id = $1", event_id);
  co_return known.empty() ? Replay::unknown_event : Replay::not_failed;
}

}  // namespace orrery::services
