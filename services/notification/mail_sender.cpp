#include "services/notification/mail_sender.hpp"

#include <chrono>
#include <string_view>
#include <utility>

#include "runtime/trace.hpp"

namespace orrery::services {
namespace {

constexpr std::string_view kDue =
    "WITH due AS MATERIALIZED ("
    " SELECT id FROM notification_jobs"
    " WHERE (status = 'queued' AND next_attempt_at <= now() AND (attempts = 0 OR $3) OR status = 'sending' AND ";
constexpr std::string_view kLeaseIsOver = "claimed_until <= now()";
constexpr std::string_view kTake =
    ") ORDER BY next_attempt_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)"
    " UPDATE notification_jobs j SET status = 'sending', claimed_by = $1, claim_token = j.claim_token + 1,"
    " claimed_until = now() + make_interval(secs => $2), attempts = j.attempts + 1, retry_count = j.attempts,"
    " ambiguous_attempts = j.ambiguous_attempts + CASE WHEN j.status = 'sending' THEN 1 ELSE 0 END, updated_at = now()"
    " FROM due WHERE j.id = due.id"
    " RETURNING j.id, j.claim_token, j.attempts, j.ambiguous_attempts, j.rejected_attempts, j.correlation_id, "
    "j.channel,"
    " j.destination, j.template, j.variables, coalesce(j.traceparent, '') AS traceparent";

constexpr std::string_view kMarkSent =
    "UPDATE notification_jobs SET status = 'sent', sent_at = now(), updated_at = now(), claimed_by = NULL,"
    " claimed_until = NULL, error_reason = NULL";
constexpr std::string_view kRequeue =
    "UPDATE notification_jobs SET status = 'queued', sent_at = NULL, updated_at = now(), claimed_by = NULL,"
    " claimed_until = NULL, error_reason = left($3, 500), next_attempt_at = now() + make_interval(secs => $4),"
    " ambiguous_attempts = ambiguous_attempts + $5, rejected_attempts = rejected_attempts + $6";
constexpr std::string_view kBury =
    "UPDATE notification_jobs SET status = 'dead', sent_at = NULL, updated_at = now(), claimed_by = NULL,"
    " claimed_until = NULL, error_reason = left($3, 500),"
    " ambiguous_attempts = ambiguous_attempts + $4, rejected_attempts = rejected_attempts + $5";

constexpr std::string_view kFence = " WHERE id = $1 AND claim_token = $2 AND status = 'sending'";
// twin: no-fencing. Writes its outcome whoever has the job by now.
constexpr std::string_view kNoFence = " WHERE id = $1 AND $2::bigint IS NOT NULL";
// twin: sent-but-never-marked. Looks for the job in the state it had before the claim.
constexpr std::string_view kWrongState = " WHERE id = $1 AND claim_token = $2 AND status = 'queued'";
// twin: rescue-of-live-job. Takes slow for dead.
constexpr std::string_view kNoNewsForHalfASecond = "updated_at <= now() - interval '500 milliseconds'";

constexpr std::string_view kBacklog =
    "SELECT count(*) FILTER (WHERE status IN ('queued', 'sending')) AS open, count(*) FILTER (WHERE status = 'dead') "
    "AS dead"
    " FROM notification_jobs WHERE status <> 'sent'";

std::string join(std::string_view a, std::string_view b, std::string_view c = {}) {
  std::string text(a);
  text += b;
  return text += c;
}

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

SenderSettings SenderSettings::read(Settings settings) {
  SenderSettings sender;
  sender.workers = settings.integer("workers", sender.workers, 1, 100);
  sender.poll = settings.duration("poll", sender.poll);
  sender.call_timeout = settings.duration("call_timeout", sender.call_timeout);
  sender.lease = settings.duration("lease", sender.lease, sender.call_timeout + 1ms);
  sender.backoff.base = settings.duration("backoff_base", sender.backoff.base);
  sender.backoff.cap = settings.duration("backoff_cap", sender.backoff.cap);
  sender.max_attempts = settings.integer("max_attempts", sender.max_attempts, 1);
  sender.max_ambiguous = settings.integer("max_ambiguous", sender.max_ambiguous, 1);
  sender.max_rejected = settings.integer("max_rejected", sender.max_rejected, 1);
  sender.budget.percent = settings.integer("retry_percent", sender.budget.percent, 0, 100);
  sender.report_every = settings.duration("report_every", sender.report_every);
  settings.refuse_unknown();
  return sender;
}

MailSender::MailSender(Context& context, Database& db, SenderSettings settings, const Twin& twin)
    : context_(context),
      db_(db),
      settings_(settings),
      twin_(twin),
      budget_(context.clock, settings.budget),
      claim_(join(kDue, twin.is("rescue-of-live-job") ? kNoNewsForHalfASecond : kLeaseIsOver, kTake)) {
  const std::string_view fence = twin.is("no-fencing") ? kNoFence : kFence;
  mark_sent_ = join(kMarkSent, twin.is("sent-but-never-marked") ? kWrongState : fence);
  requeue_ = join(kRequeue, fence);
  bury_ = join(kBury, fence);
}

void MailSender::start() {
  for (std::int64_t i = 1; i <= settings_.workers; ++i) context_.spawn("mail-sender-" + std::to_string(i), work());
}

Task<void> MailSender::work() {
  std::int64_t failures = 0;
  while (!context_.stopping()) {
    bool worked = false;
    try {
      worked = co_await send_one();
      co_await report();
      failures = 0;
    } catch (const DatabaseError& error) {
      ++failures;
      context_.telemetry.count("notification_sender_errors_total");
      context_.telemetry.log(Level::warning, "no job claimed", Json{{"error", error.what()}});
    }
    if (failures > 0) {
      co_await context_.clock.sleep(settings_.poll + settings_.backoff.delay(failures, context_.random));
    } else if (!worked) {
      co_await context_.clock.sleep(context_.random.between(settings_.poll * 3 / 4, settings_.poll * 5 / 4));
    }
  }
}

Task<void> MailSender::report() {
  if (context_.clock.now() < next_report_) co_return;
  next_report_ = context_.clock.now() + settings_.report_every;
  const Rows rows = co_await db_.exec(kBacklog);
  context_.telemetry.gauge("notification_backlog", rows[0]["open"].real());
  context_.telemetry.gauge("notification_dead", rows[0]["dead"].real());
}

Task<bool> MailSender::send_one() {
  const Lease lease(context_.clock, settings_.lease);
  const Rows claimed = co_await db_.exec(claim_, context_.host, seconds(settings_.lease), budget_.has_one());
  if (claimed.empty()) co_return false;
  const Row row = claimed[0];
  Job job;
  job.id = row["id"].integer();
  job.token = row["claim_token"].integer();
  job.attempts = row["attempts"].integer();
  job.ambiguous = row["ambiguous_attempts"].integer();
  job.rejected = row["rejected_attempts"].integer();
  job.event_id = row["correlation_id"].text();
  job.channel = row["channel"].text();
  job.destination = row["destination"].text();
  job.mail_template = row["template"].text();
  job.variables = row["variables"].text();
  job.traceparent = row["traceparent"].text();

  if (job.attempts == 1) {
    budget_.earn();
  } else {
    (void)budget_.spend();
    context_.telemetry.count("notification_retries_total");
  }
  Attempt attempt;
  if (job.ambiguous >= settings_.max_ambiguous) {
    attempt.error = "its outcome stayed unknown too often";
  } else if (lease.covers(settings_.call_timeout)) {
    attempt = co_await call_provider(job);
  } else {
    attempt.error = "claimed too slowly";  // somebody else may have it before the call could end
  }
  co_await conclude(job, std::move(attempt));
  co_return true;
}

Task<MailSender::Attempt> MailSender::call_provider(const Job& job) {
  const Json body{{"job_id", std::to_string(job.id)}, {"event_id", job.event_id},
                  {"channel", job.channel},           {"to", job.destination},
                  {"template", job.mail_template},    {"variables", Json::parse(job.variables)}};
  Request request("POST", "/messages", body.dump());
  request.headers.set("Content-Type", "application/json");
  if (!job.traceparent.empty()) request.headers.set(kTraceparent, job.traceparent);
  request.headers.set("Idempotency-Key", job.event_id + ":" + job.channel);
  Attempt attempt;
  try {
    const Response response = co_await context_.http.call("mail", std::move(request), settings_.call_timeout);
    if (response.ok()) {
      attempt.outcome = Outcome::accepted;
    } else if (response.status == 503 || response.status == 429) {
      attempt.outcome = Outcome::not_accepted;
    } else {
      attempt.outcome = response.status < 500 ? Outcome::rejected : Outcome::ambiguous;
    }
    attempt.error = "the provider answered " + std::to_string(response.status);
  } catch (const CallFailed& failure) {
    attempt.outcome = failure.may_have_happened() ? Outcome::ambiguous : Outcome::not_accepted;
    attempt.error = failure.what();
  }
  // twin: step-failure-swallowed. The mail has been handed over, what can go wrong?
  if (twin_.is("step-failure-swallowed")) attempt.outcome = Outcome::accepted;
  co_return attempt;
}

Task<void> MailSender::conclude(const Job& job, Attempt attempt) {
  context_.telemetry.count(attempt.outcome == Outcome::accepted ? "notification_sent_total"
                                                                : "notification_failures_total");
  // Repeating is safe: the fence lets the write through once. Without it the job comes back when its lease ends, as an
  // ambiguous attempt; so it is worth waiting for the database, even when the process was asked to stop.
  for (std::int64_t failures = 1;; ++failures) {
    try {
      const Rows written = co_await write(job, attempt);
      if (written.affected() == 0) context_.telemetry.count("notification_outcomes_too_late_total");
      co_return;
    } catch (const DatabaseError& error) {
      context_.telemetry.log(Level::warning, "outcome not written", Json{{"job_id", job.id}, {"error", error.what()}});
      if (!is_transient(error)) co_return;
    }
    co_await context_.clock.sleep(settings_.backoff.delay(failures, context_.random));
  }
}

Task<Rows> MailSender::write(const Job& job, const Attempt& attempt) {
  if (attempt.outcome == Outcome::accepted) {
    Rows written = co_await db_.exec(mark_sent_, job.id, job.token);
    co_return written;
  }
  const int ambiguous = attempt.outcome == Outcome::ambiguous ? 1 : 0;
  const int rejected = attempt.outcome == Outcome::rejected ? 1 : 0;
  const bool hopeless = job.ambiguous + ambiguous >= settings_.max_ambiguous ||
                        job.rejected + rejected >= settings_.max_rejected || job.attempts >= settings_.max_attempts;
  if (hopeless) {
    context_.telemetry.log(Level::error, "job is dead", Json{{"job_id", job.id}, {"error", attempt.error}});
    Rows written = co_await db_.exec(bury_, job.id, job.token, attempt.error, ambiguous, rejected);
    co_return written;
  }
  const Duration delay = settings_.backoff.delay(job.attempts, context_.random);
  Rows written = co_await db_.exec(requeue_, job.id, job.token, attempt.error, seconds(delay), ambiguous, rejected);
  co_return written;
}

}  // namespace orrery::services
