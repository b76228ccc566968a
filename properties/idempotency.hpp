#pragma once

#include <functional>
#include <string>
#include <vector>

#include "properties/property.hpp"

namespace orrery {

// Idempotency keys: a client sends the same key with every attempt of one request, and the server carries the request
// out once and answers every attempt alike. (IETF draft-ietf-httpapi-idempotency-key-header-06, section 2; Stripe API
// reference, "Idempotent requests")

/// What an answer says about the fate of a request.
enum class AnswerKind : std::uint8_t {
  created,   // carried out: 201
  refused,   // was looked at, and will not be carried out: e-mail taken
  invalid,   // was not even looked at, and does not use the key: 400, 413
  key_used,  // the key belongs to another body: 422
  later,     // says nothing final: no answer, 5xx, 408, 425, 429, still in progress
};

/// Requests of the workload that carry a key, and how their answers are read.
struct KeyedRequests {
  std::string operation = "create user";
  std::string key = "idempotency_key";                // the member of the operation's text with the key
  std::vector<std::string> body = {"email", "name"};  // its members that make the request's body
  std::string created_id = "id";                      // the member of the 201's body with the new id
  std::string unique = "email";                       // of `body`: what may be taken; without case (ASCII)
  std::function<AnswerKind(int status, std::string_view body)> kind;
};

/// The rows that such requests create.
struct CreatedRows {
  std::string name = "user";
  std::string table = "user_db.users";
  std::string id = "id";
  std::string unique = "email";           // the unique column; compared without case (ASCII)
  std::string keys = "idempotency_keys";  // the table of the keys, in the same database
  std::string key = "key";
};

/// All final answers to one key and body are alike, in status and body; a body is answered with `key_used` exactly if
/// the key was used with another one. Judged: each key that got an answer of any kind but `later`. Wrong are
///   - two final answers to the same body that differ: 201 and 201 with another id, 201 and 409, 201 and 422;
///   - two bodies of one key that are both carried out or refused on their merits;
///   - `key_used`, although the key had not been sent with another body before.
/// Not judged is whether an answer `later` was justified.
/// Broken by: looking for the key and writing it later (check, then act), storing no answer, a key that forgets its
/// body.
[[nodiscard]] Check same_request_same_answer(const KeyedRequests& requests, const CreatedRows& rows = CreatedRows());

/// When a creation is acknowledged, its row has been committed, holds what was asked for, and is never removed again.
/// Judged: each 201. The one exception: a failover that the history tells of (`transaction_lost`) took the commit back while
/// the answer was under way or later; who asks after the loss must not be told of what is gone. Broken by: answering before
/// the commit, answering success when the commit's outcome is unknown or its failure was swallowed, answering with an id that
/// was drawn for an attempt that did not make it, remembering answers outside of the database.
[[nodiscard]] Check acknowledged_is_stored(const KeyedRequests& requests, const CreatedRows& rows);

/// In every committed state no two rows share a value of `column`, compared without case (ASCII); NULLs are no values.
/// Judged: after each commit, the values that it wrote.
/// Broken by: looking for the value before inserting it, without a unique index.
[[nodiscard]] Check unique_in_every_state(const std::string& table, const std::string& id, const std::string& column);

/// A request that is refused because its unique value is taken was beaten by somebody else: a row with the value had
/// been committed, and not for the same key (known by the key's row in the same commit or, without one, because no
/// other key asked for the value before). Requests without a key are each somebody else: they may meet what an earlier
/// try made. Judged: each 409 that is final. Broken by: running the whole request again when the commit's answer was
/// lost: it meets its own row.
[[nodiscard]] Check refused_only_if_taken(const KeyedRequests& requests, const CreatedRows& rows);

}  // namespace orrery
