#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/context.hpp"
#include "runtime/controls.hpp"

namespace orrery::conformance {

/// A world, as the suite needs it: named services of one replica each, with a database "db", a broker, a cache and
/// a file store "store", and tasks on their hosts.
class Bench {
 public:
  virtual ~Bench() = default;
  /// Once, before anything else: `schema` is the database's.
  virtual void start(std::string schema, std::vector<std::pair<std::string, ServiceFactory>> services) = 0;
  /// Asks the service's process to stop; lets no time pass.
  virtual void ask_to_stop(const std::string& service) = 0;

  /// A decision that strikes at an occasion of the service's process.
  virtual void arm(const std::string& service, const Fault& fault) = 0;
  /// Ends every session at the database's server that listens; new ones are let in within a second.
  virtual void end_listening_sessions() = 0;

  /// Runs a task on the host of a service to its end, and throws what it throws. `body` lives until then.
  void run(const std::string& service, const std::function<Task<void>(Context&)>& body) {
    spawn(service, body);
    finish();
  }
  /// Begins such a task and does not wait for it.
  void spawn(const std::string& service, const std::function<Task<void>(Context&)>& body) {
    ++open_;
    begin(service, [this, body](Context& context) { return carry(*this, context, body); });
  }
  /// Until every task that was begun has ended. Throws what the first one threw that failed.
  void finish() {
    let_time_pass([this] { return open_ == 0; });
    if (failed_) std::rethrow_exception(std::exchange(failed_, nullptr));
  }
  /// Until it is so; false if that takes longer than a test may.
  virtual bool let_time_pass(const std::function<bool()>& until) = 0;

 protected:
  virtual void begin(const std::string& service, std::function<Task<void>(Context&)> body) = 0;

 private:
  static Task<void> carry(Bench& bench, Context& context, std::function<Task<void>(Context&)> body) {
    try {
      Task<void> working = body(context);
      co_await std::move(working);
    } catch (...) {
      if (!bench.failed_) bench.failed_ = std::current_exception();
    }
    --bench.open_;
  }

  int open_ = 0;
  std::exception_ptr failed_;
};

/// The simulated world.
struct Sim {
  static std::unique_ptr<Bench> make();
};
/// The real one: sockets, PostgreSQL; the hosts share this process, as nothing here kills one.
struct Real {
  static std::unique_ptr<Bench> make();
};

/// A service that is what a test says.
class Made final : public Service {
 public:
  explicit Made(std::function<void(Context&)> build, Context& context) : build_(std::move(build)) { build_(context); }

 private:
  std::function<void(Context&)> build_;  // what handlers refer to
};
[[nodiscard]] inline ServiceFactory service(std::function<void(Context&)> build) {
  return [build = std::move(build)](Context& context) -> std::unique_ptr<Service> {
    return std::make_unique<Made>(build, context);
  };
}

}  // namespace orrery::conformance
