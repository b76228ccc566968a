#include "properties/saga_checks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace orrery {
namespace {

bool is_saga_step(std::string_view from, std::string_view to) {
  if (from.empty()) return to == "running";
  if (from == "running") return to == "completed" || to == "compensating";
  return from == "compensating" && to == "compensated";
}

bool is_step_step(std::string_view from, std::string_view to) {
  if (from == "pending") return to == "running" || to == "done" || to == "refused" || to == "timed_out";
  if (from == "running" || from == "awaiting") return to != "pending" && to != "compensated";
  if (from == "done" || from == "refused" || from == "timed_out") return to == "compensating";
  return from == "compensating" && to == "compensated";
}

/// What is known of a saga while its changes are read.
struct Walk {
  std::map<std::string, std::string, std::less<>> states;
  std::string saga;
};

bool has_compensation(const SagaGraph* graph, const std::string& step) {
  return graph != nullptr && std::ranges::find(graph->nodes, "undo " + step, &SagaGraph::Node::id) != graph->nodes.end();
}

bool is_pivot(const SagaGraph* graph, const std::string& step) {
  if (graph == nullptr) return false;
  const auto node = std::ranges::find(graph->nodes, step, &SagaGraph::Node::id);
  return node != graph->nodes.end() && node->kind == "pivot";
}

/// Empty: the saga may end so.
std::string objection(const SagaStory& story, const SagaGraph* graph, const Walk& walk, const std::string& to) {
  for (const std::string& step : story.steps) {
    const auto found = walk.states.find(step);
    const std::string state = found == walk.states.end() ? "pending" : found->second;
    if (to == "completed" && state != "done") return step + " is " + state;
    if (to == "compensating" && state == "done" && is_pivot(graph, step)) return step + ", the pivot, is done";
    if (to == "compensated" && state != "pending" && state != "compensated" && has_compensation(graph, step)) {
      return step + " is " + state;
    }
  }
  return {};
}

void judge_changes(const SagaStory& story, const SagaGraph* graph, Findings& findings) {
  Walk walk;
  EventId before = 0;
  for (const SagaChange& change : story.changes) {
    findings.examine();
    const bool of_saga = change.step.empty();
    const bool allowed = of_saga ? is_saga_step(change.from, change.to) : is_step_step(change.from, change.to);
    if (!allowed) {
      findings.violate(fmt::format("{} {} to {}", of_saga ? "saga" : "step", change.from, change.to),
                       fmt::format("{} of saga {} went from {} to {}", of_saga ? "the state" : change.step, short_id(story.id),
                                   change.from, change.to),
                       {before, change.commit->id});
    }
    if (of_saga) {
      // The steps that change in the same commit count: they are read after the saga's own row.
      std::string why = objection(story, graph, walk, change.to);
      if (!why.empty() && change.to != "compensating") {
        findings.violate(fmt::format("{} too early", change.to),
                         fmt::format("saga {} became {} while {}", short_id(story.id), change.to, why),
                         {story.started->id, change.commit->id});
      } else if (!why.empty()) {
        findings.violate("turned back behind the pivot",
                         fmt::format("saga {} turned round although {}", short_id(story.id), why),
                         {story.started->id, change.commit->id});
      }
    } else {
      walk.states[change.step] = change.to;
    }
    before = change.commit->id;
  }
}

}  // namespace

Check sagas_move_along_their_graph(const std::string& database) {
  return [database](const HistoryIndex& index) {
    Findings findings;
    const Sagas& sagas = sagas_of(index, database);
    for (const SagaStory& story : sagas.stories) judge_changes(story, sagas.graph(story.name), findings);
    return std::move(findings).verdict();
  };
}

Check steps_run_in_order(const std::string& database) {
  return [database](const HistoryIndex& index) {
    Findings findings;
    for (const SagaStory& story : sagas_of(index, database).stories) {
      const auto place = [&story](const std::string& step) {
        return std::ranges::find(story.steps, step) - story.steps.begin();
      };
      const auto state_at = [&story](const std::string& step, EventId before) {
        std::string state = step.empty() ? "running" : "pending";
        for (const SagaChange& change : story.changes) {
          if (change.commit->id < before && change.step == step) state = change.to;
        }
        return state;
      };
      for (const SagaAttempt& attempt : story.attempts) {
        findings.examine();
        const auto at = place(attempt.step);
        if (attempt.compensation != (state_at("", attempt.begun->id) == "compensating")) {
          findings.violate(attempt.compensation ? "undo too early" : "action too late",
                           fmt::format("{} of {} was begun while saga {} was {}", attempt.compensation ? "the undo" : "the action",
                                       attempt.step, short_id(story.id), state_at("", attempt.begun->id)),
                           {story.started->id, attempt.begun->id});
        }
        for (const std::string& other : story.steps) {
          const std::string state = state_at(other, attempt.begun->id);
          if (!attempt.compensation && place(other) < at && state != "done") {
            findings.violate("action too early", fmt::format("{} of saga {} was begun while {} was {}", attempt.step,
                                                             short_id(story.id), other, state),
                             {story.started->id, attempt.begun->id});
          }
          const SagaGraph* graph = sagas_of(index, database).graph(story.name);
          if (attempt.compensation && place(other) > at && state != "pending" && state != "compensated" &&
              has_compensation(graph, other)) {
            findings.violate("undo out of order", fmt::format("{} of saga {} was undone while {} was {}", attempt.step,
                                                              short_id(story.id), other, state),
                             {story.started->id, attempt.begun->id});
          }
        }
      }
    }
    return std::move(findings).verdict();
  };
}

