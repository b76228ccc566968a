#pragma once

#include <string_view>

#include "runtime/http.hpp"
#include "runtime/json.hpp"

namespace orrery::services {

/// The body of a problem answer (RFC 9457): {type, title, status, detail}. `type` is "/problems/<name>".
[[nodiscard]] Json problem(int status, std::string_view name, std::string_view title, std::string_view detail);

/// An answer with a JSON body: application/problem+json from status 400 on. Answers that ask for another try (409 of a
/// request in work, 429, 503) get their Retry-After from `retry_after_s`; negative: none.
[[nodiscard]] Response json_response(int status, const Json& body, int retry_after_s = -1);

/// The handler of GET /healthz: 200 whenever the process answers at all.
[[nodiscard]] Task<Response> healthy(Request request);

}  // namespace orrery::services
