#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "real-mode/database.hpp"
#include "real-mode/otlp.hpp"
#include "runtime/broker.hpp"
#include "runtime/telemetry.hpp"

namespace orrery::real {

/// The broker's tables and functions, for `migrate`.
[[nodiscard]] std::vector<std::string> broker_migrations();

/// A host's client of the broker, which is a PostgreSQL database: what is published is a row, a group's claim on it is a row
/// that is locked with SKIP LOCKED, and NOTIFY wakes those who wait.
///
/// - A message is durable, and has its place in the order, when the publishing transaction has committed.
/// - A group exists from its first subscription on and gets every message from the topic's beginning.
/// - Messages with the same key go to a group one at a time, in the order of their storage: one that was refused, or whose
///   ack deadline passed, blocks the later ones until it is acknowledged or dead-lettered. An empty key means no order.
/// - An acknowledgement settles its message whenever it comes, also after the ack deadline.
class PgBroker final : public Broker {
 public:
  PgBroker(Loop& loop, Random& random, Tracer& tracer, Recorder& recorder, Mishaps& mishaps, Telemetry& telemetry, DatabasePool& pool,
           std::string connection);
  /// Its tasks must be gone.
  ~PgBroker();

  Task<void> publish(std::string topic, Message message) override;
  void subscribe(Subscription subscription, Handler handler) override;

  /// How often subscribers look for messages that nobody notified them of; 500 ms without it. For what is due again, too.
  void look_every(Duration interval) noexcept { looks_every_ = interval; }
  /// For a fault: no message is delivered until it has been due for so long.
  void delay_deliveries(Duration by) noexcept { delivery_delay_ = by; }
  /// No more deliveries; those in work are finished.
  void stop() noexcept;
  /// Deliveries whose handler runs, or whose acknowledgement is on its way.
  [[nodiscard]] std::size_t in_work() const noexcept { return in_work_; }

 private:
  class Work;
  struct Subscribed;
  Task<void> receive(Subscribed& subscribed);
  Task<void> claim(Subscribed& subscribed);
  void start(Subscribed& subscribed, std::int64_t offset, Message message, int attempt, Duration within);
  Task<void> handle_late(Subscribed& subscribed, std::int64_t offset, Message message, int attempt, Duration after);
  Task<void> store_late(std::string topic, Message message);
  Task<void> handle(Subscribed& subscribed, std::int64_t offset, Message message, int attempt);
  Task<void> settle(Subscribed& subscribed, std::int64_t offset, int attempt, bool acknowledged);
  void start_listening();
  void heard(const std::string& topic);
  void wake_all() noexcept;

  Loop& loop_;
  Random& random_;
  Tracer& tracer_;
  Recorder& recorder_;
  Mishaps& mishaps_;
  Telemetry& telemetry_;
  Database& database_;
  std::string connection_;
  std::list<Subscribed> subscriptions_;
  std::size_t in_work_ = 0;
  Duration looks_every_ = std::chrono::milliseconds(500);
  Duration delivery_delay_{0};
  bool stopping_ = false;
  struct Listening;
  std::shared_ptr<Listening> listening_;
  std::thread listener_;
};

}  // namespace orrery::real
