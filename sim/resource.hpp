#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sim/kernel.hpp"
#include "sim/network.hpp"

namespace orrery::sim {

/// A request of a host to the host of a resource, and what came of it. Both ends and the packets share it.
class ResourceCall {
 public:
  enum class Outcome {
    open,      // nothing was heard
    answered,
    refused,   // the server was down: did not happen
    broken,    // the connection broke after the request was sent
  };
  ResourceCall(Host& client, std::uint64_t identity, std::string label, std::function<void()> work)
      : client(client), identity(identity), label(std::move(label)), work(std::move(work)) {}

  void settle(Outcome how) {
    if (outcome != Outcome::open) return;
    outcome = how;
    if (waiter != nullptr) waiter->wake();
  }

  Host& client;
  const std::uint64_t identity;  // the same in every run of the seed that gets here by the same way
  const std::string label;       // "write a/b.txt"
  const std::function<void()> work;  // done at the server; must not refer to the client's memory, which a crash takes away
  Outcome outcome = Outcome::open;
  Waiter* waiter = nullptr;      // in the caller's frame; null: nobody waits any more
};

/// What servers that answer one request by one reply have in common (a file store, a cache): a host, the wire, and what a
/// crash breaks. Requests of a host are worked on beside each other.
class ResourceServer {
 public:
  /// `cost` says how long a request with that identity takes.
  ResourceServer(Kernel& kernel, Network& network, std::function<Duration(std::uint64_t identity)> cost);
  ResourceServer(const ResourceServer&) = delete;
  ResourceServer& operator=(const ResourceServer&) = delete;

  /// Names the server's host; once, before it starts.
  void attach(Host& host);
  [[nodiscard]] Host& host() const;

  /// From a task of `client`: a trip to the server, `work` there, and back; gives up after `patience`. `work` was done, or
  /// will be, unless the outcome is `refused`; with any other but `answered` nobody can tell.
  [[nodiscard]] Task<ResourceCall::Outcome> ask(Host& client, std::string label, std::function<void()> work,
                                                Duration patience);

 private:
  friend class ResourcePacket;
  Task<void> serve(std::shared_ptr<ResourceCall> call);
  void crashed();
  /// The client learns it one trip later, unless it cannot be reached.
  void broke(std::shared_ptr<ResourceCall> call);

  Kernel& kernel_;
  Network& network_;
  const std::function<Duration(std::uint64_t)> cost_;
  Host* host_ = nullptr;
  std::vector<std::shared_ptr<ResourceCall>> in_work_;
};

}  // namespace orrery::sim
