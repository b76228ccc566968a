#include "services/patterns/problem.hpp"

#include <string>

namespace orrery::services {

Json problem(int status, std::string_view name, std::string_view title, std::string_view detail) {
  return Json{{"type", "/problems/" + std::string(name)}, {"title", title}, {"status", status}, {"detail", detail}};
}

Response json_response(int status, const Json& body, int retry_after_s) {
  Response response(status, body.dump());
  response.headers.set("Content-Type", status >= 400 ? "application/problem+json" : "application/json");
  if (retry_after_s >= 0) response.headers.set("Retry-After", std::to_string(retry_after_s));
  return response;
}

Task<Response> healthy(Request) {
  Response response(200, R"({"status":"ok"})");
  response.headers.set("Content-Type", "application/json");
  co_return response;
}

}  // namespace orrery::services
