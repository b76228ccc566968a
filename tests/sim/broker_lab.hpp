#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sim/broker.hpp"

namespace orrery::sim {

/// A world of a broker and hosts with nothing but a broker client, put together by hand.
class BrokerLab {
 public:
  using Boot = std::function<void(Host&, BrokerClient&)>;

  explicit BrokerLab(std::uint64_t seed = 1, bool full = true)
      : kernel(seed, full),
        decisions(kernel),
        network(kernel, decisions),
        places(kernel, decisions),
        server(kernel, network, decisions),
        broker(kernel.add_host("broker", [this](Host& host) { return server.boot(host); })) {
    server.attach(broker);
    kernel.on_crash([this](Host& host) { network.crashed(host); });
    kernel.on_resume([this](Host& host) { network.resumed(host); });
    places.on_strike([this](const Fault& fault) { kernel.crash(*kernel.find_host(fault.target), "a fault"); });
    kernel.start(broker);
  }

  /// A host that runs `boot` at each start; it is started.
  Host& add(std::string name, Boot boot = [](Host&, BrokerClient&) {}) {
    Host& host = kernel.add_host(std::move(name), [this, boot = std::move(boot)](Host& booted) {
      auto machine = std::make_unique<Node>(booted, server, places);
      boot(booted, machine->client);
      return machine;
    });
    kernel.start(host);
    return host;
  }
  static BrokerClient& client(Host& host) { return static_cast<Node*>(host.machine())->client; }

  /// Publishes from a task of `host`; what came of it stands in `outcomes`.
  void publish(Host& host, std::string id, std::string key = "k", std::string topic = "t") {
    host.spawn("publish", publishing(client(host), std::move(topic), Message(std::move(id), std::move(key), "body")));
  }
  void run_for(Duration duration) { kernel.run_until(kernel.now() + duration); }
  void restart(Host& host) {
    kernel.crash(host, "the test says so");
    kernel.start(host);
  }
  /// Lets the n-th occasion of a decision strike.
  void arm(FaultKind kind, std::string target, std::uint64_t ordinal) {
    Fault fault;
    fault.kind = kind;
    fault.target = std::move(target);
    fault.ordinal = ordinal;
    decisions.arm({fault});
  }
  void arm_crash_at(std::string place, std::string host, std::uint64_t ordinal = 1) {
    Fault fault;
    fault.kind = FaultKind::crash;
    fault.target = std::move(host);
    fault.place = std::move(place);
    fault.ordinal = ordinal;
    decisions.arm({fault});
  }
  /// The keys (of a message: ids) of the facts of a kind, in order.
  [[nodiscard]] std::vector<std::string> keys_of(EventKind kind) const {
    std::vector<std::string> keys;
    for (const Event* event : kernel.recorder().history().of(kind)) keys.push_back(event->key);
    return keys;
  }
  [[nodiscard]] std::vector<std::string> stored(std::string_view topic = "t") const {
    std::vector<std::string> ids;
    for (const auto& message : server.stored(topic)) ids.push_back(message->id);
    return ids;
  }

  Kernel kernel;
  Decisions decisions;
  Network network;
  Places places;
  BrokerServer server;
  Host& broker;
  std::map<std::string, std::string> outcomes;  // by message id: "confirmed", "did not happen", "may have happened"

 private:
  struct Node final : Machine {
    Node(Host& host, BrokerServer& server, Places& places) : client(host, server, places) {}
    BrokerClient client;
  };

  Task<void> publishing(BrokerClient& client, std::string topic, Message message) {
    const std::string id = message.id;
    outcomes[id] = "open";
    try {
      co_await client.publish(std::move(topic), std::move(message));
      outcomes[id] = "confirmed";
    } catch (const PublishFailed& failure) {
      outcomes[id] = to_string(failure.effect());
    }
  }
};

/// A consumer that survives its hosts, so that a test can look at what its handlers saw.
class Consumer {
 public:
  explicit Consumer(BrokerLab& lab) : lab(lab) {}
  virtual ~Consumer() = default;

  /// For BrokerLab::add: subscribes "t/g".
  BrokerLab::Boot subscribing() { return subscribing(Subscription("t", "g")); }
  BrokerLab::Boot subscribing(Subscription subscription) {
    return [this, subscription](Host& host, BrokerClient& client) {
      client.subscribe(subscription, [this, &host](Delivery& delivery) { return handle(host, delivery); });
    };
  }

  virtual Task<void> handle(Host& host, Delivery& delivery) {
    begun.push_back(host.name + " " + delivery.message().id + " " + std::to_string(delivery.attempt()));
    co_await host.sleep(works);
    if (int& failures = fails[delivery.message().id]; failures > 0) {
      --failures;
      throw Failure(Effect::did_not_happen, "not yet");
    }
    done.push_back(delivery.message().id);
  }

  BrokerLab& lab;
  Duration works = 5ms;
  std::map<std::string, int> fails;  // how often a message's handler throws
  std::vector<std::string> begun;    // "host id attempt"
  std::vector<std::string> done;     // ids
};

}  // namespace orrery::sim
