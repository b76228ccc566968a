#pragma once

#include "runtime/context.hpp"
#include "services/mediahub/media.hpp"
#include "services/mediahub/support.hpp"
#include "services/mediahub/sweeper.hpp"

namespace orrery::services {

/// The command side of media:
///   POST /media?filename=          the file as body. 201 {id, position}; 400, 413, 415; Idempotency-Key makes it repeatable
///   DELETE /media/{id}             200
///   GET /media/{id}/thumbnail      200 image/png
///   POST /media/{id}/process       {saga_id}, internal: 200, 409, 422
///   POST /media/{id}/compensate    {saga_id, reason}, internal: 200
class MediaCommand : public Service {
 public:
  explicit MediaCommand(Context& context);

 private:
  MediaCommand(Context& context, Settings settings);
  Task<Response> upload(Request request);
  Task<Response> remove(Request request);
  Task<Response> thumbnail(Request request);
  Task<Response> process(Request request);
  Task<Response> compensate(Request request);
  [[nodiscard]] Instant deadline_of(const Request& request) const;

  Context& context_;
  Twin twin_;
  Callers callers_;
  Duration request_limit_;
  MediaSettings limits_;
  Media media_;
  Sweeper sweeper_;
};

/// True if this can be shown as the name of a file: 1 to 200 bytes without '/', '\', control characters, "." and "..". It is
/// never used as a path.
[[nodiscard]] bool is_filename(std::string_view name) noexcept;

}  // namespace orrery::services
