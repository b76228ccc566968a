#include "runtime/controls.hpp"

namespace orrery {
namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(FaultKind::count_)> kNames = {
    "crash",           "stop",
    "pause",           "clock_jump",
    "clock_drift",     "partition",
    "one_way_partition", "slow_link",
    "slow_service",    "error_burst",
    "slow_database",   "broker_delay",
    "drop",            "duplicate",
    "delay",           "break_statement",
    "break_before_commit", "break_during_commit",
    "break_after_commit", "kill_session",
    "deadlock",        "lose_publish",
    "lose_confirmation", "lose_ack",
    "redeliver",       "cache_down",
    "disk_full",       "cache_flush",
    "cache_evict",     "failover",
    "switchover",      "standby_lag",
    "read_only_database", "connection_limit",
    "idle_transaction", "serialization_failure",
    "break_listening",
};

}  // namespace

std::string_view to_string(FaultKind kind) noexcept {
  const auto index = static_cast<std::size_t>(kind);
  return index < kNames.size() ? kNames[index] : "?";
}

std::optional<FaultKind> fault_kind(std::string_view name) noexcept {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<FaultKind>(i);
  }
  return std::nullopt;
}

std::string address_of(const Fault& fault) {
  if (fault.ordinal == 0) return to_string(fault.at);
  return (fault.place.empty() ? fault.target : fault.place) + " #" + std::to_string(fault.ordinal);
}

std::string to_string(const Fault& fault) {
  std::string text(to_string(fault.kind));
  text += ' ';
  text += fault.target;
  if (fault.ordinal == 0) {
    text += " at " + to_string(fault.at);
  } else if (fault.place.empty()) {
    text += ", occasion " + std::to_string(fault.ordinal);
  } else {
    text += " at " + address_of(fault);
  }
  if (fault.amount != 0) {
    text += fault.kind == FaultKind::clock_drift        ? ", " + std::to_string(fault.amount) + " ppm"
            : fault.kind == FaultKind::connection_limit ? " to " + std::to_string(fault.amount)
                                                        : " by " + to_string(Duration(fault.amount * 1000));
  }
  if (fault.lasts > Duration::zero()) text += " for " + to_string(fault.lasts);
  return text;
}

}  // namespace orrery
