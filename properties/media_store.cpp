#include "properties/media_store.hpp"

#include <fmt/format.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "properties/bodies.hpp"
#include "properties/media_events.hpp"
#include "properties/rows.hpp"

namespace orrery {
namespace {

constexpr std::string_view kAppend = "media-events POST /events";

/// One event in a request to append it.
struct Asked {
  const Event* received;
  std::int64_t version;  // that it expects to become
};
using Appends = std::map<std::string, std::vector<Asked>>;

/// By event id. A request that was delivered twice is here twice.
Appends appends_of(const HistoryIndex& index) {
  Appends appends;
  for (const Event* received : index.of(EventKind::request_received, kAppend)) {
    const Json body = parse_body(received->text);
    if (!body.is_object()) continue;
    std::int64_t version = body.value("expected_version", std::int64_t{-1});
    for (const Json& event : body.value("events", Json::array())) {
      appends[member_text(event, "id")].push_back({received, ++version});
    }
  }
  return appends;
}

/// A row of a read model as text, and the commits that it comes from.
struct Shown {
  std::string text;
  std::vector<EventId> commits;
};
using Model = std::map<std::string, Shown>;

/// What is shown, what should be, and when that is judged.
std::vector<EventId> evidence_of(EventId end, const Shown& one, const Shown& other = {}) {
  std::vector<EventId> evidence{end};
  for (const Shown* shown : {&one, &other}) evidence.insert(evidence.end(), shown->commits.begin(), shown->commits.end());
  return evidence;
}

void compare(Findings& findings, EventId end, std::string_view table, const Model& expected, const Model& found) {
  for (const auto& [key, said] : expected) {
    findings.examine();
    const auto row = found.find(key);
    if (row == found.end()) {
      findings.violate(fmt::format("{} missing", table), fmt::format("{} {} is missing: {}", table, short_id(key), said.text),
                       evidence_of(end, said));
    } else if (row->second.text != said.text) {
      findings.violate(fmt::format("{} differs", table),
                       fmt::format("{} {} is {}, and the events say {}", table, short_id(key), row->second.text, said.text),
                       evidence_of(end, row->second, said));
    }
  }
  for (const auto& [key, row] : found) {
    if (expected.contains(key)) continue;
    findings.examine();
    findings.violate(fmt::format("{} too many", table),
                     fmt::format("{} {} is {}, and the events know nothing of it", table, short_id(key), row.text),
                     evidence_of(end, row));
  }
}

template <class Text>
Model model_of(const HistoryIndex& index, std::string_view table, std::string_view key, const Text& text) {
  Model model;
  for (const auto& [id, life] : lives_of(index, table, key)) {
    if (life.last().exists) model[id] = {text(life.last().row()), last_commits_of(life)};
  }
  return model;
}

void compare_media(const HistoryIndex& index, Findings& findings) {
  struct Sums {
    std::int64_t media = 0, bytes = 0;
    std::vector<EventId> said;
  };
  Model media;
  std::map<std::string, Sums> sums;
  for (const auto& [id, fold] : media_folds_of(index)) {
    if (fold.status.empty()) continue;
    media[id] = {fmt::format("{} {} of {}, version {}", fold.status, fold.size, fold.owner, fold.version), {fold.said}};
    Sums& sum = sums[fold.owner];
    sum.said.push_back(fold.said);
    if (fold.is_gone()) continue;
    ++sum.media;
    sum.bytes += fold.size;
  }
  Model counters;
  for (const auto& [owner, sum] : sums) counters[owner] = {fmt::format("{} media, {} bytes", sum.media, sum.bytes), sum.said};
  compare(findings, index.end(), "media", media, model_of(index, "query_db.media", "id", [](const Row& row) {
            return fmt::format("{} {} of {}, version {}", cell(row, "status"), cell(row, "size"), cell(row, "owner"),
                               cell(row, "version"));
          }));
  compare(findings, index.end(), "owner_stats", counters, model_of(index, "query_db.owner_stats", "owner", [](const Row& row) {
            return fmt::format("{} media, {} bytes", cell(row, "media"), cell(row, "bytes"));
          }));
}

void compare_albums(const HistoryIndex& index, Findings& findings) {
  Model albums;
  Model contents;
  for (const auto& [id, fold] : album_folds_of(index)) {
    if (!fold.exists) continue;
    albums[id] = {fmt::format("{} of {}, version {}", fold.name, fold.owner, fold.version), {fold.said}};
    for (const std::string& media : fold.media) contents[id + "|" + media] = {"in", {fold.said}};
  }
  compare(findings, index.end(), "albums", albums, model_of(index, "album_db.albums", "id", [](const Row& row) {
            return fmt::format("{} of {}, version {}", cell(row, "name"), cell(row, "owner"), cell(row, "version"));
          }));
  compare(findings, index.end(), "album_media", contents,
          model_of(index, "album_db.album_media", "album_id,media_id", [](const Row&) { return std::string("in"); }));
}

void compare_notices(const HistoryIndex& index, Findings& findings) {
  Model notices;
  for (const MediaEvent& event : media_events_of(index).all) {
    if (event.type == "NotificationSent") notices[event.id] = {event.owner + " of " + event.saga_id, {event.commit->id}};
  }
  compare(findings, index.end(), "notices", notices, model_of(index, "notice_db.notices", "id", [](const Row& row) {
            return cell(row, "owner") + " of " + cell(row, "saga_id");
          }));
}

}  // namespace

Check versions_count_up() {
  return [](const HistoryIndex& index) {
    Findings findings;
    const MediaEvents& events = media_events_of(index);
    std::map<std::int64_t, const MediaEvent*> positions;
    for (const auto& [aggregate, stream] : events.by_aggregate) {
      std::int64_t expected = 0;
      for (const MediaEvent* event : stream) {
        findings.examine();
        ++expected;
        if (event->version == expected) continue;
        findings.violate("version", fmt::format("{} got version {} where {} was next", short_id(aggregate), event->version, expected),
                         {stream.front()->commit->id, event->commit->id});
        expected = event->version;
      }
    }
    for (const MediaEvent& event : events.all) {
      const auto [same, is_new] = positions.emplace(event.position, &event);
      if (is_new) continue;
      findings.violate("position", fmt::format("two events have the position {}", event.position),
                       {same->second->commit->id, event.commit->id});
    }
    for (const History::Change& change : events.rewritten) {
      findings.violate("rewritten", "an event was changed or removed", {change.commit->id});
    }
    return std::move(findings).verdict();
  };
}

Check stale_appends_are_refused() {
  return [](const HistoryIndex& index) {
    Findings findings;
    const MediaEvents& events = media_events_of(index);
    const Appends appends = appends_of(index);
    for (const MediaEvent& event : events.all) {
      findings.examine();
      const auto asked = appends.find(event.id);
      std::vector<EventId> evidence{event.commit->id};
      bool expected = false;
      if (asked != appends.end()) {
        for (const Asked& one : asked->second) {
          evidence.push_back(one.received->id);
          expected = expected || one.version == event.version;
        }
      }
      if (expected) continue;
      findings.violate("stale", fmt::format("{} became version {} of its aggregate, which no request expected", event.type, event.version),
                       std::move(evidence));
    }
    for (const Event* answered : index.of(EventKind::request_answered, kAppend)) {
      if (answered->number != 200 && answered->number != 201) continue;
      findings.examine();
      for (const Event* received : index.with_key(EventKind::request_received, answered->key)) {
        for (const Json& one : parse_body(received->text).value("events", Json::array())) {
          const auto stored = events.by_id.find(member_text(one, "id"));
          if (stored != events.by_id.end() && stored->second->commit->id < answered->id) continue;
          findings.violate("not stored", "an append was acknowledged, and its event is not stored", {received->id, answered->id});
        }
      }
    }
    return std::move(findings).verdict();
  };
}

Check rows_never_go_back() {
  return [](const HistoryIndex& index) {
    Findings findings;
    for (const char* table : {"query_db.media", "album_db.albums"}) {
      for (const auto& [id, life] : lives_of(index, table, "id")) {
        std::optional<std::int64_t> before;
        EventId commit = 0;
        for (const RowState& state : life.states) {
          if (!state.exists) {
            before.reset();
            continue;
          }
          findings.examine();
          const std::int64_t version = state.row()["version"].integer();
          if (before && version < *before) {
            findings.violate(std::string(table_of(table)),
                             fmt::format("row {} of {} went from version {} back to {}", short_id(id), table, *before, version),
                             {commit, state.commit->id});
          }
          before = version;
          commit = state.commit->id;
        }
      }
    }
    return std::move(findings).verdict();
  };
}

Check read_models_are_sums() {
  return [](const HistoryIndex& index) {
    Findings findings;
    compare_media(index, findings);
    compare_albums(index, findings);
    compare_notices(index, findings);
    return std::move(findings).verdict();
  };
}

Check reads_show_their_own() {
  return [](const HistoryIndex& index) {
    Findings findings;
    const std::map<std::string, MediaFold>& media = media_folds_of(index);
    const auto judge = [&](const Event& invoked, const Event& ended, const Json& shown, const std::string& user) {
      findings.examine();
      const std::string id = member_text(shown, "id");
      const auto fold = media.find(id);
      if (fold != media.end() && fold->second.owner == user) return;
      findings.violate("not theirs", fmt::format("{} was shown the medium {} of {}", user, short_id(id),
                                                 fold == media.end() ? "nobody" : fold->second.owner),
                       {invoked.id, ended.id});
    };
    for (const char* operation : {"get media", "list media"}) {
      for (const Event* ended : index.of(EventKind::operation_ended, operation)) {
        const HistoryIndex::Events& begun = index.with_key(EventKind::operation_invoked, ended->key);
        if (begun.empty()) continue;
        const Json arguments = parse_body(begun.front()->text);
        const Json answer = parse_body(ended->text);
        const std::string user = member_text(arguments, "user");
        if (ended->number == 200 && answer.contains("media") && answer["media"].is_array()) {
          for (const Json& one : answer["media"]) judge(*begun.front(), *ended, one, user);
        } else if (ended->number == 200) {
          judge(*begun.front(), *ended, answer, user);
        } else if (ended->number == 404 && !member_text(arguments, "at_least").empty()) {
          findings.examine();
          findings.violate("own write", fmt::format("{} was not shown the medium {} that they had just uploaded", user,
                                                    short_id(member_text(arguments, "id"))),
                           {begun.front()->id, ended->id});
        }
      }
    }
    return std::move(findings).verdict();
  };
}

}  // namespace orrery
