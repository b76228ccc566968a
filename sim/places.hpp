#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "runtime/task.hpp"
#include "sim/decisions.hpp"
#include "sim/kernel.hpp"

namespace orrery::sim {

/// The places in what happens at which a fault may strike: "user-1/outbox-relay after publish" is reached each time that
/// this relay's publish was confirmed. The world reports them; services do not know of them.
class Places {
 public:
  Places(Kernel& kernel, Decisions& decisions) : kernel_(kernel), decisions_(decisions) {}

  /// What an episode that is addressed by a place does when the place is reached.
  void on_strike(std::function<void(const Fault&)> begin) { begin_ = std::move(begin); }

  /// Reports that the current fiber of `host` is at `point` ("before commit"). True: the host dies or stands still here,
  /// and the caller must not go on: `if (places.reached(host, "after publish")) co_await Places::halt(host);`
  [[nodiscard]] bool reached(Host& host, std::string_view point);
  /// For ever if the host dies, until it goes on if it is paused.
  [[nodiscard]] static Task<void> halt(Host& host);

 private:
  struct Place {
    std::string name;
    std::uint64_t entity = 0;
    std::uint64_t ordinal = 0;
  };
  Kernel& kernel_;
  Decisions& decisions_;
  std::function<void(const Fault&)> begin_;
  std::unordered_map<std::uint64_t, Place> places_;  // lookup only
};

}  // namespace orrery::sim
