#include "properties/effects.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "properties/bodies.hpp"
#include "properties/outages.hpp"
#include "properties/requests.hpp"
#include "properties/rows.hpp"

namespace orrery {
namespace {

bool contains(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

/// The hosts that commit to the database: its servers.
std::set<std::string_view> servers_of(const HistoryIndex& index, std::string_view database) {
  std::set<std::string_view> servers{database};
  for (const Event* commit : index.of(EventKind::transaction_committed, database)) servers.insert(commit->host);
  return servers;
}

/// Faults that keep a statement from being executed, or let it come too late: after the lease, by the database's clock.
bool hinders_database(std::string_view kind) {
  constexpr std::string_view kKinds[] = {"partition",     "one_way_partition", "drop",     "delay",      "slow_link",
                                         "slow_database", "kill_session",      "deadlock", "clock_jump", "clock_drift",
                                         "read_only_database", "connection_limit", "disk_full"};
  return kind.starts_with("break_") || std::find(std::begin(kKinds), std::end(kKinds), kind) != std::end(kKinds);
}

/// Whether something outside of the service's will kept an outcome from being committed between the answer to a send
/// and the job's next attempt.
class Excuses {
 public:
  Excuses(const HistoryIndex& index, std::string_view database)
      : index_(index), outages_(outages_of(index)), database_(database), servers_(servers_of(index, database)) {}

  /// `in_work`: from the send to the next one; `to_commit`: the part of it in which the outcome could be committed.
  [[nodiscard]] bool excuse(std::string_view host, EventSpan in_work, EventSpan to_commit) const {
    return outages_.was_down(host, in_work) || outages_.was_paused(host, in_work) ||
           commit_went_wrong(host, to_commit) || database_was_away(host, to_commit);
  }

 private:
  [[nodiscard]] bool commit_went_wrong(std::string_view host, EventSpan span) const {
    for (const EventKind kind : {EventKind::commit_failed, EventKind::commit_unknown}) {
      for (const Event* event : index_.of(kind, database_)) {
        if (event->host == host && span.overlaps({event->id, event->id})) return true;
      }
    }
    return false;
  }

  [[nodiscard]] bool database_was_away(std::string_view host, EventSpan span) const {
    for (const std::string_view server : servers_) {
      if (outages_.was_down(server, span) || outages_.was_paused(server, span)) return true;
      for (const Outages::Fault& fault : outages_.faults) {
        if (!fault.span.overlaps(span)) continue;
        if (hinders_database(fault.kind) && (fault.target == server || strikes_link(fault.target, host, server))) {
          return true;
        }
      }
    }
    return false;
  }

  const HistoryIndex& index_;
  const Outages& outages_;
  std::string_view database_;
  std::set<std::string_view> servers_;
};

/// The commit that left the job done, if it came within the span; null: none.
const Event* marked_done(const RowLives& lives, const StatusTable& jobs, const std::string& job, EventSpan span) {
  const auto life = lives.find(job);
  if (life == lives.end()) return nullptr;
  for (const RowState& state : life->second.states) {
    const bool within = span.overlaps({state.commit->id, state.commit->id});
    if (within && state.exists && cell(state.row(), jobs.status) == jobs.done) return state.commit;
  }
  return nullptr;
}

}  // namespace

Check sent_once_beyond_ambiguous_attempts(const StatusTable& jobs, const Provider& provider) {
  return [jobs, provider](const HistoryIndex& index) {
    Findings findings;
    const RowLives& lives = lives_of(index, jobs.table, jobs.id);
    const Excuses excuses(index, database_of(jobs.table));
    for (const auto& [job, sends] : sends_of(index, provider).by_job) {
      findings.examine(static_cast<std::int64_t>(sends.size()));
      for (std::size_t i = 0; i + 1 < sends.size(); ++i) {
        const Send& send = sends[i];
        const Send& next = sends[i + 1];
        if (!send.succeeded()) continue;
        const EventSpan in_work{send.sent->id, next.sent->id};
        const Event* marked = marked_done(lives, jobs, job, in_work);
        // An answer that came only after the next attempt had begun: the holder had lost the job while it was alive.
        const bool overtaken = send.ended->id > next.sent->id;
        const EventSpan to_commit = overtaken ? in_work : EventSpan{send.ended->id, next.sent->id};
        if (marked == nullptr && excuses.excuse(send.sent->host, in_work, to_commit)) continue;
        const char* shape = marked != nullptr ? "sent again after it was done"
                            : overtaken       ? "sent again while the first was in work"
                                              : "outcome never committed";
        std::vector<EventId> evidence{send.sent->id, send.ended->id, next.sent->id};
        if (next.ended != nullptr) evidence.push_back(next.ended->id);
        if (const auto life = lives.find(job); life != lives.end()) {
          for (const RowState& state : life->second.states) {
            if (in_work.overlaps({state.commit->id, state.commit->id})) evidence.push_back(state.commit->id);
          }
        }
        findings.violate(shape,
                         fmt::format("{} {} was sent by {}, answered {}, and then sent again by {}{}", jobs.name,
                                     short_id(job), send.sent->host, send.ended->number, next.sent->host,
                                     marked != nullptr ? fmt::format(", although it was {}", jobs.done)
                                     : overtaken       ? ", which did not wait for the answer"
                                                       : ", though nothing kept the outcome from being committed"),
                         std::move(evidence));
        break;
      }
    }
    return std::move(findings).verdict();
  };
}

Check done_means_accepted(const StatusTable& jobs, const Provider& provider) {
  return [jobs, provider](const HistoryIndex& index) {
    Findings findings;
    const Sends& sends = sends_of(index, provider);
    for (const auto& [job, life] : lives_of(index, jobs.table, jobs.id)) {
      const auto done = std::find_if(life.states.begin(), life.states.end(), [&](const RowState& state) {
        return state.exists && cell(state.row(), jobs.status) == jobs.done;
      });
      if (done == life.states.end()) continue;
      findings.examine();
      const auto accepted = sends.accepted.find(job);
      if (accepted != sends.accepted.end() && accepted->second.front()->id < done->commit->id) continue;
      std::vector<EventId> evidence{done->commit->id};
      const auto attempts = sends.by_job.find(job);
      if (attempts != sends.by_job.end()) {
        for (const Send& send : attempts->second) {
          evidence.push_back(send.sent->id);
          if (send.ended != nullptr) evidence.push_back(send.ended->id);
        }
      }
      const bool later = accepted != sends.accepted.end();
      findings.violate(later ? "accepted only afterwards" : "never accepted",
                       fmt::format("{} {} was committed as {} by transaction {}, but {}", jobs.name, short_id(job),
                                   jobs.done, done->commit->number,
                                   later ? "was accepted only afterwards" : "no request for it was ever accepted"),
                       std::move(evidence));
    }
    return std::move(findings).verdict();
  };
}

Check status_moves_forward(const StatusTable& rows) {
  return [rows](const HistoryIndex& index) {
    Findings findings;
    for (const auto& [id, life] : lives_of(index, rows.table, rows.id)) {
      const RowState* before = nullptr;
      for (const RowState& state : life.states) {
        if (!state.exists || takes_back(*state.commit)) {
          before = state.exists ? &state : nullptr;
          continue;
        }
        findings.examine();
        const Row row = state.row();
        const std::string status = cell(row, rows.status);
        const std::vector<EventId> evidence{before != nullptr ? before->commit->id : 0, state.commit->id};
        const auto violate = [&, &id = id](std::string_view shape, std::string_view sentence) {
          findings.violate(shape, fmt::format("{} {} {}", rows.name, short_id(id), sentence), evidence);
        };
        const std::string from = before == nullptr ? std::string() : cell(before->row(), rows.status);
        const bool allowed = before == nullptr
                                 ? contains(rows.initial, status)
                                 : status == from || std::find(rows.steps.begin(), rows.steps.end(),
                                                               std::pair(from, status)) != rows.steps.end();
        if (!allowed) {
          violate(fmt::format("{} to {}", before == nullptr ? "nothing" : from, status),
                  before == nullptr ? fmt::format("began as {}", status)
                                    : fmt::format("went from {} back to {}", from, status));
          break;
        }
        if ((status == rows.done) == row[rows.done_at].is_null()) {
          violate(fmt::format("{} does not fit", rows.done_at),
                  fmt::format("is {} {} {}", status, status == rows.done ? "without" : "with", rows.done_at));
          break;
        }
        if (!rows.token.empty() && before != nullptr &&
            row[rows.token].integer() < before->row()[rows.token].integer()) {
          violate("smaller token", fmt::format("went from {} {} back to {}", rows.token,
                                               cell(before->row(), rows.token), cell(row, rows.token)));
          break;
        }
        const auto changed = std::find_if(rows.constant.begin(), rows.constant.end(), [&](const std::string& column) {
          return before != nullptr && !(row[column] == before->row()[column]);
        });
        if (changed != rows.constant.end()) {
          violate(fmt::format("another {}", *changed), fmt::format("got another {}", *changed));
          break;
        }
        before = &state;
      }
    }
    return std::move(findings).verdict();
  };
}

Check only_the_owner_writes(const StatusTable& rows) {
  return [rows](const HistoryIndex& index) {
    Findings findings;
    for (const auto& [id, life] : lives_of(index, rows.table, rows.id)) {
      for (std::size_t i = 1; i < life.states.size(); ++i) {
        const RowState& before = life.states[i - 1];
        const RowState& after = life.states[i];
        if (!before.exists || before.row()[rows.owner].is_null() || takes_back(*after.commit)) continue;
        if (after.commit->key.find('#') == std::string::npos) continue;
        findings.examine();
        const bool claimed_anew =
            after.exists && after.row()[rows.token].integer() > before.row()[rows.token].integer();
        const std::string owner = cell(before.row(), rows.owner);
        const std::string_view writer = host_of_session(after.commit->key);
        if (claimed_anew || writer == owner) continue;
        findings.violate(
            "another writer",
            fmt::format("{} {} was written by {} while {} held it", rows.name, short_id(id), writer, owner),
            {before.commit->id, after.commit->id});
        break;
      }
    }
    return std::move(findings).verdict();
  };
}

Check requests_are_of_held_jobs(const StatusTable& jobs, const Provider& provider, const std::string& in_work,
                                const std::vector<std::pair<std::string, std::string>>& says) {
  return [jobs, provider, in_work, says](const HistoryIndex& index) {
    Findings findings;
    const RowLives& lives = lives_of(index, jobs.table, jobs.id);
    for (const auto& [job, sends] : sends_of(index, provider).by_job) {
      const auto life = lives.find(job);
      for (const Send& send : sends) {
        findings.examine();
        const RowState* held = nullptr;  // as it was when the request was sent
        if (life != lives.end()) {
          for (const RowState& state : life->second.states) {
            if (state.commit->id < send.sent->id) held = &state;
          }
        }
        const auto violate = [&, &job = job](std::string_view shape, const std::string& sentence) {
          findings.violate(shape, fmt::format("{} sent {} {}, but {}", send.sent->host, jobs.name, job, sentence),
                           {held != nullptr ? held->commit->id : 0, send.sent->id});
        };
        if (held == nullptr || !held->exists) {
          violate("no job", "no such job was committed");
          continue;
        }
        const Row row = held->row();
        if (cell(row, jobs.status) != in_work || cell(row, jobs.owner) != send.sent->host) {
          violate("not held", fmt::format("it was {} and held by {}", cell(row, jobs.status),
                                          row[jobs.owner].is_null() ? "nobody" : cell(row, jobs.owner)));
          continue;
        }
        const Json body = parse_body(send.sent->text);
        const auto other = std::find_if(says.begin(), says.end(), [&](const auto& saying) {
          return member_text(body, saying.first.c_str()) != cell(row, saying.second);
        });
        if (other != says.end()) {
          violate(fmt::format("another {}", other->first),
                  fmt::format("with another {} than its {}", other->first, other->second));
        }
      }
    }
    return std::move(findings).verdict();
  };
}

Check given_up_for_a_reason(const StatusTable& jobs, const Provider& provider, const std::string& dead,
                            std::int64_t claims) {
  return [jobs, provider, dead, claims](const HistoryIndex& index) {
    Findings findings;
    const Sends& sends = sends_of(index, provider);
    for (const auto& [job, life] : lives_of(index, jobs.table, jobs.id)) {
      for (const RowState& state : life.states) {
        if (!state.exists || cell(state.row(), jobs.status) != dead) continue;
        findings.examine();
        const auto of_job = sends.by_job.find(job);
        const bool refused = of_job != sends.by_job.end() &&
                             std::any_of(of_job->second.begin(), of_job->second.end(), [&](const Send& send) {
                               const std::int64_t status = send.ended == nullptr ? 0 : send.ended->number;
                               return status >= 400 && status < 500 && status != 408 && status != 429 &&
                                      send.ended->id < state.commit->id;
                             });
        if (!refused && state.row()[jobs.token].integer() < claims) {
          std::vector<EventId> evidence{life.first().commit->id, state.commit->id};
          if (of_job != sends.by_job.end()) {
            for (const Send& send : of_job->second) {
              evidence.insert(evidence.end(), {send.sent->id, send.ended != nullptr ? send.ended->id : 0});
            }
          }
          findings.violate("too early",
                           fmt::format("{} {} was given up after {} claims, and the provider had not refused it",
                                       jobs.name, short_id(job), state.row()[jobs.token].integer()),
                           std::move(evidence));
        }
        break;
      }
    }
    return std::move(findings).verdict();
  };
}

Check every_row_ends(const StatusTable& rows) {
  return [rows](const HistoryIndex& index) {
    Findings findings;
    for (const auto& [id, life] : lives_of(index, rows.table, rows.id)) {
      if (!life.last().exists) continue;
      findings.examine();
      const std::string status = cell(life.last().row(), rows.status);
      if (contains(rows.final, status)) continue;
      findings.violate(status, fmt::format("{} {} is still {} at the end", rows.name, short_id(id), status),
                       {life.first().commit->id, life.last().commit->id, index.end()});
    }
    return std::move(findings).verdict();
  };
}

}  // namespace orrery
