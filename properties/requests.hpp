#pragma once

#include <map>
#include <string>
#include <vector>

#include "properties/effects.hpp"
#include "properties/idempotency.hpp"

namespace orrery {

/// One attempt of one keyed request, as its client saw it.
struct KeyedAttempt {
  const Event* invoked = nullptr;
  const Event* ended = nullptr;  // null: no end was recorded
  std::string key;
  std::string body;    // the request's, so that equal bodies are equal texts
  std::string unique;  // folded
  AnswerKind kind = AnswerKind::later;
  int status = 0;
  std::string answer;      // the body of the answer, so that equal answers are equal texts
  std::string created_id;  // of an answer `created`

  /// The key belongs to this body.
  [[nodiscard]] bool uses_key() const { return kind == AnswerKind::created || kind == AnswerKind::refused; }
  [[nodiscard]] EventId end() const { return ended == nullptr ? 0 : ended->id; }
};

struct KeyedAttempts {
  std::vector<KeyedAttempt> all;                           // in the order of their invocation
  std::map<std::string, std::vector<std::size_t>> by_key;  // places in `all`
  std::map<std::string, std::vector<std::size_t>> by_unique;
};

/// Shared by all checks of a run.
[[nodiscard]] const KeyedAttempts& attempts_of(const HistoryIndex& index, const KeyedRequests& requests);

/// ASCII letters in lower case.
[[nodiscard]] std::string folded(std::string text);

/// One request that was sent to a provider for a job.
struct Send {
  const Event* sent = nullptr;
  const Event* ended = nullptr;  // null: its host did not live to see it

  [[nodiscard]] bool succeeded() const;
};

/// All that was asked of a provider.
struct Sends {
  std::map<std::string, std::vector<Send>> by_job;            // in the order of sending
  std::map<std::string, std::vector<const Event*>> accepted;  // by job: the provider's answers of success
};

/// Shared by all checks of a run.
[[nodiscard]] const Sends& sends_of(const HistoryIndex& index, const Provider& provider);

}  // namespace orrery
