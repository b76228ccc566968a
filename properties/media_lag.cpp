// How far the readers of MediaHub's events are behind.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "properties/media_events.hpp"
#include "properties/media_store.hpp"
#include "properties/outages.hpp"
#include "properties/rows.hpp"
#include "runtime/controls.hpp"

namespace orrery {
namespace {

constexpr std::string_view kStore = "media-events";
constexpr std::string_view kStoreDatabase = "event_db";

struct Reader {
  std::string_view service;
  std::string_view database;
};
constexpr std::array<Reader, 4> kReaders = {{{"media-query", "query_db"},
                                             {"media-album", "album_db"},
                                             {"media-notification", "notice_db"},
                                             {"media-saga", "saga_db"}}};

/// "media-query" of "media-query-2".
std::string_view service_of(std::string_view host) { return host.substr(0, host.rfind('-')); }

/// The host has a part in bringing events to the reader; "*" is everybody.
bool takes_part(std::string_view host, const Reader& reader) {
  if (host == "*" || host == reader.database || host == kStoreDatabase) return true;
  return service_of(host) == reader.service || service_of(host) == kStore;
}

bool strikes(std::string_view target, const Reader& reader) {
  const std::size_t middle = target.find_first_of(">|");
  if (middle == std::string_view::npos) return takes_part(target, reader);
  return takes_part(target.substr(0, middle), reader) && takes_part(target.substr(middle + 1), reader);
}

struct Period {
  Instant from;
  Instant to;
};

/// When somebody was struck who brings events to the reader, in the order in which it began.
std::vector<Period> troubles_of(const HistoryIndex& index, const Reader& reader) {
  std::vector<Period> troubles;
  for (const Outages::Fault& fault : outages_of(index).faults) {
    const std::optional<FaultKind> kind = fault_kind(fault.kind);
    if (!kind || !is_episode(*kind) || *kind == FaultKind::idle_transaction || !strikes(fault.target, reader)) continue;
    const Event* over = index.history().find(fault.span.to);
    troubles.push_back({fault.injected->at, over != nullptr ? over->at : index.end_at()});
  }
  std::ranges::sort(troubles, {}, &Period::from);
  return troubles;
}

/// There was a time without trouble, as long as this, in a period.
bool was_quiet(const std::vector<Period>& troubles, Period during, Duration as_long) {
  Instant quiet_since = during.from;
  for (const Period& trouble : troubles) {
    if (trouble.from >= during.to) break;
    if (trouble.from - quiet_since >= as_long) return true;
    quiet_since = std::max(quiet_since, trouble.to);
  }
  return during.to - quiet_since >= as_long;
}

/// How far a reader had come, and by which commit; both grow. What a rebuild reads again it had read.
struct Progress {
  std::int64_t position;
  const Event* commit;
};

std::vector<Progress> progress_of(const RowLife& checkpoint) {
  std::vector<Progress> progress;
  for (const RowState& state : checkpoint.states) {
    const std::int64_t position = state.exists ? state.row()["position"].integer() : 0;
    if (progress.empty() || position > progress.back().position) progress.push_back({position, state.commit});
  }
  return progress;
}

void judge(const HistoryIndex& index, const Reader& reader, const std::vector<Progress>& progress, Duration bound,
           Findings& findings) {
  const std::vector<Period> troubles = troubles_of(index, reader);
  for (const MediaEvent& event : media_events_of(index).all) {
    findings.examine();
    const auto read = std::ranges::lower_bound(progress, event.position, {}, &Progress::position);
    const Event* until = read == progress.end() ? nullptr : read->commit;
    const Period waits{event.commit->at, until == nullptr ? index.end_at() : until->at};
    if (!was_quiet(troubles, waits, bound)) continue;
    std::vector<EventId> evidence{event.commit->id, until == nullptr ? index.end() : until->id};
    for (const Outages::Fault& fault : outages_of(index).faults) {
      const bool is_idle = fault.kind == to_string(FaultKind::idle_transaction) && fault.target == kStoreDatabase;
      if (is_idle && fault.span.overlaps({event.commit->id, evidence[1]})) evidence.push_back(fault.injected->id);
    }
    const std::string what = fmt::format("{} of {}", event.type, short_id(event.aggregate_id));
    const auto took = std::chrono::round<std::chrono::milliseconds>(waits.to - waits.from);
    findings.violate(reader.service,
                     until == nullptr ? fmt::format("{} never came to {}", what, reader.database)
                                      : fmt::format("{} took {} to come to {}", what, to_string(took), reader.database),
                     std::move(evidence));
  }
}

}  // namespace

Check readers_keep_up(Duration bound) {
  return [bound](const HistoryIndex& index) {
    Findings findings;
    for (const Reader& reader : kReaders) {
      const RowLives& checkpoints = lives_of(index, std::string(reader.database) + ".feed_checkpoints", "name");
      for (const auto& [name, life] : checkpoints) judge(index, reader, progress_of(life), bound, findings);
      if (checkpoints.empty()) judge(index, reader, {}, bound, findings);
    }
    return std::move(findings).verdict();
  };
}

}  // namespace orrery
