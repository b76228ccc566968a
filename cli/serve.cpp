#include <algorithm>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "cli/input.hpp"
#include "cli/verbs.hpp"
#include "real-mode/broker.hpp"
#include "real-mode/config.hpp"
#include "real-mode/node.hpp"
#include "real-mode/pg_link.hpp"
#include "real-mode/socket.hpp"

namespace orrery::cli {
namespace {

struct Arguments {
  std::string service;
  std::string config;
  std::string events;
  bool migrate = false;
};

struct Known {
  const Topology* topology;
  const Topology::ServiceSpec* service;
};

Known find_service(const Catalog& catalog, const std::string& name) {
  std::vector<std::string> known;
  for (const Scenario& scenario : catalog.scenarios) {
    for (const auto* kind : {&scenario.topology.services, &scenario.topology.pages}) {
      for (const Topology::ServiceSpec& service : *kind) {
        if (service.name == name) return {&scenario.topology, &service};
        known.push_back(service.name);
      }
    }
  }
  throw UsageError("serve: " + unknown("service", name, known));
}

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) throw UsageError(fmt::format("serve: \"{}\" cannot be read, or is empty", path));
  return text.str();
}

void migrate_all(const Topology& topology, const real::NodeSettings& settings) {
  for (const auto& [name, connection] : settings.databases) {
    const auto spec = std::ranges::find(topology.databases, name, &Topology::DatabaseSpec::name);
    if (spec != topology.databases.end()) real::migrate(connection, {spec->schema});
  }
  if (!settings.broker.empty()) real::migrate(settings.broker, real::broker_migrations());
}

int serve(const Session& session, const Arguments& arguments) {
  const Known known = find_service(session.catalog, arguments.service);
  real::NodeSettings settings;
  try {
    settings = real::read_config(read_text(arguments.config), arguments.service);
  } catch (const std::invalid_argument& error) {
    throw UsageError(fmt::format("serve: \"{}\": {}", arguments.config, error.what()));
  }
  if (!arguments.events.empty()) {
    settings.events = arguments.events + "/" + settings.host + ".events";
    settings.pool.tells_session = true;
  }
  try {
    if (arguments.migrate) migrate_all(*known.topology, settings);
    return real::serve(settings, known.service->factory);
  } catch (const std::invalid_argument& error) {  // the service's own settings
    throw UsageError(fmt::format("serve: \"{}\": {}", arguments.config, error.what()));
  } catch (const real::PgError& error) {
    throw std::runtime_error(error.what());
  }
}

}  // namespace

Action add_serve(CLI::App& app, const Session& session) {
  auto arguments = std::make_shared<Arguments>();
  app.add_option("SERVICE", arguments->service, "A service of a scenario")->required();
  app.add_option("--config", arguments->config, "Its configuration (JSON; ${NAME} is the environment's)")
      ->required()
      ->type_name("FILE");
  app.add_option("--events", arguments->events, "Writes what happens to a file in this folder, for drive")->type_name("FOLDER");
  app.add_flag("--migrate", arguments->migrate, "First brings its databases, and the broker's, up to date");
  return [arguments, &session] { return serve(session, *arguments); };
}

}  // namespace orrery::cli
