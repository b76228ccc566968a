#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "real-mode/loop.hpp"
#include "real-mode/recorder.hpp"
#include "runtime/controls.hpp"

namespace orrery::real {

/// The faults that a process carries out on itself, because only it knows where it is: decisions at the n-th occasion of a
/// link, and crashes at a place ("user-1/outbox-relay after publish"). Occasions and places count over restarts of the
/// host: those of armed faults are recorded as `place_reached`, and a process that starts again is told the counts.
class Mishaps {
 public:
  explicit Mishaps(Loop& loop, Recorder& recorder) : loop_(loop), recorder_(recorder) {}

  /// `counts`: how often each place and occasion was reached by earlier processes of the host.
  void arm(std::vector<Fault> faults, std::map<std::string, std::uint64_t, std::less<>> counts);
  /// Draws decisions, and crashes at places, with these rates until then.
  void draw(const FaultRates& rates, Random& random, Instant until);

  /// There may be a fault for this process.
  [[nodiscard]] bool armed() const noexcept { return !faults_.empty() || rates_.crash_at_place.per_million > 0; }
  /// Reports that the current task is at `point`. Does not return if the host is to die here.
  void reached(std::string_view point);
  /// Counts an occasion of a decision at `target`, and gives the fault that strikes there; null: none.
  [[nodiscard]] const Fault* strike(FaultKind kind, std::string_view target);

 private:
  [[nodiscard]] std::uint64_t count(const std::string& name);
  [[nodiscard]] bool drawn(std::uint32_t per_million);
  void die(const Fault& fault);

  Loop& loop_;
  Recorder& recorder_;
  std::vector<Fault> faults_;
  FaultRates rates_;
  Random* random_ = nullptr;
  Instant rates_until_{};
  Fault drawn_;  // what `strike` gave last
  std::map<std::string, std::uint64_t, std::less<>> counts_;
};

/// How `place_reached` names the occasions of a decision: "kill_session user-1>user_db".
[[nodiscard]] std::string occasion_name(FaultKind kind, std::string_view target);

}  // namespace orrery::real
