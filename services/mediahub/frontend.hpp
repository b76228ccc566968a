#pragma once

#include <string>

#include "runtime/context.hpp"
#include "services/patterns/settings.hpp"

namespace orrery::services {

/// A debug page about MediaHub for a developer's browser: media, albums, sagas with their steps, notices, events. The page
/// asks the gateway itself, in the name of a user of "/auth/dev-token", so it shows what that user may see, and of sagas and
/// events all.
///   GET /            the page, in one file; ?user=NAME signs in at once
/// Setting "gateway": where the browser finds the gateway, "http://localhost:8080" without it. The gateway has to allow the
/// page's origin (its setting "origins"), and to be one for development ("dev").
///
/// It keeps nothing and calls nobody, so no scenario runs it; `serve` does.
class Frontend : public Service {
 public:
  /// Throws SettingsError if "gateway" is not an origin: a scheme, a host, perhaps a port.
  explicit Frontend(Context& context);

 private:
  Frontend(Context& context, Settings settings);
  Task<Response> page(Request request);

  Context& context_;
  std::string gateway_;
};

}  // namespace orrery::services
