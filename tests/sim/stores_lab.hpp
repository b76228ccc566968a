#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "sim/cache.hpp"
#include "sim/files.hpp"
#include "sim/world.hpp"

namespace orrery::sim {

/// A world with a file store "media", a cache, and a host "client-1" whose tasks a test writes.
class StoresLab {
 public:
  explicit StoresLab(std::uint64_t seed = 1) : world(seed, true) {
    world.add_broker();
    world.add_file_store("media");
    world.add_cache();
    for (const char* name : {"client-1", "client-2"}) {
      Node node;
      node.host = name;
      node.service = "client";
      world.add_node(std::move(node));
    }
    world.start();
  }

  /// Runs a task of a client, and the world for at most `within`; CHECKs that it ended.
  void carry_out(std::function<Task<void>(Context&)> body, Duration within = 60s) {
    begin(std::move(body));
    world.run_until(world.kernel().now() + within);
    CHECK(*ended_, "the task has not ended");
  }
  void begin(std::function<Task<void>(Context&)> body) {
    ended_ = std::make_shared<bool>(false);
    world.spawn("client-1", "task", [body = std::move(body), ended = ended_](Context& context) {
      return to_the_end(body, context, ended);
    });
  }
  [[nodiscard]] bool ended() const { return *ended_; }
  void run_for(Duration duration) { world.run_until(world.kernel().now() + duration); }
  void arm(FaultKind kind, std::string target, std::uint64_t ordinal) {
    Fault fault;
    fault.kind = kind;
    fault.target = std::move(target);
    fault.ordinal = ordinal;
    CHECK(world.unsupported(fault).empty());
    world.arm({fault});
  }
  void inject(FaultKind kind, std::string target, Duration lasts) {
    Fault fault;
    fault.kind = kind;
    fault.target = std::move(target);
    fault.at = world.kernel().now().time_since_epoch();
    fault.lasts = lasts;
    world.inject(fault);
  }

  World world;

 private:
  static Task<void> to_the_end(std::function<Task<void>(Context&)> body, Context& context, std::shared_ptr<bool> ended) {
    Task<void> task = body(context);
    co_await std::move(task);
    *ended = true;
  }
  std::shared_ptr<bool> ended_;
};

}  // namespace orrery::sim
