#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "runtime/database.hpp"
#include "runtime/json.hpp"

namespace orrery::services {

/// What an operation answered: the part of a response that a repetition must give again.
class Answer {
 public:
  Answer() = default;
  Answer(int status, Json body) : status(status), body(std::move(body)) {}

  int status = 0;
  Json body;
  int retry_after_s = -1;  // not negative: asking again later makes sense; such an answer is never stored
};

/// Idempotency keys (IETF draft-ietf-httpapi-idempotency-key-header), in the table `idempotency_keys`.
///
/// Claiming the key, the work and its answer are one transaction: a key is never half done, and there is no state that
/// a crash could leave for somebody to clean up (compare Leach, "Implementing Stripe-like Idempotency Keys in
/// Postgres", 2017, which needs recovery points because its work leaves the database). Two requests with one key at the
/// same time: the second waits at the primary key until the first has committed, and then repeats its answer, or has
/// rolled back, and then does the work. Callers set lock_timeout, so that the wait is bounded.
class IdempotencyKeys {
 public:
  enum class Claim {
    granted,   // do the work, then `finish`, then commit
    repeated,  // it was done: give `answer` again, and do not commit
    differs,   // the key was used for another request
  };
  class Claimed {
   public:
    Claimed() = default;

    Claim claim = Claim::granted;
    Answer answer;  // of `repeated`
  };

  /// `fingerprint` is what the request asks for, in a canonical form. A key is forgotten after 24 hours. Throws
  /// DatabaseError; 55P03 means that another request with this key is in work.
  static Task<Claimed> claim(Transaction& tx, std::string_view scope, std::string key, std::string fingerprint);
  /// Stores the answer with the key.
  static Task<void> finish(Transaction& tx, std::string_view scope, std::string key, const Answer& answer);

  /// Without claiming: whether the key was used, and for what. Nothing holds it: another request may claim it
  /// meanwhile.
  static Task<Claimed> look_up(Transaction& tx, std::string_view scope, std::string key, std::string fingerprint);
};

}  // namespace orrery::services
