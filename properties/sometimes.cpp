#include "properties/sometimes.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "properties/outages.hpp"
#include "properties/requests.hpp"
#include "properties/rows.hpp"

namespace orrery {
namespace {

std::string of_group(const std::string& topic, const std::string& group) { return topic + "/" + group; }

/// Puts occurrences that were not found in order into it.
Occurrences in_order(std::vector<EventId> events) {
  return {static_cast<std::int64_t>(events.size()),
          events.empty() ? 0 : *std::min_element(events.begin(), events.end())};
}

}  // namespace

Predicate message_is_delivered_again(const std::string& topic, const std::string& group) {
  return [subject = of_group(topic, group)](const HistoryIndex& index) {
    Occurrences again;
    std::set<std::string_view> seen;
    for (const Event* event : index.of(EventKind::message_delivered, subject)) {
      if (!seen.insert(event->key).second) again.add(event->id);
    }
    return again;
  };
}

Predicate message_comes_after_its_acknowledgement(const std::string& topic, const std::string& group) {
  return [subject = of_group(topic, group)](const HistoryIndex& index) {
    Occurrences again;
    std::map<std::string_view, EventId> acknowledged;
    for (const Event* event : index.of(EventKind::message_acknowledged, subject)) {
      acknowledged.emplace(event->key, event->id);
    }
    for (const Event* event : index.of(EventKind::message_delivered, subject)) {
      const auto found = acknowledged.find(event->key);
      if (found != acknowledged.end() && found->second < event->id) again.add(event->id);
    }
    return again;
  };
}

Predicate two_consumers_have_one_message(const std::string& topic, const std::string& group) {
  return [subject = of_group(topic, group)](const HistoryIndex& index) {
    Occurrences both;
    const Outages& outages = outages_of(index);
    struct Holder {
      std::string_view host;
      EventId since;
      EventId until;  // 0: still
    };
    std::map<std::string_view, std::vector<Holder>> holders;  // by message
    for (const Event& event : index.history().events()) {
      if (event.subject != subject) continue;
      if (event.kind == EventKind::message_acknowledged || event.kind == EventKind::message_refused) {
        for (Holder& holder : holders[event.key]) {
          if (holder.host == event.host && holder.until == 0) holder.until = event.id;
        }
      } else if (event.kind == EventKind::message_delivered) {
        std::vector<Holder>& of = holders[event.key];
        const bool held = std::any_of(of.begin(), of.end(), [&](const Holder& holder) {
          return holder.until == 0 && holder.host != event.host &&
                 !outages.was_down(holder.host, {holder.since, event.id});
        });
        if (held) both.add(event.id);
        of.push_back({event.host, event.id, 0});
      }
    }
    return both;
  };
}

Predicate commit_answer_is_lost(const std::string& database) {
  return [database](const HistoryIndex& index) {
    Occurrences lost;
    for (const Event* event : index.of(EventKind::commit_unknown, database)) lost.add(event->id);
    return lost;
  };
}

Predicate commits_are_lost(const std::string& database) {
  return [database](const HistoryIndex& index) {
    Occurrences lost;
    for (const Event* event : index.of(EventKind::transaction_lost, database)) lost.add(event->id);
    return lost;
  };
}

Predicate unknown_commit_turns_out(const std::string& database, bool committed) {
  return [database, committed](const HistoryIndex& index) {
    Occurrences found;
    const Outages& outages = outages_of(index);
    for (const Event* unknown : index.of(EventKind::commit_unknown, database)) {
      // The fault struck when COMMIT was sent; what this session committed since then is this transaction.
      EventId struck = 0;
      for (const Outages::Fault& fault : outages.faults) {
        if (fault.span.from > unknown->id) break;
        const bool at_commit = fault.kind.starts_with("break_") && fault.kind.ends_with("_commit");
        if (at_commit && fault.target.starts_with(unknown->host + ">")) struck = fault.span.from;
      }
      if (struck == 0) continue;
      bool happened = false;
      for (const Event* commit : index.with_key(EventKind::transaction_committed, unknown->key)) {
        happened = happened || (commit->subject == database && commit->id > struck);
      }
      if (happened == committed) found.add(unknown->id);
    }
    return found;
  };
}

Predicate failed_publish_was_stored(const std::string& topic) {
  return [topic](const HistoryIndex& index) {
    Occurrences found;
    for (const Event* failed : index.of(EventKind::publish_failed, topic)) {
      EventId started = 0;
      for (const Event* event : index.with_key(EventKind::publish_started, failed->key)) {
        if (event->subject == topic && event->host == failed->host && event->id < failed->id) started = event->id;
      }
      for (const Event* stored : index.with_key(EventKind::message_stored, failed->key)) {
        if (stored->subject != topic || stored->id < started || stored->id > failed->id) continue;
        found.add(failed->id);
        break;
      }
    }
    return found;
  };
}

Predicate message_is_published_again(const std::string& topic) {
  return [topic](const HistoryIndex& index) {
    Occurrences again;
    std::set<std::string_view> seen;
    for (const Event* event : index.of(EventKind::message_stored, topic)) {
      if (!seen.insert(event->key).second) again.add(event->id);
    }
    return again;
  };
}

Predicate host_dies_at(const std::string& place) {
  return [place](const HistoryIndex& index) {
    Occurrences found;
    for (const Event* fault : index.of(EventKind::fault_injected, "crash")) {
      if (fault->key.find(place) != std::string::npos) found.add(fault->id);
    }
    return found;
  };
}

Predicate host_dies_with_a_request() {
  return [](const HistoryIndex& index) {
    Occurrences found;
    for (const Event* crash : index.of(EventKind::host_crashed)) {
      EventId up_since = 0;
      for (const Event* start : index.of(EventKind::host_started)) {
        if (start->host == crash->host && start->id < crash->id) up_since = start->id;
      }
      for (const Event* received : index.of(EventKind::request_received)) {
        if (received->id > crash->id) break;
        if (received->id < up_since || received->host != crash->host) continue;
        const HistoryIndex::Events& answers = index.with_key(EventKind::request_answered, received->key);
        if (!answers.empty() && answers.front()->id < crash->id) continue;
        found.add(crash->id);
        break;
      }
    }
    return found;
  };
}

Predicate lease_is_taken_over(const std::string& table, const std::string& id, const std::string& token,
                              const std::string& owner) {
  return [table, id, token, owner](const HistoryIndex& index) {
    std::vector<EventId> found;
    for (const auto& [row, life] : lives_of(index, table, id)) {
      for (std::size_t i = 1; i < life.states.size(); ++i) {
        const RowState& before = life.states[i - 1];
        const RowState& after = life.states[i];
        if (!before.exists || !after.exists || before.row()[owner].is_null()) continue;
        if (after.row()[token].integer() > before.row()[token].integer()) found.push_back(after.commit->id);
      }
    }
    return in_order(std::move(found));
  };
}

Predicate requests_race_for_one_value(const KeyedRequests& requests) {
  return [requests](const HistoryIndex& index) {
    std::vector<EventId> found;
    const KeyedAttempts& attempts = attempts_of(index, requests);
    for (const auto& [value, places] : attempts.by_unique) {
      for (const std::size_t place : places) {
        const KeyedAttempt& loser = attempts.all[place];
        if (loser.kind != AnswerKind::refused) continue;
        const bool raced = std::any_of(places.begin(), places.end(), [&](std::size_t other) {
          const KeyedAttempt& winner = attempts.all[other];
          return winner.kind == AnswerKind::created && winner.key != loser.key && winner.invoked->id < loser.end() &&
                 loser.invoked->id < winner.end();
        });
        if (raced) found.push_back(loser.end());
      }
    }
    return in_order(std::move(found));
  };
}

Predicate retry_gets_the_stored_answer(const KeyedRequests& requests) {
  return [requests](const HistoryIndex& index) {
    std::vector<EventId> found;
    const KeyedAttempts& attempts = attempts_of(index, requests);
    for (const auto& [key, places] : attempts.by_key) {
      const KeyedAttempt* first = nullptr;
      for (const std::size_t place : places) {
        const KeyedAttempt& attempt = attempts.all[place];
        if (!attempt.uses_key()) continue;
        if (first != nullptr && attempt.body == first->body) found.push_back(attempt.end());
        if (first == nullptr) first = &attempt;
      }
    }
    return in_order(std::move(found));
  };
}

Predicate key_is_refused(const KeyedRequests& requests) {
  return [requests](const HistoryIndex& index) {
    std::vector<EventId> found;
    for (const KeyedAttempt& attempt : attempts_of(index, requests).all) {
      if (attempt.kind == AnswerKind::key_used) found.push_back(attempt.end());
    }
    return in_order(std::move(found));
  };
}

Predicate send_succeeds_without_an_answer(const Provider& provider) {
  return [provider](const HistoryIndex& index) {
    std::vector<EventId> found;
    for (const auto& [job, sends] : sends_of(index, provider).by_job) {
      for (const Send& send : sends) {
        const bool unanswered = send.ended == nullptr || send.ended->number == 0;
        const HistoryIndex::Events& answers = index.with_key(EventKind::request_answered, send.sent->key);
        if (unanswered && !answers.empty() && answers.front()->number >= 200 && answers.front()->number < 300) {
          found.push_back(send.sent->id);
        }
      }
    }
    return in_order(std::move(found));
  };
}

Predicate happens(EventKind kind) {
  return [kind](const HistoryIndex& index) {
    Occurrences found;
    for (const Event* event : index.of(kind)) found.add(event->id);
    return found;
  };
}

}  // namespace orrery
