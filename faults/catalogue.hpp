#pragma once

#include <span>
#include <string>
#include <string_view>

#include "runtime/controls.hpp"

namespace orrery {

/// What a fault's `amount` counts.
enum class Amount { none, microseconds, ppm, connections };

/// What is known about a kind of fault: the text that `list` and the documentation print.
struct FaultDescription {
  FaultKind kind;
  std::string_view what;    // what a system under test sees
  std::string_view cause;   // condition → what causes it in production
  std::string_view target;  // the shape of `target`: "host", "a>b", …
  std::string_view lasts;   // what `lasts` means; empty: it strikes once and is over
  Amount amount_counts = Amount::none;
  std::string_view amount;  // what `amount` means; empty: not used
};

/// Every kind, in the order of FaultKind.
[[nodiscard]] std::span<const FaultDescription> fault_catalogue() noexcept;
[[nodiscard]] const FaultDescription& describe(FaultKind kind) noexcept;

/// "crash, stop, pause, …": every name, for messages.
[[nodiscard]] std::string known_fault_kinds();

}  // namespace orrery
