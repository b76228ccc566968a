#pragma once

#include <map>
#include <string>

#include "runtime/context.hpp"
#include "services/mediahub/event_client.hpp"
#include "services/mediahub/support.hpp"
#include "services/patterns/projection.hpp"

namespace orrery::services {

/// An inbox of notices for each user. Sending is an event of the user's (NotificationSent); the inbox is its read model, in
/// "notice_db"; which notices were read is kept beside it, and outlives a rebuild.
///   POST /notifications {owner, media_id, saga_id, text}   internal: 200, once per saga
///   GET /notifications?unread=true                          {notifications}
///   PUT /notifications/{id}/read                            200
class NoticeService : public Service {
 public:
  explicit NoticeService(Context& context);

 private:
  NoticeService(Context& context, Settings settings);
  Task<Response> send(Request request);
  Task<Response> list(Request request);
  Task<Response> mark_read(Request request);
  Task<void> apply(Transaction& tx, StoredEvent event);
  Task<void> clear(Transaction& tx);

  Context& context_;
  Twin twin_;
  Callers callers_;
  Duration request_limit_;
  Database& db_;
  EventClient events_;
  Projection projection_;
  std::map<std::string, std::int64_t> versions_;  // of users: where the next append is likely to fit
};

}  // namespace orrery::services
