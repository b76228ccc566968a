#include "properties/outbox.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "properties/bodies.hpp"
#include "properties/percentile.hpp"
#include "properties/rows.hpp"

namespace orrery {
namespace {

/// One event's row, from its first commit to its last.
struct OutboxRow {
  const Event* inserted = nullptr;
  const Event* published = nullptr;  // the first commit with the status; null: never
  const Event* ended = nullptr;      // the commit of the last state
  bool removed = false;
  bool lost = false;  // removed, but by nobody: the database lost the commit that made it
  std::string aggregate_id;
  std::string event_type;
  std::string payload;
  std::string status;  // the last one
  std::int64_t version = 0;
};
using OutboxRows = std::map<std::string, OutboxRow, std::less<>>;

const OutboxRows& outbox_rows(const HistoryIndex& index, const OutboxTable& outbox) {
  return index.shared<OutboxRows>("outbox " + outbox.table, [&](const HistoryIndex& of) {
    OutboxRows rows;
    for (const auto& [event_id, life] : lives_of(of, outbox.table, outbox.event_id)) {
      const RowState* newest = life.last_existing();
      if (newest == nullptr) continue;
      OutboxRow row;
      row.inserted = life.first().commit;
      row.ended = life.last().commit;
      row.removed = !life.last().exists;
      row.lost = row.removed && takes_back(*life.last().commit);
      row.aggregate_id = cell(newest->row(), outbox.aggregate_id);
      row.event_type = cell(newest->row(), outbox.event_type);
      row.payload = cell(newest->row(), outbox.payload);
      row.status = cell(newest->row(), outbox.status);
      row.version = newest->row()[outbox.aggregate_version].integer();
      for (const RowState& state : life.states) {
        if (!state.exists || cell(state.row(), outbox.status) != outbox.published) continue;
        row.published = state.commit;
        break;
      }
      rows.emplace(event_id, std::move(row));
    }
    return rows;
  });
}

/// The first event of a kind about a message of the topic; null: none.
const Event* first_about(const HistoryIndex& index, EventKind kind, const std::string& topic,
                         const std::string& message) {
  for (const Event* event : index.with_key(kind, message)) {
    if (event->subject == topic) return event;
  }
  return nullptr;
}

/// What was done to publish an event, until an event of the run.
std::vector<EventId> attempts_to_publish(const HistoryIndex& index, const OutboxTable& outbox,
                                         const std::string& event_id,
                                         EventId until = std::numeric_limits<EventId>::max()) {
  std::vector<EventId> found;
  for (const EventKind kind : {EventKind::publish_started, EventKind::message_stored, EventKind::publish_confirmed,
                               EventKind::publish_failed}) {
    for (const Event* event : index.with_key(kind, event_id)) {
      if (event->subject == outbox.topic && event->id <= until) found.push_back(event->id);
    }
  }
  return found;
}

bool says(const Json& body, const Json& payload) {
  if (body.is_discarded() || payload.is_discarded()) return false;
  return body == payload || (body.is_object() && body.contains("payload") && body["payload"] == payload);
}

/// Calls `apply(change)` for all changes of both tables of a commit, then `judge(commit)`, commit by commit.
template <class Apply, class Judge>
void commit_by_commit(const HistoryIndex& index, const std::string& left, const std::string& right, const Apply& apply,
                      const Judge& judge) {
  const HistoryIndex::Changes& lefts = index.committed(left);
  const HistoryIndex::Changes& rights = index.committed(right);
  auto l = lefts.begin();
  auto r = rights.begin();
  while (l != lefts.end() || r != rights.end()) {
    const bool left_is_next = r == rights.end() || (l != lefts.end() && l->commit->id <= r->commit->id);
    const Event* commit = left_is_next ? l->commit : r->commit;
    for (; l != lefts.end() && l->commit == commit; ++l) apply(*l->row, true);
    for (; r != rights.end() && r->commit == commit; ++r) apply(*r->row, false);
    judge(*commit);
  }
}

/// Walks through all committed states of the aggregates and their events, and judges those that a commit touched.
struct Correspondence {
  struct Aggregate {
    bool stored = false;
    std::int64_t version = 0;
    std::int64_t creations = 0;  // events of the creation
    std::int64_t events = 0;
    std::map<std::int64_t, std::int64_t> versions;  // how many events have it
    std::vector<EventId> commits;                   // those that made it what it is
    bool reported = false;
  };
  const OutboxTable& outbox;
  const AggregateTable& tables;
  std::map<std::string, Aggregate, std::less<>> aggregates;
  std::set<std::string, std::less<>> touched;