Check one_saga_per_key(const std::string& database) {
  return [database](const HistoryIndex& index) {
    Findings findings;
    std::map<std::pair<std::string, std::string>, const SagaStory*> first;
    for (const SagaStory& story : sagas_of(index, database).stories) {
      findings.examine();
      const auto [same, is_new] = first.emplace(std::pair(story.name, story.business_key), &story);
      if (is_new) continue;
      findings.violate("second saga", fmt::format("{} has two sagas: {} and {}", short_id(story.business_key),
                                                  short_id(same->second->id), short_id(story.id)),
                       {same->second->started->id, story.started->id});
    }
    return std::move(findings).verdict();
  };
}

Check every_saga_ends(const std::string& database, Duration patience) {
  return [database, patience](const HistoryIndex& index) {
    Findings findings;
    for (const SagaStory& story : sagas_of(index, database).stories) {
      if (index.end_at() - story.started->at < patience) continue;
      findings.examine();
      if (story.ended != nullptr) continue;
      std::vector<EventId> evidence{story.started->id, index.end()};
      if (!story.attempts.empty()) evidence.push_back(story.attempts.back().begun->id);
      findings.violate(story.state + (story.escalated ? ", escalated" : ""),
                       fmt::format("saga {} is still {} at the end", short_id(story.id), story.state), std::move(evidence));
    }
    return std::move(findings).verdict();
  };
}

Check done_means_it_was_said(const std::string& database) {
  return [database](const HistoryIndex& index) {
    Findings findings;
    for (const SagaStory& story : sagas_of(index, database).stories) {
      for (const SagaChange& change : story.changes) {
        if (change.step.empty() || change.to != "done") continue;
        findings.examine();
        const bool said = std::ranges::any_of(story.signals, [&](const SagaSignal& signal) {
          return signal.step == change.step && signal.done && signal.commit->id < change.commit->id;
        });
        if (said) continue;
        findings.violate("nobody said so", fmt::format("{} of saga {} counts as done, and nobody had said so", change.step,
                                                       short_id(story.id)),
                         {story.started->id, change.commit->id});
      }
    }
    return std::move(findings).verdict();
  };
}

Predicate saga_ends_as(const std::string& database, const std::string& state) {
  return [database, state](const HistoryIndex& index) {
    Occurrences found;
    for (const SagaStory& story : sagas_of(index, database).stories) {
      if (story.ended != nullptr && story.state == state) found.add(story.ended->id);
    }
    return found;
  };
}

Predicate step_becomes(const std::string& database, const std::string& step, const std::string& state) {
  return [database, step, state](const HistoryIndex& index) {
    Occurrences found;
    for (const SagaStory& story : sagas_of(index, database).stories) {
      for (const SagaChange& change : story.changes) {
        if (change.step == step && change.to == state) found.add(change.commit->id);
      }
    }
    return found;
  };
}

Predicate saga_is_taken_over(const std::string& database) {
  return [database](const HistoryIndex& index) {
    Occurrences found;
    for (const SagaStory& story : sagas_of(index, database).stories) {
      for (std::size_t i = 1; i < story.attempts.size(); ++i) {
        const SagaAttempt& before = story.attempts[i - 1];
        if (before.outcome == "taken over" && before.host != story.attempts[i].host) found.add(story.attempts[i].begun->id);
      }
    }
    return found;
  };
}

Predicate compensation_is_repeated(const std::string& database) {
  return [database](const HistoryIndex& index) {
    Occurrences found;
    for (const SagaStory& story : sagas_of(index, database).stories) {
      for (const SagaAttempt& attempt : story.attempts) {
        if (attempt.compensation && attempt.number > 1) found.add(attempt.begun->id);
      }
    }
    return found;
  };
}

Predicate success_comes_late(const std::string& database) {
  return [database](const HistoryIndex& index) {
    Occurrences found;
    for (const SagaStory& story : sagas_of(index, database).stories) {
      for (const SagaSignal& signal : story.signals) {
        const bool given_up = std::ranges::any_of(story.changes, [&signal](const SagaChange& change) {
          return change.step == signal.step && (change.to == "timed_out" || change.to == "refused") &&
                 change.commit->id < signal.commit->id;
        });
        if (signal.done && given_up) found.add(signal.commit->id);
      }
    }
    return found;
  };
}

}  // namespace orrery
