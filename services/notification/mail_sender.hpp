#pragma once

#include <string>

#include "runtime/context.hpp"
#include "services/patterns/lease.hpp"
#include "services/patterns/retry.hpp"
#include "services/patterns/twin.hpp"

namespace orrery::services {

struct SenderSettings {
  std::int64_t workers = 2;    // jobs in work at once on a replica
  Duration poll = 500ms;       // between looks that found nothing
  Duration call_timeout = 3s;  // of a call to the provider
  Duration lease = 15s;        // of a job, on the database's clock: for the call and a statement that hangs after it
  Backoff backoff{500ms, 10s};
  std::int64_t max_attempts = 30;  // with the backoff, minutes of an outage
  std::int64_t max_ambiguous = 8;  // bounds how many mails one job can become
  std::int64_t max_rejected = 3;
  RetryBudget::Limits budget;
  Duration report_every = 10s;  // of the backlog, to the metrics

  [[nodiscard]] static SenderSettings read(Settings settings);
};

/// Sends the queued mails of `notification_jobs` through the provider, which does not recognise a message that it got
/// before. So "exactly once" cannot be had; what is promised instead:
///
/// - A job that is `sent` was accepted by the provider. A job that is `dead` says why in `error_reason`. Both are
/// final.
/// - A job is sent again only after an attempt that surely was not accepted (refused connection, 429, 503: retried with
///   backoff, up to `max_attempts`), was rejected (other 4xx: `dead` after `max_rejected`), or is ambiguous. So it is
///   sent at most 1 + ambiguous attempts times.
/// - An attempt is ambiguous if the call timed out, its reply was lost or was a 5xx other than 503, or if its sender's
///   lease ended before it committed an outcome (crash, pause, database away): the next claim counts that. Ambiguous
///   attempts are repeated, since a welcome mail twice is better than none, but at most `max_ambiguous` times, then
///   `dead`.
///
/// Each claim takes a new fencing token; an outcome is written only with the newest token and from `sending`, so that a
/// sender that was thought dead cannot touch what its successor did. Retries are held to a budget: fresh jobs always
/// pass.
class MailSender {
 public:
  MailSender(Context& context, Database& db, SenderSettings settings, const Twin& twin);

  /// Starts the workers, which send jobs until the service is asked to stop.
  void start();

 private:
  class Job {
   public:
    Job() = default;

    std::int64_t id = 0;
    std::int64_t token = 0;
    std::int64_t attempts = 0;
    std::int64_t ambiguous = 0;
    std::int64_t rejected = 0;
    std::string event_id, channel, destination, mail_template, variables;
    std::string traceparent;  // empty: the event had none
  };
  enum class Outcome { accepted, not_sent, not_accepted, rejected, ambiguous };
  class Attempt {
   public:
    Attempt() = default;

    Outcome outcome = Outcome::not_sent;
    std::string error;
  };

  /// One worker: sends jobs, one after the other.
  Task<void> work();
  /// Tells the metrics how much is waiting, now and then. Throws DatabaseError.
  Task<void> report();
  /// Claims and sends one job. False: none is due. Throws DatabaseError if it could not claim.
  Task<bool> send_one();
  Task<Attempt> call_provider(const Job& job);
  /// Commits what came of the attempt; repeats it while the database is away.
  Task<void> conclude(const Job& job, Attempt attempt);
  Task<Rows> write(const Job& job, const Attempt& attempt);

  Context& context_;
  Database& db_;
  SenderSettings settings_;
  Twin twin_;
  RetryBudget budget_;
  Instant next_report_;
  std::string claim_, mark_sent_, requeue_, bury_;  // the statements
};

}  // namespace orrery::services
