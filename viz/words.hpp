#pragma once

#include <string>
#include <string_view>

#include "runtime/history.hpp"

namespace orrery::viz {

/// The form that stands for an event on its lane.
enum class Mark { none, dot, operation, commit, unknown, failed, fault, crash, start };

/// The form of an event.
[[nodiscard]] Mark mark_of(const Event& event);

/// An event in a few words, beside its lane; empty: the form, or an arrow's end, says it.
[[nodiscard]] std::string label_of(const Event& event);

/// On whose lane an event is drawn: its host; of a link's fault the host at its beginning. Empty: on nobody's.
[[nodiscard]] std::string_view lane_of(const Event& event);

/// "59.380 s".
[[nodiscard]] std::string clock_text(Instant at);
/// "+0.9 ms", "8.2 s": three digits that matter.
[[nodiscard]] std::string span_text(Duration duration);

}  // namespace orrery::viz
