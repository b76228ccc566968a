#include "services/mediahub/upload_saga.hpp"

#include "services/mediahub/events.hpp"
#include "services/patterns/problem.hpp"

namespace orrery::services {
namespace {

constexpr std::string_view kList =
    "SELECT id, name, business_key, state, escalated, reason FROM sagas WHERE ($1 = '' OR state = $1)"
    " ORDER BY created_at DESC, id DESC LIMIT 100";
constexpr std::string_view kGet =
    "SELECT id, name, business_key, state, escalated, reason FROM sagas WHERE id = $1";
constexpr std::string_view kSteps =
    "SELECT name, state, attempts, undo_attempts, last_error FROM saga_steps WHERE saga_id = $1 ORDER BY step";

Request json_request(std::string target, const Json& body) {
  Request request("POST", std::move(target), body.dump());
  request.headers.set("Content-Type", "application/json");
  return request;
}

Json json_of(const Row& row) {
  return Json{{"id", row["id"].text()},         {"name", row["name"].text()},
              {"about", row["business_key"].text()}, {"state", row["state"].text()},
              {"escalated", row["escalated"].boolean()}, {"reason", row["reason"].text()}};
}

Json membership(const SagaCall& call) {
  return Json{{"owner", text_of(call.input, "owner")}, {"media_id", call.business_key}, {"saga_id", call.saga_id}};
}

}  // namespace

UploadSaga::UploadSaga(Context& context) : UploadSaga(context, Settings(context.config, context.service)) {}

UploadSaga::UploadSaga(Context& context, Settings settings)
    : context_(context),
      twin_(settings.text("defect", "")),
      callers_(context.clock, settings),
      call_timeout_(settings.duration("call_timeout", 4s)),
      db_(context.database("saga_db")),
      events_(context),
      runner_(context, db_, declaration(settings.section("steps")), SagaSettings::read(settings.section("runner")), twin_),
      follower_(
          context, db_, "upload-saga", events_.reader(),
          [this](StoredEvent event) { return on_event(std::move(event)); },
          FeedSettings::read(settings.section("feed"), FeedSettings{3s, 50, Backoff{200ms, 5s}}), twin_) {
  settings.refuse_unknown();
  context.http.on("GET /sagas", [this](Request request) { return list(std::move(request)); });
  context.http.on("GET /sagas/{id}", [this](Request request) { return get(std::move(request)); });
  context.http.on("GET /healthz", healthy);
  runner_.start();
  follower_.start();
}

SagaDeclaration UploadSaga::declaration(Settings settings) {
  const Duration deadline = settings.duration("deadline", 40s);
  settings.refuse_unknown();
  std::vector<SagaStep> steps;
  steps.emplace_back(
      "thumbnail", [this](SagaCall call) { return make_thumbnail(std::move(call)); },
      [this](SagaCall call) { return disable_media(std::move(call)); });
  steps.emplace_back(
      "album", [this](SagaCall call) { return add_to_album(std::move(call)); },
      [this](SagaCall call) { return take_out_of_album(std::move(call)); });
  steps.back().pivot = true;
  steps.emplace_back("notify", [this](SagaCall call) { return notify(std::move(call)); });
  for (SagaStep& step : steps) step.deadline = deadline;
  return SagaDeclaration("media-upload", std::move(steps));
}

Task<StepOutcome> UploadSaga::make_thumbnail(SagaCall call) {
  Request request = json_request("/media/" + call.business_key + "/process", Json{{"saga_id", call.saga_id}});
  StepOutcome outcome = co_await ask("media-command", std::move(request), StepResult::requested);
  co_return outcome;
}

Task<StepOutcome> UploadSaga::disable_media(SagaCall call) {
  Request request = json_request("/media/" + call.business_key + "/compensate",
                                 Json{{"saga_id", call.saga_id}, {"reason", "the upload could not be completed"}});
  StepOutcome outcome = co_await ask("media-command", std::move(request), StepResult::done);
  co_return outcome;
}

Task<StepOutcome> UploadSaga::add_to_album(SagaCall call) {
  StepOutcome outcome =
      co_await ask("media-album", json_request("/default-album/add", membership(call)), StepResult::requested);
  co_return outcome;
}

Task<StepOutcome> UploadSaga::take_out_of_album(SagaCall call) {
  StepOutcome outcome =
      co_await ask("media-album", json_request("/default-album/compensate", membership(call)), StepResult::done);
  co_return outcome;
}

Task<StepOutcome> UploadSaga::notify(SagaCall call) {
  Json body = membership(call);
  body["text"] = text_of(call.input, "filename") + " is in your album";
  StepOutcome outcome = co_await ask("media-notification", json_request("/notifications", body), StepResult::requested);
  co_return outcome;
}

Task<StepOutcome> UploadSaga::ask(std::string service, Request request, StepResult on_success) {
  StepOutcome outcome;
  try {
    const Response response = co_await context_.http.call(service, std::move(request), call_timeout_);
    outcome.detail = service + " answered " + std::to_string(response.status);
    if (response.ok()) {
      outcome.result = on_success;
    } else if (response.status == 404 || response.status == 409 || response.status == 422) {
      outcome.result = StepResult::refused;
    }
  } catch (const CallFailed& failed) {
    outcome.detail = failed.what();
  }
  co_return outcome;
}

Task<void> UploadSaga::on_event(StoredEvent event) {
  const std::string saga_id = text_of(event.data, "saga_id");
  std::string step;
  if (event.type == kMediaProcessed || event.type == kMediaProcessingFailed) step = "thumbnail";
  if (event.type == kMediaAddedToAlbum) step = "album";
  if (event.type == kNotificationSent) step = "notify";
  if (event.type != kMediaUploaded && (step.empty() || !is_id(saga_id))) co_return;

  Transaction tx = co_await db_.begin();
  if (event.type == kMediaUploaded) {
    const Json input{{"owner", text_of(event.data, "owner")}, {"filename", text_of(event.data, "filename")}};
    const bool started = co_await runner_.store().start(tx, context_.random.uuid(), event.aggregate_id, input);
    if (!started) co_return;
    context_.telemetry.count("sagas_started_total");
  } else {
    if (twin_.is("out-of-order-event-faults")) {  // twin: out-of-order-event-faults
      const Rows running = co_await tx.exec("SELECT id FROM sagas WHERE id = $1 AND state = 'running'", saga_id);
      if (running.empty()) throw EventsUnavailable(Effect::did_not_happen, "an event that the saga does not expect");
    }
    const bool done = event.type != kMediaProcessingFailed;
    const bool noted = co_await runner_.store().signal(tx, saga_id, step, done, text_of(event.data, "reason"));
    if (!noted) co_return;
  }
  co_await tx.commit();
}

Task<Response> UploadSaga::list(Request request) {
  const std::optional<std::string> owner = callers_.owner_of(request);
  if (!owner) co_return refuse(401, "unauthorized", "Who asks is not known");
  try {
    const Rows rows = co_await db_.exec(kList, request.query("state").value_or(""));
    Json sagas = Json::array();
    for (const Row row : rows) sagas.push_back(json_of(row));
    co_return json_response(200, Json{{"sagas", sagas}});
  } catch (const DatabaseError& error) {
    if (!is_transient(error)) throw;
  }
  co_return unavailable();
}

Task<Response> UploadSaga::get(Request request) {
  const std::optional<std::string> owner = callers_.owner_of(request);
  if (!owner) co_return refuse(401, "unauthorized", "Who asks is not known");
  const std::string id(request.parameter("id"));
  if (!is_id(id)) co_return refuse(404, "no-such-saga", "There is no such saga");
  try {
    const Rows rows = co_await db_.exec(kGet, id);
    if (rows.empty()) co_return refuse(404, "no-such-saga", "There is no such saga");
    Json saga = json_of(rows[0]);
    const Rows steps = co_await db_.exec(kSteps, id);
    saga["steps"] = Json::array();
    for (const Row row : steps) {
      saga["steps"].push_back(Json{{"name", row["name"].text()},
                                   {"state", row["state"].text()},
                                   {"attempts", row["attempts"].integer()},
                                   {"undo_attempts", row["undo_attempts"].integer()},
                                   {"error", row["last_error"].text()}});
    }
    co_return json_response(200, saga);
  } catch (const DatabaseError& error) {
    if (!is_transient(error)) throw;
  }
  co_return unavailable();
}

}  // namespace orrery::services
