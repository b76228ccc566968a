#include "services/mediahub/frontend.hpp"

#include <algorithm>
#include <utility>

#include "services/mediahub/frontend_page.hpp"
#include "services/patterns/problem.hpp"

namespace orrery::services {
namespace {

/// "http://localhost:8080": a scheme, a host and perhaps a port, and nothing that would mean something in HTML or a policy.
bool is_origin(std::string_view text) {
  const std::size_t scheme = text.starts_with("http://") ? 7 : text.starts_with("https://") ? 8 : 0;
  if (scheme == 0) return false;
  const std::string_view host = text.substr(scheme);
  return !host.empty() && std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == ':';
  });
}

void replace_all(std::string& text, std::string_view what, std::string_view by) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
}

}  // namespace

Frontend::Frontend(Context& context) : Frontend(context, Settings(context.config, context.service)) {}

Frontend::Frontend(Context& context, Settings settings)
    : context_(context), gateway_(settings.text("gateway", "http://localhost:8080")) {
  settings.refuse_unknown();
  if (!is_origin(gateway_)) {
    throw SettingsError(context.service + ".gateway: expected an origin such as \"http://localhost:8080\"");
  }
  context.http.on("GET /", [this](Request request) { return page(std::move(request)); });
  context.http.on("GET /healthz", healthy);
}

Task<Response> Frontend::page(Request) {
  const std::string nonce = context_.random.uuid();
  std::string html = frontend_page();
  replace_all(html, "@GATEWAY@", gateway_);
  replace_all(html, "@NONCE@", nonce);
  Response response(200, std::move(html));
  response.headers.set("Content-Type", "text/html; charset=utf-8");
  response.headers.set("Cache-Control", "no-store");  // the nonce is of this answer
  response.headers.set("Content-Security-Policy",
                       "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; img-src blob:;"
                       " style-src 'unsafe-inline'; script-src 'nonce-" + nonce + "'; connect-src " + gateway_);
  response.headers.set("X-Content-Type-Options", "nosniff");
  co_return response;
}

}  // namespace orrery::services
