#include "services/mediahub/catalog.hpp"

#include "services/mediahub/album_service.hpp"
#include "services/mediahub/event_service.hpp"
#include "services/mediahub/frontend.hpp"
#include "services/mediahub/gateway.hpp"
#include "services/mediahub/media_command.hpp"
#include "services/mediahub/media_query.hpp"
#include "services/mediahub/notice_service.hpp"
#include "services/mediahub/schema.hpp"
#include "services/mediahub/upload_saga.hpp"

namespace orrery::services {

std::vector<ServiceEntry> mediahub_services() {
  return {{"media-gateway", make_service<Gateway>(), {}},
          {"media-command", make_service<MediaCommand>(), {}},
          {"media-query", make_service<MediaQuery>(), {"query_db"}},
          {"media-album", make_service<AlbumService>(), {"album_db"}},
          {"media-events", make_service<EventService>(), {"event_db"}},
          {"media-saga", make_service<UploadSaga>(), {"saga_db"}},
          {"media-notification", make_service<NoticeService>(), {"notice_db"}}};
}

std::vector<ServiceEntry> mediahub_pages() { return {{"media-frontend", make_service<Frontend>(), {}}}; }

std::vector<std::string> mediahub_databases() { return {"event_db", "query_db", "album_db", "saga_db", "notice_db"}; }

std::vector<DefectEntry> mediahub_defects() {
  return {
      // The event store.
      {"in-flight-lower-id-skipped", 1,
       "Positions come from a sequence, so a later event can appear before an earlier one, and readers pass that by.",
       "every upload gets its saga"},
      {"watermark-stalled", 4,
       "Positions are the ids of transactions, and readers wait until no older transaction runs any more, whoever's it is.",
       "no reader of the events falls behind"},
      {"max-plus-one-version", 61, "The server gives an event the next version, however old the decision behind it is.",
       "an append at a stale version is refused"},
      {"dual-write", 17, "An upload whose event cannot be stored is acknowledged all the same; the error is only logged.",
       "an acknowledged upload has its event"},
      // Projections.
      {"skip-on-error", 63, "An event that cannot be applied is logged and left out, and the checkpoint moves on.",
       "each service's read model is the sum of the events"},
      {"checkpoint-not-atomic", 64,
       "The read model is committed first and the checkpoint after it, and the counters trust that an event comes once.",
       "each service's read model is the sum of the events"},
      {"no-version-guard", 66, "An event is applied without a look at what the row, or the checkpoint, has seen already.",
       "each service's read model is the sum of the events"},
      // The saga.
      {"database-blip-ends-worker", 46, "The first database error ends the worker's loop; the process lives on.",
       "every saga ends"},
      {"no-fencing", 47, "A worker writes without its fencing token, also after its lease ended and another went on.",
       "a saga only moves along its graph"},
      {"reply-before-state-saved", 50,
       "An event is taken in only if its step is already known to wait for it; one that is faster is dropped.",
       "every saga ends"},
      {"compensate-while-forward-runs", 51,
       "Making a thumbnail goes on when its caller has given up, and does not look whether the medium was disabled meanwhile.",
       "a step that was undone does not happen later"},
      {"compensation-leaves-no-fence", 0,
       "Undoing a step that has not happened yet does nothing, and a step goes on when its caller has given up.",
       "a saga is completed as a whole or undone as a whole"},
      {"empty-rollback-loops", 53, "Undoing a step that never happened is an error, which is tried again for ever.",
       "every saga ends"},
      {"compensation-cancelled-with-its-scope", 55,
       "The compensation of a step whose time ran out is cut off with it, and counts as done.",
       "a saga only moves along its graph"},
      {"out-of-order-event-faults", 56, "An event for a saga that does not run any more is an error, which holds up the feed.",
       "every upload gets its saga"},
      {"two-sagas-per-trigger", 57, "Nothing says that an upload has one saga: what is delivered twice starts two.",
       "an upload starts one saga"},
      {"no-op-compensation", 59, "The compensation looks for the medium under the saga's id, finds none and reports success.",
       "a saga is completed as a whole or undone as a whole"},
      {"step-failure-swallowed", 60, "A step that failed counts as done.",
       "a saga is completed as a whole or undone as a whole"},
      {"saga-skips-on-error", 63, "An event that cannot be taken in is logged and left out, and the saga's feed goes on.",
       "every upload gets its saga"},
      {"token-refused-by-skew", 90, "A token is refused if it is not valid yet by the clock of whoever looks at it.",
       "a valid token is never refused"},
      {"notice-under-a-new-id", 0, "Each request to notify makes a notice with an id of its own.",
       "a saga sends one notice"},
  };
}

std::string mediahub_schema(std::string_view database, std::string_view defect) {
  const Twin twin{std::string(defect)};
  if (database == "event_db") return event_store_schema(twin);
  if (database == "saga_db") return saga_schema(twin) + kCheckpointSchema;
  if (database == "query_db") return std::string(kMediaSchema) + kCheckpointSchema;
  if (database == "album_db") return std::string(kAlbumSchema) + kCheckpointSchema;
  CHECK(database == "notice_db", "a database of MediaHub");
  return std::string(kNoticeSchema) + kCheckpointSchema;
}

}  // namespace orrery::services
