#include "services/mediahub/media_command.hpp"

#include <algorithm>

#include "services/mediahub/image.hpp"
#include "services/patterns/digest.hpp"
#include "services/patterns/problem.hpp"

namespace orrery::services {
namespace {

Response to_response(const Answer& answer) {
  return json_response(answer.status, answer.body, answer.status == 503 ? 1 : -1);
}
Response nobody() { return refuse(401, "unauthorized", "Who asks is not known"); }

}  // namespace

bool is_filename(std::string_view name) noexcept {
  if (name.empty() || name.size() > 200 || name == "." || name == "..") return false;
  return std::ranges::none_of(name, [](char c) { return c == '/' || c == '\\' || static_cast<unsigned char>(c) < 32 || c == 127; });
}

MediaCommand::MediaCommand(Context& context) : MediaCommand(context, Settings(context.config, context.service)) {}

MediaCommand::MediaCommand(Context& context, Settings settings)
    : context_(context),
      twin_(settings.text("defect", "")),
      callers_(context.clock, settings),
      request_limit_(settings.duration("request_limit", 4s)),
      limits_(MediaSettings::read(settings.section("media"))),
      media_(context, limits_, twin_),
      sweeper_(context, SweeperSettings::read(settings.section("sweeper"))) {
  settings.refuse_unknown();
  context.http.on("POST /media", [this](Request request) { return upload(std::move(request)); });
  context.http.on("DELETE /media/{id}", [this](Request request) { return remove(std::move(request)); });
  context.http.on("GET /media/{id}/thumbnail", [this](Request request) { return thumbnail(std::move(request)); });
  context.http.on("POST /media/{id}/process", [this](Request request) { return process(std::move(request)); });
  context.http.on("POST /media/{id}/compensate", [this](Request request) { return compensate(std::move(request)); });
  context.http.on("GET /healthz", healthy);
  sweeper_.start();
}

Task<Response> MediaCommand::upload(Request request) {
  const std::optional<std::string> owner = callers_.owner_of(request);
  if (!owner) co_return nobody();
  if (static_cast<std::int64_t>(request.body.size()) > limits_.max_bytes) {
    co_return refuse(413, "too-large", "The file is too large", std::to_string(limits_.max_bytes) + " bytes at most.");
  }
  Upload upload;
  upload.filename = request.query("filename").value_or("unnamed");
  if (!is_filename(upload.filename)) co_return refuse(400, "invalid", "filename: expected a name, not a path");
  const std::string_view type = image_type(request.body);
  if (type.empty() || (request.headers.has("Content-Type") && request.headers.get("Content-Type") != type)) {
    co_return refuse(415, "media-type", "The media type is not supported", "Send a PNG or JPEG and say which.");
  }
  const std::string key(request.headers.get("Idempotency-Key"));
  upload.media_id = key.empty() ? context_.random.uuid() : uuid_of_name("media " + *owner + " " + key);
  upload.owner = *owner;
  upload.content_type = type;
  upload.bytes = std::move(request.body);
  try {
    const Answer answer = co_await media_.upload(std::move(upload), deadline_of(request));
    co_return to_response(answer);
  } catch (const Failure& failure) {
    context_.telemetry.log(Level::warning, "upload failed", Json{{"error", failure.what()}});
  }
  co_return unavailable();
}

Task<Response> MediaCommand::remove(Request request) {
  const std::optional<std::string> owner = callers_.owner_of(request);
  if (!owner) co_return nobody();
  std::string id(request.parameter("id"));
  if (!is_id(id)) co_return refuse(400, "invalid", "id: expected a UUID");
  try {
    const Answer answer = co_await media_.remove(std::move(id), *owner, deadline_of(request));
    co_return to_response(answer);
  } catch (const Failure& failure) {
    context_.telemetry.log(Level::warning, "deletion failed", Json{{"error", failure.what()}});
  }
  co_return unavailable();
}

Task<Response> MediaCommand::thumbnail(Request request) {
  const std::optional<std::string> owner = callers_.owner_of(request);
  if (!owner) co_return nobody();
  std::string id(request.parameter("id"));
  if (!is_id(id)) co_return refuse(400, "invalid", "id: expected a UUID");
  try {
    std::optional<std::string> bytes = co_await media_.thumbnail(std::move(id), *owner, deadline_of(request));
    if (!bytes) co_return refuse(404, "no-such-thumbnail", "There is no such thumbnail");
    Response response(200, std::move(*bytes));
    response.headers.set("Content-Type", "image/png");
    co_return response;
  } catch (const Failure& failure) {
    context_.telemetry.log(Level::warning, "thumbnail not read", Json{{"error", failure.what()}});
  }
  co_return unavailable();
}

Task<Response> MediaCommand::process(Request request) {
  const std::optional<Json> body = object_of(request.body);
  std::string id(request.parameter("id"));
  std::string saga_id = body ? text_of(*body, "saga_id") : std::string();
  if (!is_id(id) || !is_id(saga_id)) co_return refuse(400, "invalid", "expected {saga_id}");
  // twin: compensate-while-forward-runs. That the caller has given up does not end the work.
  const bool goes_on = twin_.is("compensate-while-forward-runs");
  const Instant deadline = goes_on ? context_.clock.now() + 60s : deadline_of(request);
  try {
    const Answer answer = co_await media_.process(std::move(id), std::move(saga_id), deadline);
    co_return to_response(answer);
  } catch (const Failure& failure) {
    context_.telemetry.log(Level::warning, "processing failed", Json{{"error", failure.what()}});
  }
  co_return unavailable();
}

Task<Response> MediaCommand::compensate(Request request) {
  const std::optional<Json> body = object_of(request.body);
  std::string id(request.parameter("id"));
  std::string saga_id = body ? text_of(*body, "saga_id") : std::string();
  if (!is_id(id) || !is_id(saga_id)) co_return refuse(400, "invalid", "expected {saga_id, reason}");
  std::string reason = text_of(*body, "reason");
  try {
    const Answer answer =
        co_await media_.compensate(std::move(id), std::move(saga_id), std::move(reason), deadline_of(request));
    co_return to_response(answer);
  } catch (const Failure& failure) {
    context_.telemetry.log(Level::warning, "compensation failed", Json{{"error", failure.what()}});
  }
  co_return unavailable();
}

Instant MediaCommand::deadline_of(const Request& request) const {
  return std::min(request.deadline, context_.clock.now() + request_limit_);
}

}  // namespace orrery::services
