#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "scenarios/scenario.hpp"
#include "scenarios/stage.hpp"

namespace orrery {

/// A simulated world that a test steps by hand. Nothing happens in it but what the test asks for and what the services do
/// of themselves: no workload, no faults, unless `play` adds those of the seed. Everything is recorded.
///
///   Simulation world(user_notification());
///   world.call("user", Request("POST", "/users", R"({"email": "a@b.c", "name": "A"})"));
///   world.run_until("user-1/outbox-relay after publish");
///   world.crash("user-1");
///   world.settle();
///   EXPECT_EQ(world.rows("notification_db", "SELECT id FROM notification_jobs").size(), 1);
///
/// Calls that let time pass throw sim::Stuck if a task goes round without ever waiting.
class Simulation {
 public:
  explicit Simulation(const Scenario& scenario, std::uint64_t seed = 1);
  /// Without properties and workload.
  explicit Simulation(Topology topology, std::uint64_t seed = 1);

  // ---- time ----
  /// Since the run began.
  [[nodiscard]] Duration now() const;
  void run_for(Duration duration);
  /// Everything up to and including that instant.
  void run_until(Instant until);
  /// Until a task has reached the place ("user-1/outbox-relay before commit") `times` times from now on, but no longer than
  /// `at_most`; false: it was not reached. The task has gone on from there to where it next waits; for a host that dies
  /// right at a place see `crash_at`.
  bool run_until(std::string_view place, int times = 1, Duration at_most = std::chrono::minutes(5));
  /// Until nothing can happen any more but the timers of idle loops: for `window` no client operation, request,
  /// publish, delivery or acknowledgement has begun or ended, no committed transaction changed a row, no host started or
  /// died, and the broker has nothing left to do. `window` must be longer than the longest pause between two attempts of
  /// one work (a backoff, a lease, an ack deadline): then what looks idle is. Polls that find nothing do not count. False:
  /// this did not come to pass within `at_most`.
  bool run_until_at_rest(Duration window = std::chrono::seconds(30), Duration at_most = std::chrono::minutes(10));

  // ---- faults ----
  /// Memory is gone; the host stays down until `restart` or `heal`.
  void crash(std::string_view host);
  void restart(std::string_view host);
  /// The host dies when its task reaches the place for the `nth` time since the run began, and starts again after `lasts`.
  void crash_at(std::string_view host, std::string_view place, int nth = 1, Duration lasts = std::chrono::seconds(1));
  void pause(std::string_view host);
  void resume(std::string_view host);
  /// Nothing passes between the hosts, either way, until `heal`.
  void partition(std::string_view a, std::string_view b);
  /// Any other fault: an episode that begins now, or a decision or place that is armed.
  void inject(const Fault& fault);
  /// Takes away partitions, resumes and starts hosts. What was armed stays so.
  void heal();

  // ---- asking ----
  /// An answer that may still be on its way.
  class Call {
   public:
    [[nodiscard]] bool ended() const noexcept { return state_->ended; }
    /// CHECKs that it ended; throws CallFailed if it brought no answer.
    [[nodiscard]] const Response& response() const;

   private:
    friend class Simulation;
    struct State {
      bool ended = false;
      Response response;
      std::exception_ptr failed;
    };
    std::shared_ptr<State> state_ = std::make_shared<State>();
  };
  /// Sends a request from a client's host, and lets no time pass.
  Call start_call(std::string_view service, Request request, Duration timeout = std::chrono::seconds(5),
                  std::string_view client = "client-1");
  /// Sends a request and lets time pass until it has ended. Throws CallFailed.
  Response call(std::string_view service, Request request, Duration timeout = std::chrono::seconds(5),
                std::string_view client = "client-1");
  /// Begins an operation of the scenario's workload now.
  void perform(std::string_view client, std::string_view operation, Json arguments);
  /// Runs a task on a host that is up, beside its service.
  void spawn(std::string_view host, std::string_view name, std::function<Task<void>(Context&)> body);
  /// Adds the workload and the faults that the scenario draws for the seed; only at the beginning.
  void play();

  // ---- looking ----
  /// What a new transaction would see.
  [[nodiscard]] Rows rows(std::string_view database, std::string_view sql);
  [[nodiscard]] const History& history();
  [[nodiscard]] bool is_up(std::string_view host);

  // ---- judging ----
  /// The end of faults: `heal`, nothing that was armed strikes any more, and the scenario's time to settle passes.
  void settle();
  /// The verdict of each of the scenario's properties on what happened so far.
  [[nodiscard]] std::vector<JudgedProperty> judge();

  /// Everything else, for tests of the world itself.
  [[nodiscard]] sim::World& world() noexcept { return stage_.world(); }

 private:
  sim::Host& host(std::string_view name);

  std::uint64_t seed_;
  Stage stage_;
  std::vector<std::pair<std::string, std::string>> partitions_;
  int performed_ = 0;
};

}  // namespace orrery
