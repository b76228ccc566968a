#include "services/catalog.hpp"

#include "services/mail/mail_provider.hpp"
#include "services/notification/notification_service.hpp"
#include "services/notification/schema.hpp"
#include "services/user/schema.hpp"
#include "services/user/user_service.hpp"

namespace orrery::services {

std::vector<ServiceEntry> user_notification_services() {
  return {{"user", make_service<UserService>(), {"user_db"}},
          {"notification", make_service<NotificationService>(), {"notification_db"}},
          {"mail", make_service<MailProvider>(), {}}};
}

std::vector<DefectEntry> user_notification_defects() {
  return {
      // The outbox and its relay.
      {"in-flight-lower-id-skipped", 1,
       "The relay goes on with the next id after the last published one, past rows that were not committed yet.",
       "every outbox row is published"},
      {"skip-locked-breaks-key-order", 6,
       "The relay claims any due row, so a later event of a user overtakes an earlier one that is in work.",
       "events of a user are published in order"},
      {"drain-before-persist", 10,
       "The event is published from within the transaction that stores it, before the commit.",
       "every broker message is a committed outbox row"},
      {"parallel-batch-reorders", 11, "The relay publishes all pending events of a user at the same time.",
       "events of a user are published in order"},
      {"terminal-give-up", 15, "After three failed publishes a row becomes failed, and nobody reads it again.",
       "every outbox row is published"},
      {"dual-write", 17, "The request publishes its event itself after the commit, and a failure is only logged.",
       "every outbox row is published"},
      {"database-blip-ends-relay", 46, "The first database error ends the relay's loop; the process lives on.",
       "every outbox row is published"},
      {"marks-before-confirm", 0,
       "The row is marked published before the broker has confirmed, and stays so if it never does.",
       "published means the broker stored it before"},
      // Requests and idempotency keys.
      {"check-then-act-key", 23,
       "The key is looked up before the work and stored after it, so two requests at once both do the work.",
       "a repeated request gets the same answer"},
      {"loser-gets-5xx", 24, "A taken e-mail address surfaces as 503, which asks the client to try again.",
       "requests succeed once faults are healed"},
      {"retry-after-ambiguous-commit", 32,
       "When the answer to COMMIT is lost the whole body runs again, past the key and with an upsert that seems to "
       "make it harmless.",
       "users and user.created outbox rows correspond"},
      // The consumer.
      {"clones-processed-concurrently", 26,
       "The inbox is read before the work and written after it, so two copies at once both make a job.",
       "an event makes at most one job per channel"},
      {"dedup-window-expiry", 28, "The inbox forgets a message after five seconds, before its last redelivery.",
       "an event makes at most one job per channel"},
      {"dedup-eats-retry", 29,
       "The inbox row is committed before the work, so the redelivery after a failure is dropped as a duplicate.",
       "every published event has its job"},
      {"skip-on-error", 63, "A message whose work fails is logged and acknowledged.",
       "a consumer acknowledges only what it has committed"},
      {"ack-before-work", 70, "The message is acknowledged first and processed then.",
       "a consumer acknowledges only what it has committed"},
      {"ack-deadline-shorter-than-work", 72,
       "The ack deadline is 1 ms, less than the work takes: acknowledgements come too late and messages come again "
       "until they are put aside.",
       "only poison is dead-lettered"},
      // The sender.
      {"sent-but-never-marked", 14,
       "The update after a send looks for the job in a state it has left, so the job is sent again for ever.",
       "a job is sent at most once beyond its ambiguous attempts"},
      {"rescue-of-live-job", 43, "A job without news for half a second is taken over although its sender is alive.",
       "a job is sent at most once beyond its ambiguous attempts"},
      {"no-fencing", 47,
       "A sender writes its outcome without a fencing token, also after its lease ended and another has sent the job.",
       "job status moves forward only"},
      {"step-failure-swallowed", 60, "A failed call to the provider counts as sent.",
       "a job marked sent was accepted by the provider"},
  };
}

std::string database_schema(std::string_view database, std::string_view defect) {
  if (database == "user_db") return kUserSchema;
  CHECK(database == "notification_db", "a database of the user/notification system");
  return notification_schema(Twin(std::string(defect)));
}

}  // namespace orrery::services
