#include "services/mediahub/schema.hpp"

namespace orrery::services {

const char* const kMediaSchema = R"sql(
CREATE TABLE media (
  id           uuid PRIMARY KEY,
  owner        text NOT NULL,
  filename     text NOT NULL,
  content_type text NOT NULL,
  size         bigint NOT NULL,
  status       text NOT NULL CHECK (status IN ('uploaded', 'processed', 'failed', 'deleted', 'compensated')),
  thumbnail    text,
  version      bigint NOT NULL,            -- of the last event that is in this row
  position     bigint NOT NULL             -- of its first event: the order of the list
);
CREATE INDEX media_of_owner ON media (owner, position);

CREATE TABLE owner_stats (
  owner text PRIMARY KEY,
  media bigint NOT NULL,                   -- neither deleted nor compensated
  bytes bigint NOT NULL
);
)sql";

const char* const kAlbumSchema = R"sql(
CREATE TABLE albums (
  id         uuid PRIMARY KEY,
  owner      text NOT NULL,
  name       text NOT NULL,
  is_default boolean NOT NULL,
  version    bigint NOT NULL               -- of the last event that is in this row
);
CREATE INDEX albums_of_owner ON albums (owner, name);

CREATE TABLE album_media (
  album_id uuid NOT NULL,
  media_id uuid NOT NULL,
  PRIMARY KEY (album_id, media_id)
);
)sql";

const char* const kNoticeSchema = R"sql(
CREATE TABLE notices (
  id       uuid PRIMARY KEY,               -- of the event
  owner    text NOT NULL,
  media_id uuid NOT NULL,
  saga_id  uuid NOT NULL,
  text     text NOT NULL,
  position bigint NOT NULL
);
CREATE INDEX notices_of_owner ON notices (owner, position);

CREATE TABLE notice_reads (
  notice_id uuid PRIMARY KEY,              -- without a foreign key: it outlives a rebuild
  read_at   timestamptz NOT NULL DEFAULT now()
);
)sql";

}  // namespace orrery::services
