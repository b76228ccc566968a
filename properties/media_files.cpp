// Files of MediaHub, and what its clients were told.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "properties/bodies.hpp"
#include "properties/media_events.hpp"
#include "properties/media_sagas.hpp"
#include "properties/rows.hpp"

namespace orrery {
namespace {

/// "5c0e…" of "uploads/5c0e…/ab12" and of "thumbnails/5c0e…/thumbnail".
std::string media_of(std::string_view path) {
  const std::size_t first = path.find('/');
  if (first == std::string_view::npos) return {};
  path.remove_prefix(first + 1);
  return std::string(path.substr(0, path.find('/')));
}

bool is_gone(const MediaEvent& event) { return event.type == "MediaDeleted" || event.type == "MediaCompensated"; }

const Event* invocation_of(const HistoryIndex& index, const Event& ended) {
  for (const Event* invoked : index.with_key(EventKind::operation_invoked, ended.key)) {
    if (invoked->subject == ended.subject) return invoked;
  }
  return nullptr;
}

Check tokens(const std::string& valid_is_refused, bool valid) {
  return [valid_is_refused, valid](const HistoryIndex& index) {
    Findings findings;
    for (const Event* ended : index.of(EventKind::operation_ended)) {
      const Event* invoked = invocation_of(index, *ended);
      if (invoked == nullptr || ended->number == 0 || ended->number >= 500) continue;
      const std::string token = member_text(parse_body(invoked->text), "token");
      if (token.empty() || (token == "valid") != valid) continue;
      findings.examine();
      if ((ended->number == 401) != valid) continue;
      findings.violate(valid_is_refused, fmt::format("'{}' with a token that is {} was answered {}", ended->subject, token, ended->number),
                       {invoked->id, ended->id});
    }
    return std::move(findings).verdict();
  };
}

}  // namespace

Check named_files_exist(const std::string& store) {
  return [store](const HistoryIndex& index) {
    Findings findings;
    struct File {
      EventId written = 0;
      std::int64_t bytes = 0;
    };
    struct Named {
      const MediaEvent* by;
      bool upload;
    };
    std::map<std::string, File> there;
    std::map<std::string, Named> named;
    std::map<const Event*, std::vector<const MediaEvent*>> commits;  // lookup only
    for (const MediaEvent& event : media_events_of(index).all) commits[event.commit].push_back(&event);
    const auto missing = [&](const std::string& path, const MediaEvent& by, EventId proof) {
      findings.violate(by.type, fmt::format("{} of {} names {}, which is not there", by.type, short_id(by.media_id), path),
                       {by.commit->id, proof});
    };
    std::set<std::string> gone;
    for (const Event& event : index.history().events()) {
      if (event.kind == EventKind::file_written && event.subject == store) {
        there[event.key] = {event.id, event.number};
      } else if (event.kind == EventKind::file_removed && event.subject == store) {
        there.erase(event.key);
        const auto use = named.find(event.key);
        if (use != named.end()) missing(event.key, *use->second.by, event.id);
      } else if (event.kind == EventKind::transaction_committed) {
        const auto of_commit = commits.find(&event);
        if (of_commit == commits.end()) continue;
        for (const MediaEvent* one : of_commit->second) {
          if (is_gone(*one)) {
            gone.insert(one->media_id);
            std::erase_if(named, [one](const auto& use) { return use.second.by->media_id == one->media_id; });
          }
          const bool upload = one->type == "MediaUploaded";
          const std::string path = member_text(one->data, upload ? "file" : "thumbnail");
          if (path.empty() || gone.contains(one->media_id)) continue;
          findings.examine();
          named[path] = {one, upload};
          const auto file = there.find(path);
          if (file == there.end()) {
            missing(path, *one, 0);
          } else if (upload && file->second.bytes != one->data.value("size", std::int64_t{-1})) {
            findings.violate("size", fmt::format("{} has {} bytes", path, file->second.bytes), {file->second.written, one->commit->id});
          }
        }
      }
    }
    return std::move(findings).verdict();
  };
}

Check no_file_is_left_behind(const std::string& store, Duration patience) {
  return [store, patience](const HistoryIndex& index) {
    Findings findings;
    std::map<std::string, const Event*> there;
    for (const Event& event : index.history().events()) {
      if (event.subject != store) continue;
      if (event.kind == EventKind::file_written) there[event.key] = &event;
      if (event.kind == EventKind::file_removed) there.erase(event.key);
    }
    std::map<std::string, const MediaEvent*> gone;
    for (const MediaEvent& event : media_events_of(index).all) {
      if (!is_gone(event)) continue;
      findings.examine();
      gone.emplace(event.media_id, &event);
    }
    for (const auto& [path, written] : there) {
      findings.examine();
      const auto end = gone.find(media_of(path));
      if (end == gone.end()) continue;
      if (index.end_at() - std::max(end->second->commit->at, written->at) < patience) continue;
      findings.violate(path.substr(0, path.find('/')), fmt::format("{} is left of a medium that is gone", path),
                       {written->id, end->second->commit->id, index.end()});
    }
    return std::move(findings).verdict();
  };
}

Check acknowledged_is_stored_as_event() {
  return [](const HistoryIndex& index) {
    Findings findings;
    const MediaEvents& events = media_events_of(index);
    for (const Event* ended : index.of(EventKind::operation_ended)) {
      const bool uploads = ended->subject == "upload media" && ended->number == 201;
      const bool deletes = ended->subject == "delete media" && ended->number == 200;
      const Event* invoked = uploads || deletes ? invocation_of(index, *ended) : nullptr;
      if (invoked == nullptr) continue;
      findings.examine();
      const Json arguments = parse_body(invoked->text);
      const std::string id = uploads ? member_text(parse_body(ended->text), "id") : member_text(arguments, "id");
      const bool stored = std::ranges::any_of(events.of("Media " + id), [&](const MediaEvent* event) {
        if (event->commit->id > ended->id) return false;
        if (deletes) return is_gone(*event);
        return event->type == "MediaUploaded" && event->owner == member_text(arguments, "user") &&
               member_text(event->data, "sha256") == member_text(arguments, "sha256");
      });
      if (stored) continue;
      findings.violate(ended->subject, fmt::format("'{}' of {} was acknowledged, and no event says so", ended->subject, short_id(id)),
                       {invoked->id, ended->id});
    }
    return std::move(findings).verdict();
  };
}

Check owners_asked_for_it() {
  return [](const HistoryIndex& index) {
    Findings findings;
    std::map<std::string, EventId> asked;
    for (const Event* invoked : index.of(EventKind::operation_invoked)) {
      const Json arguments = parse_body(invoked->text);
      const std::string user = member_text(arguments, "user");
      if (member_text(arguments, "token") != "valid") continue;
      if (invoked->subject == "upload media") asked.emplace(user + " uploads " + member_text(arguments, "sha256"), invoked->id);
      if (invoked->subject == "create album") asked.emplace(user + " creates " + member_text(arguments, "name"), invoked->id);
    }
    for (const MediaEvent& event : media_events_of(index).all) {
      const bool uploaded = event.type == "MediaUploaded";
      const bool created = event.type == "AlbumCreated" && member_text(event.data, "default") != "true";
      if (!uploaded && !created) continue;
      findings.examine();
      const std::string what = uploaded ? " uploads " + member_text(event.data, "sha256") : " creates " + member_text(event.data, "name");
      const auto by = asked.find(event.owner + what);
      if (by != asked.end() && by->second < event.commit->id) continue;
      findings.violate(event.type, fmt::format("{} never asked for what {} says", event.owner, event.type), {event.commit->id});
    }
    return std::move(findings).verdict();
  };
}

Check valid_tokens_are_taken() { return tokens("refused", true); }
Check other_tokens_are_refused() { return tokens("taken", false); }

}  // namespace orrery
