#include "tests/properties/media_script.hpp"

namespace orrery::testing {
namespace {

constexpr const char* kGraph =
    R"({"saga":"upload","nodes":[{"id":"start","kind":"start"},{"id":"thumbnail","kind":"step"},{"id":"undo thumbnail","kind":"compensation"},)"
    R"({"id":"album","kind":"pivot"},{"id":"undo album","kind":"compensation"},{"id":"notify","kind":"step"},)"
    R"({"id":"completed","kind":"end"},{"id":"compensated","kind":"end"}],"edges":[]})";

std::string about(const std::string& saga) { return R"({"owner": "ada", "media_id": "m1", "saga_id": ")" + saga + R"("})"; }

}  // namespace

Hub& Hub::asks(const std::string& operation, const std::string& arguments, std::int64_t status, const std::string& answer,
               const std::string& token) {
  const std::string id = "op-" + std::to_string(++asked_);
  ask(operation, id, R"({"user": "ada", "token": ")" + token + "\"" + (arguments.empty() ? "" : ", " + arguments) + "}");
  Script::told(operation, id, status, answer);
  return *this;
}

Hub& Hub::event(const std::string& type, const std::string& aggregate, const std::string& data, int version) {
  const char* kind = type.find("Album") != std::string::npos ? "Album" : type == "NotificationSent" ? "User" : "Media";
  int& last = versions_[kind + aggregate];
  last = version == 0 ? last + 1 : version;
  ++events_;
  put("events", {{"position", events_},
                 {"id", "e" + std::to_string(events_)},
                 {"aggregate_type", kind},
                 {"aggregate_id", aggregate},
                 {"version", last},
                 {"event_type", type},
                 {"data", data}});
  return write("event_db");
}

Hub& Hub::append(const std::string& request, int expected) {
  add(EventKind::request_received, "media-events-1", "media-events POST /events", request, 0,
      R"({"expected_version": )" + std::to_string(expected) + R"(, "events": [{"id": "e)" + std::to_string(events_ + 1) + R"("}]})");
  return *this;
}

Hub& Hub::answer(const std::string& request, std::int64_t status) {
  add(EventKind::request_answered, "media-events-1", "media-events POST /events", request, status);
  return *this;
}

Hub& Hub::uploaded(const std::string& medium) {
  return event("MediaUploaded", medium,
               R"({"owner": "ada", "filename": "cat", "content_type": "image/png", "size": 3, "sha256": "abc", "file": "uploads/)" + medium +
                   R"(/f"})");
}
Hub& Hub::processed(const std::string& medium) {
  return event("MediaProcessed", medium, R"({"owner": "ada", "thumbnail": "thumbnails/)" + medium + R"(/thumbnail", "saga_id": "s1"})");
}
Hub& Hub::compensated(const std::string& medium) {
  return event("MediaCompensated", medium, R"({"owner": "ada", "reason": "full", "saga_id": "s1"})");
}
Hub& Hub::album(const std::string& album, const std::string& owner) {
  return event("AlbumCreated", album, R"({"owner": ")" + owner + R"(", "name": "all", "default": true})");
}
Hub& Hub::added(const std::string& saga) { return event("MediaAddedToAlbum", "a1", about(saga)); }
Hub& Hub::removed(const std::string& saga) {
  return event("MediaRemovedFromAlbum", "a1", R"({"owner": "ada", "media_id": "m1", "compensation": true, "saga_id": ")" + saga + R"("})");
}
Hub& Hub::notified(const std::string& saga) { return event("NotificationSent", "ada", about(saga)); }

Hub& Hub::writes_file(const std::string& path, std::int64_t bytes) {
  add(EventKind::file_written, "media_files", "media_files", path, bytes);
  return *this;
}
Hub& Hub::removes_file(const std::string& path) {
  add(EventKind::file_removed, "media_files", "media_files", path);
  return *this;
}

Hub& Hub::starts(const std::string& saga, const std::string& medium) {
  if (saga == "s1") {
    put("saga_declarations", {{"name", "upload"}, {"graph", kGraph}});
    write("saga_db");
  }
  put("sagas", {{"id", saga}, {"name", "upload"}, {"business_key", medium}, {"input", "{}"}, {"state", "running"}, {"reason", ""}, {"escalated", false}});
  for (const char* name : {"thumbnail", "album", "notify"}) {
    put("saga_steps", {{"key", saga + name}, {"saga_id", saga}, {"name", name}, {"state", "pending"}, {"attempts", 0}, {"undo_attempts", 0}, {"last_error", ""}});
  }
  return write("saga_db");
}

Hub& Hub::turns(const std::string& state, const std::string& saga) {
  change("sagas", saga, {{"state", state}});
  return write("saga_db");
}

Hub& Hub::step(const std::string& name, const std::string& state, int attempts, int undos, const std::string& host) {
  change("saga_steps", "s1" + name, {{"state", state}, {"attempts", attempts}, {"undo_attempts", undos}});
  commit("saga_db", host + ".1#1");
  return *this;
}

Hub& Hub::told(const std::string& step, const std::string& outcome) {
  put("saga_signals", {{"key", "s1" + step + outcome}, {"saga_id", "s1"}, {"step", step}, {"outcome", outcome}});
  return write("saga_db");
}

Hub& Hub::does(const std::string& name) {
  step(name, "running");
  if (name == "thumbnail") processed();
  if (name == "album") added();
  if (name == "notify") notified();
  return told(name).step(name, "done");
}

Hub& Hub::completes() {
  return writes_file().uploaded().starts().album().does("thumbnail").does("album").does("notify").turns("completed");
}

Hub& Hub::undoes() {
  writes_file().uploaded().starts().album().does("thumbnail");
  step("album", "running").step("album", "timed_out").turns("compensating");
  step("album", "compensating", 1, 1).removed().step("album", "compensated", 1, 1);
  step("thumbnail", "compensating", 1, 1).compensated().removes_file().step("thumbnail", "compensated", 1, 1);
  return turns("compensated");
}

Hub& Hub::shows_medium(const std::string& status, int version, int media) {
  const Cells changes = {{"status", status}, {"version", version}};
  const Cells counters = {{"media", media}, {"bytes", 3 * media}};
  if (shows_) {
    change("media", "m1", changes).change("owner_stats", "ada", counters);
  } else {
    put("media", {{"id", "m1"}, {"owner", "ada"}, {"size", 3}, {"status", status}, {"version", version}});
    put("owner_stats", {{"owner", "ada"}, {"media", media}, {"bytes", 3 * media}});
  }
  shows_ = true;
  return write("query_db");
}

Hub& Hub::shows_album(int version) {
  put("albums", {{"id", "a1"}, {"owner", "ada"}, {"name", "all"}, {"version", version}});
  put("album_media", {{"album_id", "a1"}, {"media_id", "m1"}});
  return write("album_db");
}

Hub& Hub::shows_notice(const std::string& id, const std::string& saga) {
  put("notices", {{"id", id}, {"owner", "ada"}, {"saga_id", saga}});
  return write("notice_db");
}

Hub& Hub::reads(const std::string& database) {
  if (reads_[database]) {
    change("feed_checkpoints", database, {{"position", events_}});
  } else {
    put("feed_checkpoints", {{"name", database}, {"position", events_}});
  }
  reads_[database] = true;
  return write(database);
}

}  // namespace orrery::testing
