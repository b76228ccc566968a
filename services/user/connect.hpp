#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/http.hpp"
#include "runtime/json.hpp"
#include "services/patterns/idempotency.hpp"

namespace orrery::services {

/// Connect's unary protocol with JSON (connectrpc.com/docs/protocol): a plain POST with a JSON body; success is 200,
/// and an error is {code, message} under the HTTP status that belongs to the code.
[[nodiscard]] Response connect_error(std::string_view code, std::string_view message);
/// The message of a unary call: a POST's body, or, of a method without side effects, the query of a GET
/// (?connect=v1&encoding=json&message=…, with base64=1 in URL-safe base64). A call in another encoding or compression is refused.
struct ConnectCall {
  std::string message;
  std::optional<Response> refused;
};
[[nodiscard]] ConnectCall connect_call(const Request& request);

/// An answer of `Users` in Connect's terms: 400 invalid_argument, 404 not_found, 409 already_exists or (in work)
/// aborted, 422 failed_precondition, 503 unavailable.
[[nodiscard]] Response connect_response(const Answer& answer);

/// A string member of a message; empty if absent or not a string.
[[nodiscard]] std::string text_member(const Json& message, std::string_view name);
/// An integer member within bounds, also in proto3's JSON form for 64 bits, a string; nullopt if it is something else.
[[nodiscard]] std::optional<std::int64_t> integer_member(const Json& message, std::string_view name,
                                                         std::int64_t standard, std::int64_t low, std::int64_t high);

}  // namespace orrery::services
