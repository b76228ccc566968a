#pragma once

#include <csignal>
#include <string>
#include <string_view>

#include "scenarios/campaign_worker.hpp"

namespace orrery {

/// The signal that makes a watched worker say in its cell what it does, and end.
inline constexpr int kSayWhatYouDo = SIGUSR2;

/// Ends this process, with the task's name in `cell`, when a task uses up `limits.standstill` of CPU time without
/// giving control back to its world: virtual time would stand still for ever. It looks from a signal handler of
/// ITIMER_VIRTUAL.
void watch_this_process(WorkerCell& cell, const RunLimits& limits);

/// Of what a process wrote, the part that says why it died: from a sanitizer's "ERROR:" on, else the last lines.
[[nodiscard]] std::string telling_part(std::string_view output);
/// Of that, the one line that is the same for the same mistake: a sanitizer's summary, a failed CHECK, an uncaught
/// exception. Empty: there is none.
[[nodiscard]] std::string telling_line(std::string_view output);

}  // namespace orrery
