#pragma once

#include "runtime/context.hpp"
#include "services/mediahub/event_client.hpp"
#include "services/mediahub/support.hpp"
#include "services/patterns/projection.hpp"
#include "services/patterns/saga_runner.hpp"

namespace orrery::services {

/// What follows an upload, as a saga in "saga_db":
///
///   step        action                            undone by
///   thumbnail   media-command makes it            disabling the medium and removing its files
///   album       into the owner's default album    taking it out, and a fence
///   notify      the owner is told                 – (behind the pivot, which is "album": it is tried until it works)
///
/// MediaUploaded starts it. A step has succeeded when the event that says so comes, with this saga's id in it; an answer of
/// "done" to the request only means that it will. A refusal counts at once.
///   GET /sagas?state=    {sagas}, newest first; GET /sagas/{id}    with its steps
class UploadSaga : public Service {
 public:
  explicit UploadSaga(Context& context);

 private:
  UploadSaga(Context& context, Settings settings);
  [[nodiscard]] SagaDeclaration declaration(Settings settings);
  Task<StepOutcome> make_thumbnail(SagaCall call);
  Task<StepOutcome> disable_media(SagaCall call);
  Task<StepOutcome> add_to_album(SagaCall call);
  Task<StepOutcome> take_out_of_album(SagaCall call);
  Task<StepOutcome> notify(SagaCall call);
  /// Asks a participant. `on_success`: what a 2xx means.
  Task<StepOutcome> ask(std::string service, Request request, StepResult on_success);
  /// Takes in one event of the feed.
  Task<void> on_event(StoredEvent event);
  Task<Response> list(Request request);
  Task<Response> get(Request request);

  Context& context_;
  Twin twin_;
  Callers callers_;
  Duration call_timeout_;
  Database& db_;
  EventClient events_;
  SagaRunner runner_;
  Follower follower_;
};

}  // namespace orrery::services
