#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "real-mode/loop.hpp"
#include "real-mode/recorder.hpp"
#include "runtime/controls.hpp"

namespace orrery::real {

/// The faults that only a process itself knows the place of: decisions at the n-th occasion of a link, which it carries out on
/// itself, and episodes at a place ("user-1/outbox-relay after publish"), where it holds until the test bed has acted.
/// Occasions and places count over restarts of the host: those of armed faults are recorded as `place_reached`, and a
/// process that starts again is told the counts.
class Mishaps {
 public:
  /// Stops the process until the test bed has begun the fault; it may never return.
  using Hold = std::function<void(const Fault&)>;

  /// Counts an occasion that several hosts share, and says which it was.
  using Share = std::function<std::uint64_t(const std::string& name)>;

  explicit Mishaps(Loop& loop, Recorder& recorder) : loop_(loop), recorder_(recorder) {}

  /// `counts`: how often each place and occasion was reached by earlier processes of the host.
  void arm(std::vector<Fault> faults, std::map<std::string, std::uint64_t, std::less<>> counts);
  /// Draws decisions, and crashes and pauses at places, with these rates until then.
  void draw(const FaultRates& rates, Random& random, Instant until);
  /// Without it places are only passed.
  void on_hold(Hold hold) { hold_ = std::move(hold); }
  /// Without it each process counts the messages of a group that it gets itself.
  void on_share(Share share) { share_ = std::move(share); }
  /// Nothing strikes any more.
  void disarm();

  /// There may be a fault for this process.
  [[nodiscard]] bool armed() const noexcept {
    return !faults_.empty() || rates_.crash_at_place.per_million > 0 || rates_.pause_at_place.per_million > 0;
  }
  /// Reports that the current task is at `point`. Returns when what is to happen here has happened.
  void reached(std::string_view point);
  /// Counts an occasion of a decision at `target`, and gives the fault that strikes there; null: none.
  [[nodiscard]] const Fault* strike(FaultKind kind, std::string_view target);

 private:
  [[nodiscard]] std::uint64_t count(const std::string& name);
  [[nodiscard]] std::uint64_t count(FaultKind kind, std::string_view target);
  [[nodiscard]] bool drawn(std::uint32_t per_million);

  Loop& loop_;
  Recorder& recorder_;
  Hold hold_;
  Share share_;
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
