#pragma once

#include <set>
#include <string>

#include "runtime/context.hpp"
#include "services/mediahub/support.hpp"

namespace orrery::services {

/// The only way in from outside.
///   POST /auth/dev-token {user}      {token}; only with the setting "dev"
///   GET /events, /events/{type}/{id}              of the event store, everybody's; only with the setting "dev"
///   GET /auth/{provider}?redirect_uri=            302 to the provider, with a state bound to this browser by a cookie
///   GET /auth/{provider}/callback?code=&state=    {token} if the state is ours, young, and this browser's
/// Everything else is passed on to the service that owns it, in the name of the token's subject: whatever X-User-ID a client
/// sends is dropped. A call that brought no answer is 503 (did not happen) or 504 (may have).
///
/// The providers are stubs: instead of asking GitHub or Google, the code "user:<name>" stands for that user.
class Gateway : public Service {
 public:
  explicit Gateway(Context& context);

 private:
  Gateway(Context& context, Settings settings);
  void pass(std::string_view route, std::string service);
  Task<Response> forward(std::string service, Request request);
  Task<Response> dev_token(Request request);
  Task<Response> begin_login(Request request);
  Task<Response> end_login(Request request);
  Task<Response> preflight(Request request);
  [[nodiscard]] std::string state_for(std::string_view nonce, std::int64_t at_s) const;
  void allow_origin(const Request& request, Response& response) const;
  [[nodiscard]] Response token_for(const std::string& user) const;

  Context& context_;
  std::string secret_;
  Callers callers_;
  bool dev_;
  Duration call_timeout_;
  Duration token_lasts_;
  std::set<std::string, std::less<>> origins_;
  std::set<std::string, std::less<>> redirects_;
};

}  // namespace orrery::services
