#include "services/patterns/idempotency.hpp"

namespace orrery::services {
namespace {

/// A key that has expired is taken over in place; otherwise the row of the earlier request stays as it is.
constexpr std::string_view kClaim =
    "INSERT INTO idempotency_keys AS k (scope, key, request_hash) VALUES ($1, $2, sha256($3))"
    " ON CONFLICT (scope, key) DO UPDATE SET request_hash = excluded.request_hash, recovery_point = 'started',"
    " response_code = NULL, response_body = NULL, locked_at = now(), created_at = now(),"
    " expires_at = now() + interval '24 hours'"
    " WHERE k.expires_at <= now() RETURNING key";

constexpr std::string_view kLookUp =
    "SELECT request_hash = sha256($3) AS same_request, response_code, response_body FROM idempotency_keys"
    " WHERE scope = $1 AND key = $2 AND expires_at > now()";

constexpr std::string_view kFinish =
    "UPDATE idempotency_keys SET recovery_point = 'finished', locked_at = NULL, response_code = $3, response_body = $4"
    " WHERE scope = $1 AND key = $2";

}  // namespace

Task<IdempotencyKeys::Claimed> IdempotencyKeys::claim(Transaction& tx, std::string_view scope, std::string key,
                                                      std::string fingerprint) {
  const Rows granted = co_await tx.exec(kClaim, scope, key, sql_bytes(fingerprint));
  if (!granted.empty()) co_return Claimed();
  // A statement of its own, so that it sees the row that the first one waited for. That row cannot go away before we
  // end: the first statement has locked it.
  Claimed earlier = co_await look_up(tx, scope, std::move(key), std::move(fingerprint));
  co_return earlier;
}

Task<IdempotencyKeys::Claimed> IdempotencyKeys::look_up(Transaction& tx, std::string_view scope, std::string key,
                                                        std::string fingerprint) {
  const Rows rows = co_await tx.exec(kLookUp, scope, key, sql_bytes(fingerprint));
  Claimed earlier;
  if (rows.empty()) co_return earlier;
  const Row row = rows[0];
  if (!row["same_request"].boolean()) {
    earlier.claim = Claim::differs;
  } else {
    CHECK(!row["response_code"].is_null(), "a committed idempotency key has its answer");
    earlier.claim = Claim::repeated;
    earlier.answer = Answer(static_cast<int>(row["response_code"].integer()), Json::parse(row["response_body"].text()));
  }
  co_return earlier;
}

Task<void> IdempotencyKeys::finish(Transaction& tx, std::string_view scope, std::string key, const Answer& answer) {
  co_await tx.exec(kFinish, scope, key, answer.status, answer.body.dump());
}

}  // namespace orrery::services
