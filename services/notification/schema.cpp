#include "services/notification/schema.hpp"

namespace orrery::services {
namespace {

constexpr const char* kTables = R"sql(
CREATE TABLE processed_messages (
  consumer     text NOT NULL,
  message_id   uuid NOT NULL,
  processed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (consumer, message_id)
);

CREATE TABLE notification_jobs (
  id                 bigserial PRIMARY KEY,
  correlation_id     uuid NOT NULL,        -- the event's id
  user_id            uuid NOT NULL,
  channel            text NOT NULL DEFAULT 'email',
  destination        text NOT NULL,
  template           text NOT NULL,
  variables          jsonb NOT NULL DEFAULT '{}',
  status             text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'sending', 'sent', 'dead')),
  attempts           int NOT NULL DEFAULT 0,  -- begun
  ambiguous_attempts int NOT NULL DEFAULT 0,  -- of them, it is not known whether the mail was sent
  rejected_attempts  int NOT NULL DEFAULT 0,  -- of them, refused by the provider for good
  retry_count        int NOT NULL DEFAULT 0,
  next_attempt_at    timestamptz NOT NULL DEFAULT now(),
  claimed_by         text,
  claim_token        bigint NOT NULL DEFAULT 0,  -- fencing: grows with each claim
  claimed_until      timestamptz,
  error_reason       text,
  traceparent        text,                 -- of the event's message, for whoever sends
  created_at         timestamptz NOT NULL DEFAULT now(),
  updated_at         timestamptz NOT NULL DEFAULT now(),
  sent_at            timestamptz,
  CHECK ((status = 'sent') = (sent_at IS NOT NULL))
);
CREATE INDEX notification_jobs_open ON notification_jobs (next_attempt_at, id) WHERE status IN ('queued', 'sending');
)sql";

constexpr const char* kOneJobPerEventAndChannel =
    "CREATE UNIQUE INDEX notification_jobs_once ON notification_jobs (correlation_id, channel);\n";

}  // namespace

std::string notification_schema(const Twin& twin) {
  // twin: clones-processed-concurrently, dedup-window-expiry. The inbox is thought to be enough.
  const bool inbox_alone = twin.is("clones-processed-concurrently") || twin.is("dedup-window-expiry");
  return inbox_alone ? std::string(kTables) : std::string(kTables) + kOneJobPerEventAndChannel;
}

}  // namespace orrery::services