  Aggregate& touch(std::string id) { return aggregates[*touched.insert(std::move(id)).first]; }

  void count_event(const Row& row, std::int64_t sign) {
    Aggregate& aggregate = touch(cell(row, outbox.aggregate_id));
    if (cell(row, outbox.event_type) == tables.created_type) aggregate.creations += sign;
    aggregate.events += sign;
    const std::int64_t version = row[outbox.aggregate_version].integer();
    if ((aggregate.versions[version] += sign) == 0) aggregate.versions.erase(version);
  }

  void apply(const RowChange& change, bool is_aggregate) {
    if (!is_aggregate) {
      if (change.operation == RowOperation::insert) count_event(change.new_row(), 1);
      const bool lost =
          change.operation == RowOperation::remove && cell(change.old_row(), outbox.status) != outbox.published;
      if (lost) count_event(change.old_row(), -1);
      return;
    }
    if (change.operation == RowOperation::remove) {
      touch(cell(change.old_row(), tables.id)).stored = false;
      return;
    }
    Aggregate& aggregate = touch(cell(change.new_row(), tables.id));
    aggregate.stored = true;
    aggregate.version = change.new_row()[tables.version].integer();
  }

  template <class Judge>
  Verdict run(const HistoryIndex& index, const Judge& judge) {
    Findings findings;
    commit_by_commit(
        index, tables.table, outbox.table,
        [&](const RowChange& change, bool is_aggregate) { apply(change, is_aggregate); },
        [&](const Event& commit) {
          for (const std::string& id : touched) {
            Aggregate& aggregate = aggregates[id];
            aggregate.commits.push_back(commit.id);
            findings.examine();
            if (aggregate.reported) continue;
            const std::size_t before = findings.count();
            judge(findings, id, aggregate, commit);
            aggregate.reported = findings.count() != before;
          }
          touched.clear();
        });
    return std::move(findings).verdict();
  }
};

}  // namespace

Check aggregates_match_their_creation(const OutboxTable& outbox, const AggregateTable& aggregates) {
  return [outbox, aggregates](const HistoryIndex& index) {
    Correspondence walk{outbox, aggregates, {}, {}};
    return walk.run(index, [&](Findings& findings, const std::string& id, const Correspondence::Aggregate& aggregate,
                               const Event& commit) {
      const auto violate = [&](std::string_view shape, std::string_view sentence) {
        findings.violate(shape,
                         fmt::format("{} {} {} {} after transaction {}", aggregates.name, short_id(id), sentence,
                                     aggregates.created_type, commit.number),
                         aggregate.commits);
      };
      if (aggregate.stored && aggregate.creations == 0) violate("row without event", "is stored without its event");
      if (!aggregate.stored && aggregate.creations > 0) violate("event without row", "is not stored, but has an event");
      if (aggregate.creations > 1) violate("several events", "has more than one event");
    });
  };
}

Check every_change_has_its_event(const OutboxTable& outbox, const AggregateTable& aggregates) {
  return [outbox, aggregates](const HistoryIndex& index) {
    Correspondence walk{outbox, aggregates, {}, {}};
    return walk.run(index, [&](Findings& findings, const std::string& id, const Correspondence::Aggregate& aggregate,
                               const Event& commit) {
      if (!aggregate.stored) return;  // what an event without a row means is said by the other check
      const std::int64_t newest = aggregate.versions.empty() ? 0 : aggregate.versions.rbegin()->first;
      const auto distinct = static_cast<std::int64_t>(aggregate.versions.size());
      if (aggregate.events == distinct && distinct == newest && newest == aggregate.version) return;
      const std::string state = fmt::format("{} {} is at version {} after transaction {}", aggregates.name,
                                            short_id(id), aggregate.version, commit.number);
      for (std::int64_t version = 1; version <= aggregate.version; ++version) {
        const auto found = aggregate.versions.find(version);
        const std::int64_t events = found == aggregate.versions.end() ? 0 : found->second;
        if (events == 1) continue;
        return findings.violate(events == 0 ? "version without event" : "version with several events",
                                fmt::format("{}, but version {} has {} events", state, version, events),
                                aggregate.commits);
      }
      findings.violate("event of a version that is not stored",
                       fmt::format("{}, but there is an event of version {}", state, newest), aggregate.commits);
    });
  };
}

Check events_say_what_aggregates_were(const OutboxTable& outbox, const AggregateTable& aggregates,
                                      const Sayings& says) {
  return [outbox, aggregates, says](const HistoryIndex& index) {
    Findings findings;
    const RowLives& lives = lives_of(index, aggregates.table, aggregates.id);
    for (const auto& [event_id, row] : outbox_rows(index, outbox)) {
      const auto life = lives.find(row.aggregate_id);
      if (life == lives.end()) continue;
      const auto state = std::ranges::find(life->second.states, row.inserted, &RowState::commit);
      if (state == life->second.states.end() || !state->exists ||
          state->row()[aggregates.version].integer() != row.version) {
        continue;
      }
      findings.examine();
      const Json payload = parse_body(row.payload);
      const bool wrapped = payload.is_object() && payload.contains("payload");
      for (const auto& [member, column] : says) {
        const std::string said = member_text(wrapped ? payload["payload"] : payload, member.c_str());
        const std::string was = cell(state->row(), column);
        if (said == was) continue;
        findings.violate(
            fmt::format("another {}", member),
            fmt::format("event {} says {} '{}', but {} {} had {} '{}' at version {}", short_id(event_id), member, said,
                        aggregates.name, short_id(row.aggregate_id), column, was, row.version),
            {row.inserted->id});
        break;
      }
    }
    return std::move(findings).verdict();
  };
}

Check published_means_stored(const OutboxTable& outbox) {
  return [outbox](const HistoryIndex& index) {
    Findings findings;
    for (const auto& [event_id, row] : outbox_rows(index, outbox)) {
      if (row.published == nullptr) continue;
      findings.examine();
      const auto violate = [&, &event_id = event_id, &row = row](std::string_view shape, std::string_view sentence) {
        std::vector<EventId> evidence = attempts_to_publish(index, outbox, event_id);
        evidence.insert(evidence.end(), {row.inserted->id, row.published->id});
        findings.violate(shape,
                         fmt::format("event {} was committed as {} by transaction {}, but {}", short_id(event_id),
                                     outbox.published, row.published->number, sentence),
                         std::move(evidence));
      };
      const Event* stored = first_about(index, EventKind::message_stored, outbox.topic, event_id);
      const Event* confirmed = first_about(index, EventKind::publish_confirmed, outbox.topic, event_id);
      if (stored == nullptr) {
        violate("never stored", "the broker never stored it");
      } else if (stored->id > row.published->id) {
        violate("stored only afterwards", "the broker stored it only afterwards");
      } else if (confirmed == nullptr || confirmed->id > row.published->id) {
        violate("not confirmed", "no publisher had been told that the broker stored it");
      }
    }
    return std::move(findings).verdict();
  };
}

Check messages_are_committed_events(const OutboxTable& outbox) {
  return [outbox](const HistoryIndex& index) {
    Findings findings;
    const OutboxRows& rows = outbox_rows(index, outbox);
    for (const Event* stored : index.of(EventKind::message_stored, outbox.topic)) {
      findings.examine();
      const auto found = rows.find(stored->key);
      if (found == rows.end()) {
        findings.violate("no row",
                         fmt::format("message {} was stored in {}, but no such event was ever committed",
                                     short_id(stored->key), outbox.topic),
                         attempts_to_publish(index, outbox, stored->key));
        continue;
      }
      const OutboxRow& row = found->second;
      if (row.inserted->id > stored->id) {
        findings.violate("committed only afterwards",
                         fmt::format("message {} was stored in {} before transaction {} committed its event",
                                     short_id(stored->key), outbox.topic, row.inserted->number),
                         {stored->id, row.inserted->id});
        continue;
      }
      if (stored->text == row.payload || says(parse_body(stored->text), parse_body(row.payload))) continue;
      findings.violate("another payload",
                       fmt::format("message {} was stored in {} with another payload than the committed event",
                                   short_id(stored->key), outbox.topic),
                       {row.inserted->id, stored->id});
    }
    return std::move(findings).verdict();
  };
}

Check events_are_stored_in_order(const OutboxTable& outbox) {
  return [outbox](const HistoryIndex& index) {
    Findings findings;
    const OutboxRows& rows = outbox_rows(index, outbox);
    struct Aggregate {
      std::set<std::string, std::less<>> seen;
      std::int64_t newest = 0;
      EventId newest_stored = 0;
      bool reported = false;
    };
    std::map<std::string, Aggregate, std::less<>> aggregates;
    for (const Event* stored : index.of(EventKind::message_stored, outbox.topic)) {
      const auto found = rows.find(stored->key);
      if (found == rows.end()) continue;  // messages_are_committed_events says so
      const OutboxRow& row = found->second;
      if (row.lost) continue;  // the database does not know that there was such a version, and gives it anew
      Aggregate& aggregate = aggregates[row.aggregate_id];
      if (!aggregate.seen.insert(stored->key).second) continue;
      findings.examine();
      const std::int64_t before = aggregate.newest;
      const EventId before_stored = aggregate.newest_stored;
      if (row.version > aggregate.newest) {
        aggregate.newest = row.version;
        aggregate.newest_stored = stored->id;
      }
      if (aggregate.reported) continue;
      if (stored->detail != row.aggregate_id) {
        aggregate.reported = true;
        findings.violate("wrong ordering key",
                         fmt::format("event {} of aggregate {} was published with ordering key '{}'",
                                     short_id(stored->key), short_id(row.aggregate_id), short_id(stored->detail)),
                         {row.inserted->id, stored->id});
      } else if (row.version != before + 1) {
        aggregate.reported = true;
        std::string after = before == 0 ? "before any other" : fmt::format("after version {}", before);
        std::vector<EventId> evidence = attempts_to_publish(index, outbox, stored->key, stored->id);
        evidence.insert(evidence.end(), {row.inserted->id, before_stored, stored->id});
        for (const auto& [other_id, other] : rows) {  // the one that should have come
          if (other.aggregate_id != row.aggregate_id || other.version != before + 1) continue;
          evidence.push_back(other.inserted->id);
          const std::vector<EventId> attempts = attempts_to_publish(index, outbox, other_id, stored->id);
          evidence.insert(evidence.end(), attempts.begin(), attempts.end());
        }
        findings.violate(row.version > before ? "passed over a version" : "older after newer",
                         fmt::format("event {} of aggregate {} has version {}, but was stored {}",
                                     short_id(stored->key), short_id(row.aggregate_id), row.version, after),
                         std::move(evidence));
      }
    }
    return std::move(findings).verdict();
  };
}

Check every_event_is_published(const OutboxTable& outbox) {
  return [outbox](const HistoryIndex& index) {
    Findings findings;
    for (const auto& [event_id, row] : outbox_rows(index, outbox)) {
      if (row.lost) continue;
      findings.examine();
      if (row.status == outbox.published) continue;
      std::vector<EventId> evidence = attempts_to_publish(index, outbox, event_id);
      evidence.insert(evidence.end(), {row.inserted->id, row.ended->id, row.removed ? 0 : index.end()});
      findings.violate(row.removed ? "removed" : row.status,
                       row.removed ? fmt::format("event {} was removed while {}", short_id(event_id), row.status)
                                   : fmt::format("event {} is still {} at the end", short_id(event_id), row.status),
                       std::move(evidence));
    }
    return std::move(findings).verdict();
  };
}

Check publish_lag_p95_is_within(const OutboxTable& outbox, Duration bound) {
  return [outbox, bound](const HistoryIndex& index) {
    const Instant from = index.healed_at() == Instant::max() ? Instant::min() : index.healed_at();
    struct Wait {
      Duration lag;
      const std::string* event_id;
      const OutboxRow* row;
    };
    std::vector<Wait> waits;
    std::vector<Duration> lags;
    for (const auto& [event_id, row] : outbox_rows(index, outbox)) {
      if (row.lost) continue;
      const Instant until = row.published != nullptr ? row.published->at : index.end_at();
      if (until < from) continue;
      waits.push_back({until - std::max(row.inserted->at, from), &event_id, &row});
      lags.push_back(waits.back().lag);
    }
    Findings findings;
    findings.examine(static_cast<std::int64_t>(lags.size()));
    const Duration p95 = percentile(std::move(lags), 95);
    if (p95 > bound) {
      const Wait& slowest =
          *std::max_element(waits.begin(), waits.end(), [](const Wait& a, const Wait& b) { return a.lag < b.lag; });
      std::vector<EventId> evidence = attempts_to_publish(index, outbox, *slowest.event_id);
      for (const Event* healed : index.of(EventKind::phase, "healed")) evidence.push_back(healed->id);
      const bool published = slowest.row->published != nullptr;
      evidence.insert(evidence.end(),
                      {slowest.row->inserted->id, published ? slowest.row->published->id : index.end()});
      findings.violate("lag",
                       fmt::format("95% of {} events were published within {} only, not within {}; the slowest is {}",
                                   waits.size(), to_string(p95), to_string(bound), short_id(*slowest.event_id)),
                       std::move(evidence));
    }
    return std::move(findings).verdict();
  };
}

}  // namespace orrery
