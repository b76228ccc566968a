#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "tests/conformance/bench.hpp"

namespace orrery::conformance {

/// What a service may rely on, whichever world it runs in: each sentence is tried in simulation and in real mode.
template <class World>
class Conformance : public ::testing::Test {
 public:
  using Services = std::vector<std::pair<std::string, ServiceFactory>>;
  static constexpr const char* kSchema = "CREATE TABLE items (id int PRIMARY KEY, note text)";

  void start(Services services) { bench.start(kSchema, std::move(services)); }
  /// A lone service "a" that does nothing by itself.
  void start() { start({{"a", service([](Context&) {})}}); }

  const std::unique_ptr<Bench> owned = World::make();
  Bench& bench = *owned;
};
struct Names {
  template <class World>
  static std::string GetName(int) {
    return std::is_same_v<World, Sim> ? "Simulation" : "RealMode";
  }
};
using Worlds = ::testing::Types<Sim, Real>;

/// Waits until something has come to pass.
inline Task<void> until(Context& context, std::function<bool()> it_is_so) {
  const Instant deadline = context.clock.now() + 30s;
  while (!it_is_so() && context.clock.now() < deadline) co_await context.clock.sleep(10ms);
}

/// Answers what a test wants to know of a request.
class Echo {
 public:
  explicit Echo(Context& context) : context_(context) {
    context.http.on("POST /echo/{id}", [this](Request request) { return echo(std::move(request)); });
    context.http.on("GET /slow", [this](Request request) { return slow(std::move(request)); });
    context.http.on("GET /fails", [this](Request request) { return fails(std::move(request)); });
    context.http.on("GET /left", [this](Request request) { return left(std::move(request)); });
  }

 private:
  Task<Response> echo(Request request) {
    Response response(207, request.body + "|" + std::string(request.parameter("id")) + "|" +
                               request.query("q").value_or("none") + "|" + std::string(request.headers.get("x-a")));
    response.headers.set("X-Answer", "yes");
    co_return response;
  }
  Task<Response> slow(Request) {
    co_await context_.clock.sleep(400ms);
    co_return Response(200, "late");
  }
  Task<Response> fails(Request) {
    co_await context_.clock.sleep(1ms);
    throw CallFailed(CallFailed::Reason::timed_out, "a call of the handler's own");
  }
  Task<Response> left(Request request) {
    co_return Response(200, std::to_string((request.deadline - context_.clock.now()) / 1ms));
  }
  Context& context_;
};

/// "a" asks, "b" answers.
template <class Fixture>
void start_pair(Fixture& fixture, std::unique_ptr<Echo>& echo) {
  fixture.start({{"a", service([](Context&) {})},
                 {"b", service([&echo](Context& context) { echo = std::make_unique<Echo>(context); })}});
}

/// Notes what comes, and answers as a test says.
class Consumer {
 public:
  using Answer = std::function<Task<void>(Context&, Delivery&)>;
  Consumer(Context& context, Subscription subscription, Answer answer) : context_(context), answer_(std::move(answer)) {
    context.broker.subscribe(std::move(subscription), [this](Delivery& delivery) { return take(delivery); });
  }
  std::vector<std::string> came;  // "id attempt"

 private:
  Task<void> take(Delivery& delivery) {
    came.push_back(delivery.message().id + " " + std::to_string(delivery.attempt()));
    if (answer_) {
      Task<void> answering = answer_(context_, delivery);
      co_await std::move(answering);
    }
  }
  Context& context_;
  Answer answer_;
};

inline Subscription subscription_of(const char* topic, const char* group) {
  Subscription subscription(topic, group);
  subscription.ack_deadline = 2s;
  subscription.retry_delay = 50ms;
  subscription.max_deliveries = 3;
  return subscription;
}

inline Task<void> publish_all(Context& context, std::vector<std::pair<std::string, std::string>> ids_and_keys) {
  for (const auto& [id, key] : ids_and_keys) {
    Message message(id, key, "body of " + id);
    co_await context.broker.publish("topic", std::move(message));
  }
}

}  // namespace orrery::conformance
