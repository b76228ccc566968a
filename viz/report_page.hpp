#pragma once

#include <string>

#include "viz/run_view.hpp"

namespace orrery::viz {

/// One page about a run that needs nothing else: verdict, story, the command that runs it again, the faults, the space-time diagram,
/// the graph of states if something went through one, and a table of all facts that can be searched. No outside resource is named,
/// and the page forbids itself to load any (Content-Security-Policy).
[[nodiscard]] std::string report_html(const RunView& run, const std::string& replay_command);

}  // namespace orrery::viz
