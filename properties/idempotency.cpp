#include "properties/idempotency.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "properties/bodies.hpp"
#include "properties/describe.hpp"
#include "properties/requests.hpp"
#include "properties/rows.hpp"

namespace orrery {
namespace {

std::vector<EventId> evidence_of(const KeyedAttempt& a, const KeyedAttempt& b) {
  return {a.invoked->id, a.end(), b.invoked->id, b.end()};
}

/// The same outcome may be put in other words if it comes with another status, as another protocol has it.
bool differs(const KeyedAttempt& a, const KeyedAttempt& b) {
  return a.kind != b.kind || a.created_id != b.created_id || (a.status == b.status && a.answer != b.answer);
}

/// What a key got in answer, and whether it fits together. One violation at most.
void judge_key(Findings& findings, const std::string& key, std::vector<const KeyedAttempt*> attempts) {
  // A client that was told nothing final constrains nothing, but its body may have used the key.
  std::vector<const KeyedAttempt*> sent = attempts;
  std::erase_if(attempts, [](const KeyedAttempt* attempt) { return attempt->kind == AnswerKind::later; });
  std::sort(attempts.begin(), attempts.end(),
            [](const KeyedAttempt* a, const KeyedAttempt* b) { return a->end() < b->end(); });
  const KeyedAttempt* user = nullptr;  // the first answer that used the key
  std::map<std::string_view, const KeyedAttempt*> first_of_body;
  for (const KeyedAttempt* attempt : attempts) {
    const auto violate = [&](std::string_view shape, const KeyedAttempt& other, std::string sentence) {
      findings.violate(shape, std::move(sentence), evidence_of(*attempt, other));
    };
    const KeyedAttempt* earlier = first_of_body.emplace(attempt->body, attempt).first->second;
    if (differs(*attempt, *earlier)) {
      return violate(
          fmt::format("{} and {}", std::min(earlier->status, attempt->status),
                      std::max(earlier->status, attempt->status)),
          *earlier,
          fmt::format("key {} with the same body was answered {} {} and then {} {}", short_id(key), earlier->status,
                      shortened(earlier->answer, 80), attempt->status, shortened(attempt->answer, 80)));
    }
    if (attempt->uses_key()) {
      if (user == nullptr) user = attempt;
      if (user->body != attempt->body) {
        return violate("two bodies", *user,
                       fmt::format("key {} was sent with two bodies, and both were answered on their merits: {} and {}",
                                   short_id(key), user->status, attempt->status));
      }
    }
    if (attempt->kind == AnswerKind::key_used && std::none_of(sent.begin(), sent.end(), [&](const KeyedAttempt* other) {
          return other->body != attempt->body && other->invoked->id < attempt->end();
        })) {
      return violate("refused as used, but was not", *attempt,
                     fmt::format("key {} was refused with {} as used for another body, but never was", short_id(key),
                                 attempt->status));
    }
  }
}

}  // namespace

namespace {

/// The keys whose rows were lost: nobody knows any more that they were used, and they are used again.
std::set<std::string> lost_keys(const HistoryIndex& index, const CreatedRows& rows) {
  std::set<std::string> lost;
  for (const Event* event : index.of(EventKind::transaction_lost, database_of(rows.table))) {
    for (const RowChange& change : event->changes) {
      if (change.table == rows.keys && change.operation == RowOperation::remove) lost.insert(cell(change.old_row(), rows.key));
    }
  }
  return lost;
}

}  // namespace

Check same_request_same_answer(const KeyedRequests& requests, const CreatedRows& rows) {
  CHECK(requests.kind != nullptr, "how answers are read");
  return [requests, rows](const HistoryIndex& index) {
    Findings findings;
    const std::set<std::string> lost = lost_keys(index, rows);
    const KeyedAttempts& attempts = attempts_of(index, requests);
    for (const auto& [key, places] : attempts.by_key) {
      std::vector<const KeyedAttempt*> of_key;
      bool answered = false;
      for (const std::size_t place : places) {
        of_key.push_back(&attempts.all[place]);
        answered = answered || of_key.back()->kind != AnswerKind::later;
      }
      if (!answered || lost.contains(key)) continue;
      findings.examine();
      judge_key(findings, key, of_key);
    }
    return std::move(findings).verdict();
  };
}

Check acknowledged_is_stored(const KeyedRequests& requests, const CreatedRows& rows) {
  CHECK(requests.kind != nullptr, "how answers are read");
  return [requests, rows](const HistoryIndex& index) {
    Findings findings;
    const RowLives& lives = lives_of(index, rows.table, rows.id);
    for (const KeyedAttempt& attempt : attempts_of(index, requests).all) {
      if (attempt.kind != AnswerKind::created) continue;
      findings.examine();
      const auto violate = [&](std::string_view shape, std::string_view sentence, EventId commit) {
        findings.violate(shape,
                         fmt::format("{} {} was acknowledged with {} but {}", rows.name, short_id(attempt.created_id),
                                     attempt.status, sentence),
                         {attempt.invoked->id, attempt.end(), commit});
      };
      const auto life = lives.find(attempt.created_id);
      if (life == lives.end()) {
        violate("never stored", fmt::format("is not in {}", table_of(rows.table)), 0);
        continue;
      }
      const std::vector<RowState>& states = life->second.states;
      const RowState* then = nullptr;  // as it was when the answer came
      const RowState* removed = nullptr;
      for (const RowState& state : states) {
        if (state.commit->id < attempt.end()) {
          then = &state;
        } else if (!state.exists && removed == nullptr && !takes_back(*state.commit)) {
          removed = &state;
        }
      }
      if (then == nullptr) {
        violate("stored only afterwards", "was committed only afterwards", states.front().commit->id);
      } else if (!then->exists) {
        if (takes_back(*then->commit)) {
          // What is lost while the answer is under way cannot be helped; what was lost before it was asked for can.
          if (then->commit->id < attempt.invoked->id) violate("lost before it was asked for", "its commit had been lost before", then->commit->id);
          continue;
        }
        violate("not stored any more", "had been removed", then->commit->id);
      } else if (folded(cell(then->row(), rows.unique)) != attempt.unique) {
        violate("another one", fmt::format("has another {} than asked for", rows.unique), states.front().commit->id);
      } else if (removed != nullptr) {
        violate("removed", "was removed later", removed->commit->id);
      }
    }
    return std::move(findings).verdict();
  };
}

Check unique_in_every_state(const std::string& table, const std::string& id, const std::string& column) {
  return [table, id, column](const HistoryIndex& index) {
    Findings findings;
    struct Holder {
      std::string value;
      EventId commit = 0;
    };
    std::map<std::string, Holder> holders;                           // by row
    std::map<std::string, std::set<std::string, std::less<>>> rows;  // by value
    std::set<std::string> written;
    std::set<std::string> reported;
    const auto release = [&](const std::string& row) {
      const auto holder = holders.find(row);
      if (holder == holders.end()) return;
      rows[holder->second.value].erase(row);
      holders.erase(holder);
    };
    const auto judge = [&](const Event& commit) {
      for (const std::string& value : written) {
        findings.examine();
        const auto& sharers = rows[value];
        if (sharers.size() < 2 || !reported.insert(value).second) continue;
        std::vector<EventId> evidence{commit.id};
        std::string names;
        for (const std::string& row : sharers) {
          evidence.push_back(holders[row].commit);
          names += (names.empty() ? "" : " and ") + short_id(row);
        }
        findings.violate("shared",
                         fmt::format("{} '{}' belongs to {} after transaction {}", column, value, names, commit.number),
                         std::move(evidence));
      }
      written.clear();
    };
    const Event* commit = nullptr;
    for (const History::Change& change : index.committed(table)) {
      if (commit != nullptr && change.commit != commit) judge(*commit);
      commit = change.commit;
      const RowChange& row = *change.row;
      if (row.operation != RowOperation::insert && !row.before.empty()) release(cell(row.old_row(), id));
      if (row.operation == RowOperation::remove) continue;
      std::string row_id = cell(row.new_row(), id);
      release(row_id);
      const SqlValue& value = row.new_row()[column];
      if (value.is_null()) continue;
      std::string text = folded(value.text());
      written.insert(text);
      rows[text].insert(row_id);
      holders[std::move(row_id)] = {std::move(text), commit->id};
    }
    if (commit != nullptr) judge(*commit);
    return std::move(findings).verdict();
  };
}

Check refused_only_if_taken(const KeyedRequests& requests, const CreatedRows& rows) {
  CHECK(requests.kind != nullptr, "how answers are read");
  return [requests, rows](const HistoryIndex& index) {
    struct Taker {
      const Event* commit = nullptr;
      std::string key;       // of the request that the row was committed for; empty: not known
      EventId lost_at = 0;  // 0: its commit was not lost
    };
    std::map<std::string, std::vector<Taker>> takers;  // by unique value, in commit order
    for (const History::Change& change : index.committed(rows.table)) {
      const bool is_removed = change.row->operation == RowOperation::remove;
      if (takes_back(*change.commit)) {
        if (is_removed) takers[folded(cell(change.row->old_row(), rows.unique))].back().lost_at = change.commit->id;
        continue;
      }
      if (is_removed) continue;
      std::vector<Taker>& of_value = takers[folded(cell(change.row->new_row(), rows.unique))];
      if (!of_value.empty() && of_value.back().lost_at == 0) continue;  // the first row that had it counts
      Taker taker;
      taker.commit = change.commit;
      for (const RowChange& other : change.commit->changes) {
        if (other.table == rows.keys && other.operation != RowOperation::remove) {
          taker.key = cell(other.new_row(), rows.key);
        }
      }
      of_value.push_back(std::move(taker));
    }

    Findings findings;
    const KeyedAttempts& attempts = attempts_of(index, requests);
    for (const KeyedAttempt& attempt : attempts.all) {
      if (attempt.kind != AnswerKind::refused || attempt.status != 409) continue;
      findings.examine();
      std::vector<const Taker*> holders;  // that had it some time before the answer, and not only before the request
      for (const Taker& taker : takers[attempt.unique]) {
        if (taker.commit->id <= attempt.end() && (taker.lost_at == 0 || taker.lost_at > attempt.invoked->id)) {
          holders.push_back(&taker);
        }
      }
      if (holders.empty()) {
        findings.violate("nobody has it",
                         fmt::format("key {} was refused because {} '{}' is taken, but nobody had it",
                                     short_id(attempt.key), requests.unique, attempt.unique),
                         {attempt.invoked->id, attempt.end()});
        continue;
      }
      const auto is_own = [&](const Taker* taker) {
        if (!taker->key.empty()) return !attempt.key.empty() && taker->key == attempt.key;
        const std::vector<std::size_t>& askers = attempts.by_unique.at(attempt.unique);
        return std::none_of(askers.begin(), askers.end(), [&](std::size_t place) {
          const KeyedAttempt& other = attempts.all[place];
          const bool another = attempt.key.empty() ? &other != &attempt : other.key != attempt.key;
          return another && other.invoked->id < taker->commit->id;
        });
      };
      const bool own = std::all_of(holders.begin(), holders.end(), is_own);
      if (!own) continue;
      findings.violate("its own",
                       fmt::format("key {} was refused because {} '{}' is taken, but by the {} that it made itself",
                                   short_id(attempt.key), requests.unique, attempt.unique, rows.name),
                       {attempt.invoked->id, attempt.end(), holders.front()->commit->id});
    }
    return std::move(findings).verdict();
  };
}

}  // namespace orrery
