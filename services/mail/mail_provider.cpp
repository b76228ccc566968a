#include "services/mail/mail_provider.hpp"

#include <utility>

#include "services/patterns/problem.hpp"
#include "services/patterns/settings.hpp"

namespace orrery::services {

MailProvider::MailProvider(Context& context) : context_(context) {
  Settings settings(context.config, context.service);
  latency_min_ = settings.duration("latency_min", 20ms);
  latency_max_ = settings.duration("latency_max", 150ms, latency_min_);
  deduplicates_ = settings.flag("deduplicates", false);
  (void)settings.text("defect", "");  // every service of a broken system is told its name
  settings.refuse_unknown();
  context.http.on("POST /messages", [this](Request request) { return accept(std::move(request)); });
  context.http.on("GET /healthz", healthy);
}

Task<Response> MailProvider::accept(Request request) {
  co_await context_.clock.sleep(context_.random.between(latency_min_, latency_max_));
  const Json message = Json::parse(request.body, nullptr, false);
  for (const char* member : {"job_id", "event_id", "channel", "to", "template"}) {
    if (!message.is_object() || !message.contains(member) || !message[member].is_string()) {
      co_return json_response(400,
                              problem(400, "invalid", "Not a message", std::string("expected a string: ") + member));
    }
  }
  if (message["to"].get_ref<const std::string&>().ends_with("@rejected.example")) {
    co_return json_response(422, problem(422, "no-such-address", "The address does not exist", ""));
  }
  const std::string key(request.headers.get("Idempotency-Key"));
  if (deduplicates_ && accepted_.contains(key)) co_return json_response(202, Json{{"id", accepted_[key]}});

  const std::string id = context_.random.uuid();
  if (deduplicates_ && !key.empty()) accepted_.emplace(key, id);
  context_.telemetry.log(Level::info, "mail accepted",
                         Json{{"job_id", message["job_id"]}, {"event_id", message["event_id"]}, {"id", id}});
  co_return json_response(202, Json{{"id", id}});
}

}  // namespace orrery::services
