#pragma once

#include <functional>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/cli.hpp"
#include "scenarios/scenario.hpp"

namespace orrery::cli {

/// What every verb works with.
struct Session {
  const Catalog& catalog;
  std::string program;  // as the user calls it: "./orrery"
};

/// A verb adds its options to `app` and gives what carries it out once they are parsed; that returns an exit status.
using Action = std::function<int()>;

[[nodiscard]] Action add_list(CLI::App& app, const Session& session);
[[nodiscard]] Action add_run(CLI::App& app, const Session& session);
[[nodiscard]] Action add_replay(CLI::App& app, const Session& session);
[[nodiscard]] Action add_shrink(CLI::App& app, const Session& session);
[[nodiscard]] Action add_verify(CLI::App& app, const Session& session);
[[nodiscard]] Action add_report(CLI::App& app, const Session& session);
[[nodiscard]] Action add_graph(CLI::App& app, const Session& session);
[[nodiscard]] Action add_timeline(CLI::App& app, const Session& session);
[[nodiscard]] Action add_sql(CLI::App& app, const Session& session);
[[nodiscard]] Action add_defects(CLI::App& app, const Session& session);
[[nodiscard]] Action add_real(CLI::App& app, const Session& session);
[[nodiscard]] Action add_parity(CLI::App& app, const Session& session);
[[nodiscard]] Action add_drive(CLI::App& app, const Session& session);
[[nodiscard]] Action add_serve(CLI::App& app, const Session& session);

}  // namespace orrery::cli
