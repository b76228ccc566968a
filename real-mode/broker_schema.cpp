#include "real-mode/broker.hpp"

namespace orrery::real {
namespace {

constexpr const char* kTables = R"sql(
CREATE TABLE orrery_messages (
  message_offset bigserial PRIMARY KEY,
  topic          text NOT NULL,
  id             text NOT NULL,
  key            text NOT NULL,
  body           text NOT NULL,
  attributes     jsonb NOT NULL,
  stored_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX orrery_messages_of_topic ON orrery_messages (topic, message_offset);

CREATE TABLE orrery_groups (
  topic             text NOT NULL,
  name              text NOT NULL,
  ack_deadline      interval NOT NULL,
  retry_delay       interval NOT NULL,
  max_deliveries    int NOT NULL,
  dead_letter_topic text NOT NULL,
  PRIMARY KEY (topic, name)
);

-- What a group has to do with a message. Open: ready or in work; settled and dead stay so.
CREATE TABLE orrery_deliveries (
  topic          text NOT NULL,
  group_name     text NOT NULL,
  message_offset bigint NOT NULL REFERENCES orrery_messages,
  key            text NOT NULL,
  state          text NOT NULL DEFAULT 'ready' CHECK (state IN ('ready', 'in_work', 'settled', 'dead')),
  attempts       int NOT NULL DEFAULT 0,
  due_at         timestamptz NOT NULL DEFAULT clock_timestamp(),  -- ready: not before; in work: until then
  PRIMARY KEY (topic, group_name, message_offset)
);
CREATE INDEX orrery_deliveries_open ON orrery_deliveries (topic, group_name, message_offset)
  WHERE state IN ('ready', 'in_work');
CREATE INDEX orrery_deliveries_by_key ON orrery_deliveries (topic, group_name, key, message_offset)
  WHERE state IN ('ready', 'in_work');
)sql";

// Storing a message locks its topic against new groups, which would miss it or get it twice, and its key against other
// publishers: otherwise a later offset could become visible first, and be delivered first.
constexpr const char* kFunctions = R"sql(
CREATE FUNCTION orrery_publish(of_topic text, message_id text, message_key text, message_body text, message_attributes jsonb)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  stored bigint;
BEGIN
  PERFORM pg_advisory_xact_lock_shared(hashtextextended(of_topic, 1));
  IF message_key <> '' THEN
    PERFORM pg_advisory_xact_lock(hashtextextended(of_topic || ' ' || message_key, 2));
  END IF;
  INSERT INTO orrery_messages (topic, id, key, body, attributes)
    VALUES (of_topic, message_id, message_key, message_body, message_attributes)
    RETURNING message_offset INTO stored;
  INSERT INTO orrery_deliveries (topic, group_name, message_offset, key)
    SELECT of_topic, name, stored, message_key FROM orrery_groups WHERE topic = of_topic;
  PERFORM pg_notify('orrery_broker', of_topic);
  RETURN stored;
END $$;

CREATE FUNCTION orrery_subscribe(of_topic text, of_group text, ack_within interval, again_after interval,
                                 deliveries int, dead_topic text)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(of_topic, 1));
  INSERT INTO orrery_groups VALUES (of_topic, of_group, ack_within, again_after, deliveries, dead_topic)
    ON CONFLICT (topic, name) DO UPDATE SET ack_deadline = ack_within, retry_delay = again_after,
      max_deliveries = deliveries, dead_letter_topic = dead_topic;
  INSERT INTO orrery_deliveries (topic, group_name, message_offset, key)
    SELECT of_topic, of_group, m.message_offset, m.key FROM orrery_messages m WHERE m.topic = of_topic
    ON CONFLICT DO NOTHING;
END $$;

-- Gives up on a delivery: a copy of the message is stored in the dead letter topic.
CREATE FUNCTION orrery_bury(of_topic text, of_group text, at_offset bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE orrery_deliveries SET state = 'dead'
    WHERE topic = of_topic AND group_name = of_group AND message_offset = at_offset AND state IN ('ready', 'in_work');
  IF FOUND THEN
    PERFORM orrery_publish(g.dead_letter_topic, m.id, m.key, m.body, m.attributes)
      FROM orrery_groups g, orrery_messages m
      WHERE g.topic = of_topic AND g.name = of_group AND m.message_offset = at_offset;
    PERFORM pg_notify('orrery_broker', of_topic);
  END IF;
END $$;

-- Takes up to `many` messages into work: those that are due (if ready: for `held_back` already), and the first of their key
-- that is open.
CREATE FUNCTION orrery_claim(of_topic text, of_group text, many int, held_back interval)
RETURNS TABLE (claimed bigint, attempt int, id text, key text, body text, attributes jsonb) LANGUAGE plpgsql AS $$
DECLARE
  settings orrery_groups;
  spent bigint;
BEGIN
  SELECT * INTO settings FROM orrery_groups g WHERE g.topic = of_topic AND g.name = of_group;
  FOR spent IN
    SELECT d.message_offset FROM orrery_deliveries d
      WHERE d.topic = of_topic AND d.group_name = of_group AND d.state IN ('ready', 'in_work')
        AND d.due_at <= clock_timestamp() AND d.attempts >= settings.max_deliveries
      ORDER BY d.message_offset LIMIT 100 FOR UPDATE SKIP LOCKED
  LOOP
    PERFORM orrery_bury(of_topic, of_group, spent);
  END LOOP;
  RETURN QUERY
    WITH due AS (
      SELECT d.message_offset FROM orrery_deliveries d
        WHERE d.topic = of_topic AND d.group_name = of_group AND d.state IN ('ready', 'in_work')
          AND d.due_at + CASE d.state WHEN 'ready' THEN held_back ELSE interval '0' END <= clock_timestamp()
          AND (d.key = '' OR NOT EXISTS (
            SELECT 1 FROM orrery_deliveries e
              WHERE e.topic = of_topic AND e.group_name = of_group AND e.key = d.key
                AND e.message_offset < d.message_offset AND e.state IN ('ready', 'in_work')))
        ORDER BY d.message_offset LIMIT many FOR UPDATE OF d SKIP LOCKED),
    taken AS (
      UPDATE orrery_deliveries d
        SET state = 'in_work', attempts = d.attempts + 1, due_at = clock_timestamp() + settings.ack_deadline
        FROM due WHERE d.topic = of_topic AND d.group_name = of_group AND d.message_offset = due.message_offset
        RETURNING d.message_offset, d.attempts)
    SELECT m.message_offset, t.attempts, m.id, m.key, m.body, m.attributes
      FROM taken t JOIN orrery_messages m ON m.message_offset = t.message_offset ORDER BY m.message_offset;
END $$;

CREATE FUNCTION orrery_acknowledge(of_topic text, of_group text, at_offset bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE orrery_deliveries SET state = 'settled'
    WHERE topic = of_topic AND group_name = of_group AND message_offset = at_offset AND state IN ('ready', 'in_work');
END $$;

CREATE FUNCTION orrery_refuse(of_topic text, of_group text, at_offset bigint, of_attempt int)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  tried int;
BEGIN
  UPDATE orrery_deliveries d SET state = 'ready', due_at = clock_timestamp() + g.retry_delay
    FROM orrery_groups g
    WHERE g.topic = of_topic AND g.name = of_group AND d.topic = of_topic AND d.group_name = of_group
      AND d.message_offset = at_offset AND d.state = 'in_work' AND d.attempts = of_attempt
    RETURNING d.attempts - g.max_deliveries INTO tried;
  IF tried >= 0 THEN
    PERFORM orrery_bury(of_topic, of_group, at_offset);
  END IF;
END $$;
)sql";

}  // namespace

std::vector<std::string> broker_migrations() { return {kTables, kFunctions}; }

}  // namespace orrery::real
