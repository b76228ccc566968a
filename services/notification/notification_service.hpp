#pragma once

#include <string>

#include "runtime/context.hpp"
#include "services/notification/mail_sender.hpp"
#include "services/notification/user_event.hpp"
#include "services/patterns/inbox.hpp"
#include "services/patterns/retry.hpp"
#include "services/patterns/twin.hpp"

namespace orrery::services {

/// The notification service: makes one job of each event of "user.events" and sends the jobs as mails.
///
///   consumes user.events, group "notification"; dead letters in "user.events.dead"
///   GET /jobs?status=   → 200 {jobs}: the newest hundred of a status, "dead" by default
///   GET /healthz        → 200
///
/// A message is acknowledged only after its inbox row and its job were committed together (see Inbox). While the
/// database is away the handler waits and tries again within the ack deadline, so that an outage does not use up the
/// deliveries of good messages. Poison is refused until the broker puts it aside. Event types that ask for no mail are
/// noted and acknowledged.
class NotificationService final : public Service {
 public:
  /// Throws SettingsError.
  explicit NotificationService(Context& context);

 private:
  NotificationService(Context& context, Settings settings);

  /// Returning acknowledges, throwing asks for the message again.
  Task<void> on_message(Delivery& delivery);
  Task<void> process(const Message& message);
  Task<void> store(const UserEvent& event);
  Task<void> store_without_transaction(const UserEvent& event);
  Task<void> swallow(Delivery& delivery);
  Task<Response> list_jobs(Request request);

  Context& context_;
  Database& db_;
  Twin twin_;
  Duration ack_deadline_;
  RetryPolicy retry_;
  Inbox inbox_;
  MailSender sender_;
};

}  // namespace orrery::services
