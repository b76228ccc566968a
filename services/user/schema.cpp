#include "services/user/schema.hpp"

namespace orrery::services {

const char* const kUserSchema = R"sql(
CREATE TABLE users (
  id         uuid PRIMARY KEY,
  email      text NOT NULL,                -- in lower case, so that the constraint compares without case
  name       text NOT NULL,
  version    int NOT NULL DEFAULT 1 CHECK (version > 0),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT users_email_key UNIQUE (email),
  CHECK (position('@' in email) > 1)
);
CREATE INDEX users_by_age ON users (created_at, id);

CREATE TABLE outbox_events (
  seq_id            bigserial PRIMARY KEY,
  event_id          uuid NOT NULL UNIQUE,
  aggregate_id      uuid NOT NULL,
  aggregate_version int NOT NULL CHECK (aggregate_version > 0),
  event_type        text NOT NULL,
  payload           jsonb NOT NULL,        -- the whole event, as it is published
  version           int NOT NULL DEFAULT 1,
  occurred_at       timestamptz NOT NULL DEFAULT now(),
  published_at      timestamptz,
  status            text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'published', 'failed')),
  error_reason      text,
  attempts          int NOT NULL DEFAULT 0,
  next_attempt_at   timestamptz NOT NULL DEFAULT now(),
  claimed_by        text,
  claim_token       bigint NOT NULL DEFAULT 0,  -- fencing: grows with each claim
  claimed_until     timestamptz,
  CONSTRAINT outbox_events_in_order UNIQUE (aggregate_id, aggregate_version),
  CHECK ((status = 'published') = (published_at IS NOT NULL))
);
CREATE INDEX outbox_events_pending ON outbox_events (seq_id) WHERE status = 'pending';

CREATE TABLE idempotency_keys (
  scope          text NOT NULL,
  key            text NOT NULL CHECK (char_length(key) <= 255),
  request_hash   bytea NOT NULL,
  locked_at      timestamptz DEFAULT now(),
  recovery_point text NOT NULL DEFAULT 'started',
  response_code  int,
  response_body  jsonb,
  created_at     timestamptz NOT NULL DEFAULT now(),
  expires_at     timestamptz NOT NULL DEFAULT now() + interval '24 hours',
  PRIMARY KEY (scope, key)
);
)sql";

}  // namespace orrery::services
