#pragma once

#include <string>
#include <utility>
#include <vector>

#include "properties/property.hpp"

namespace orrery {

// Effects outside of the database: a job is claimed, somebody else's service is asked, the outcome is noted. What was
// asked cannot be rolled back, and an answer can be lost: exactly once is impossible, at most once beyond the attempts
// of which nobody can know is not. (P. Helland, "Idempotence Is Not a Medical Condition", CACM 55(5), 2012)

/// Rows with a status that only some steps may change.
struct StatusTable {
  std::string name = "job";  // in sentences
  std::string table = "notification_db.notification_jobs";
  std::string id = "id";
  std::string status = "status";
  std::vector<std::string> initial = {"queued"};
  /// From, to. A commit that leaves the status alone is always allowed.
  std::vector<std::pair<std::string, std::string>> steps;
  /// The statuses in which nothing is left to do.
  std::vector<std::string> final = {"sent", "dead"};
  /// The status that says that the work was done, and the column that is set exactly then.
  std::string done = "sent";
  std::string done_at = "sent_at";
  /// The fencing token: it never gets smaller. Empty: there is none.
  std::string token = "claim_token";
  /// Who has claimed the row; NULL: nobody. Empty: rows are not claimed.
  std::string owner = "claimed_by";
  /// Columns that never change.
  std::vector<std::string> constant;
};

/// Who is asked to carry jobs out: requests with this subject, whose JSON body names the job.
struct Provider {
  std::string call = "mail POST /messages";
  std::string job = "job_id";
};

/// An attempt (one request sent for a job) that was answered with success is the job's last, unless it is ambiguous,
/// for then the service cannot know that it sent. Hence successful sends are at most 1 + the ambiguous attempts. An
/// attempt is ambiguous if and only if
///   (a) it brought no answer ("timed out", "reply lost", or its host died first), or
///   (b) it was answered, but the outcome is not committed before the next attempt, because in between
///       its host crashed, stopped or was paused; or a COMMIT of its host in the job's database failed or its answer
///       was lost; or a fault broke or slowed the host's way to that database, so that the outcome may have come too
///       late; or the database's server was down or paused, or its clock, by which leases are counted, was moved.
/// An attempt that was answered, and whose service just never committed an outcome, is not ambiguous.
/// Judged: each attempt. "refused" (nothing listened) and answers other than 2xx say that nothing was sent.
/// Broken by: a job that is never marked, a lease that a live holder outlives, an outcome that is swallowed, two
/// workers that take the same job.
[[nodiscard]] Check sent_once_beyond_ambiguous_attempts(const StatusTable& jobs, const Provider& provider);

/// When a job is committed as done, the provider has answered one of its requests with success before.
/// Judged: each job that was ever committed as done.
/// Broken by: marking before asking, taking an error or a time-out for success, marking a whole batch.
[[nodiscard]] Check done_means_accepted(const StatusTable& jobs, const Provider& provider);

/// Rows begin in an initial status and change it only by the allowed steps; `done_at` is set exactly when the row is
/// done; the fencing token never gets smaller; constant columns keep their values. Judged: each committed state.
/// Broken by: a stale worker that writes over a newer outcome (no fencing), a retry that starts from a copy in memory.
[[nodiscard]] Check status_moves_forward(const StatusTable& rows);

/// A commit that changes a claimed row without claiming it anew (with a greater token) is its owner's: of a session of
/// the host that `owner` names. Judged: each change of a claimed row; sessions that name no host are not. Broken by: an
/// outcome that is written without a fence (M. Kleppmann, "How to do distributed locking", 2016).
[[nodiscard]] Check only_the_owner_writes(const StatusTable& rows);

/// Each request to the provider is for a job that its sender holds: committed with the status `in_work` and the sender
/// as owner. And it says what the job says: each of `says` names a member of the body and the job's column. Judged:
/// each request that was sent. Broken by: sending from a list in memory, sending after the lease has ended, mixing up
/// two jobs.
[[nodiscard]] Check requests_are_of_held_jobs(const StatusTable& jobs, const Provider& provider,
                                              const std::string& in_work,
                                              const std::vector<std::pair<std::string, std::string>>& says);

/// A job that is given up (`dead`) was refused by the provider with 4xx (but 408 and 429), or was claimed `claims`
/// times. Judged: each job that was given up. Broken by: taking the first failure for the last.
[[nodiscard]] Check given_up_for_a_reason(const StatusTable& jobs, const Provider& provider, const std::string& dead,
                                          std::int64_t claims);

/// At the end each row is in a final status. Judged: each row that still exists.
/// Broken by: a claim that nobody takes over, an error that ends the loop, a retry without end.
[[nodiscard]] Check every_row_ends(const StatusTable& rows);

}  // namespace orrery
