#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/broker.hpp"
#include "sim/decisions.hpp"
#include "sim/kernel.hpp"
#include "sim/network.hpp"
#include "sim/places.hpp"

namespace orrery::sim {

class BrokerClient;
class BrokerMachine;
struct BrokerGroup;
struct BrokerTopic;
struct PublishCall;

/// A publisher that heard nothing by then gives up: may have happened.
inline constexpr Duration kPublishTimeout = 5s;
/// A client renews its subscriptions so often, and so finds back after a crash of the broker or a partition.
inline constexpr Duration kHeartbeat = 3s;
/// A subscriber that was silent for so long gets nothing more.
inline constexpr Duration kLease = 10s;

/// A message that the broker gave up on: a copy of it, key and all, is stored in the dead letter topic.
struct DeadLetter {
  std::string group;
  std::shared_ptr<const Message> message;
  int deliveries = 0;
};

/// A simulated broker: what it keeps on disk. What it keeps in memory is the Machine that `boot` builds at each start.
///
/// - A message is durable from `message_stored` on, before it is confirmed. A topic exists from its first publish or
///   subscription on and keeps all its messages. The broker does not remove duplicates: each stored copy is delivered.
/// - A group exists from its first subscription on and gets every message from the topic's beginning.
/// - Messages with the same key go to a group in the order of storage, one at a time over all of its subscribers: one
///   that was refused, or whose ack deadline passed, blocks the later ones until it is acknowledged or dead-lettered.
///   An empty key means: no order.
/// - An acknowledgement settles its message whenever it comes, also after the ack deadline and from an earlier attempt
///   (as Pub/Sub does, best effort). A refusal counts only for the attempt that is in work.
/// - After a crash of the broker what was in work is delivered again at once; late acknowledgements count still.
/// - A subscriber that refuses connections is forgotten at once, one that fell silent after kLease. What had reached it
///   stays in work until its ack deadline.
/// - Ack deadline, retry delay, maximal deliveries and dead letter topic of a group are those of its latest
/// subscription.
class BrokerServer {
 public:
  BrokerServer(Kernel& kernel, Network& network, Decisions& decisions);
  ~BrokerServer();
  BrokerServer(const BrokerServer&) = delete;
  BrokerServer& operator=(const BrokerServer&) = delete;

  /// Names the broker's host; once, before it starts.
  void attach(Host& host);
  /// The broker's memory, for `host` that starts: `kernel.add_host("broker", [server](Host& h) { return
  /// server->boot(h); })`.
  [[nodiscard]] std::unique_ptr<Machine> boot(Host& host);

  /// Every delivery that becomes due from now on waits this much longer (the fault broker_delay).
  void set_delivery_delay(Duration delay) noexcept { delivery_delay_ = delay; }
  [[nodiscard]] Duration delivery_delay() const noexcept { return delivery_delay_; }

  // ---- looking in from outside, for tests and checkers; none of them is seen by the simulation ----
  /// The messages of a topic in the order of their offsets; empty if there is no such topic.
  [[nodiscard]] std::vector<std::shared_ptr<const Message>> stored(std::string_view topic) const;
  /// What groups of `topic` gave up on, in order.
  [[nodiscard]] const std::vector<DeadLetter>& dead_letters(std::string_view topic) const;
  /// Messages that the group has neither settled nor given up; 0 if there is no such group.
  [[nodiscard]] std::size_t backlog(std::string_view topic, std::string_view group) const;
  /// The sum of all groups' backlogs.
  [[nodiscard]] std::size_t backlog() const;
  /// Nothing is left to do: no backlog, no request in work.
  [[nodiscard]] bool at_rest() const;

 private:
  friend class BrokerClient;
  friend class BrokerMachine;
  friend class BrokerPacket;

  /// Counts the occasions of decisions on the link of one client host. They go on over crashes.
  struct Peer {
    std::uint64_t publishes = 0;
    std::uint64_t confirmations = 0;
    std::uint64_t acks = 0;
  };
  struct Enlisted {
    BrokerClient* client;
    Host* host;
    std::uint32_t incarnation;
  };

  /// A number by which packets name the client, so that none points at one that is gone.
  std::uint64_t enlist(BrokerClient& client, Host& host);
  void delist(std::uint64_t number) { clients_.erase(number); }
  /// Null if the client died with its host.
  [[nodiscard]] BrokerClient* find_client(std::uint64_t number) const;
  [[nodiscard]] Peer& peer(const Host& host);
  /// Whether a decision strikes the next of `occasions` on the link from `client` to the broker.
  [[nodiscard]] bool strikes(FaultKind kind, Host& client, std::uint64_t& occasions);
  [[nodiscard]] Host& host() const;
  /// Null while the broker is down.
  [[nodiscard]] BrokerMachine* machine() const;
  BrokerTopic& topic(std::string_view name);
  [[nodiscard]] const BrokerTopic* find_topic(std::string_view name) const;
  /// The group of that name, which is made if it is not there, with all of the topic before it.
  BrokerGroup& group(BrokerTopic& topic, std::string_view name);
  /// The connections of publishers break: they learn it a trip later, unless they cannot be reached.
  void crashed();

  Kernel& kernel_;
  Network& network_;
  Decisions& decisions_;
  Host* host_ = nullptr;
  Duration delivery_delay_{0};
  std::map<std::string, std::unique_ptr<BrokerTopic>, std::less<>> topics_;
  std::vector<std::unique_ptr<BrokerGroup>> groups_;  // by BrokerGroup::index
  std::vector<Peer> peers_;                           // by host id
  std::map<std::uint64_t, Enlisted> clients_;
  std::uint64_t last_client_ = 0;
  std::vector<std::shared_ptr<PublishCall>> in_work_;  // taken, and neither confirmed nor lost yet
};

/// A host's end of the broker.
///
/// It keeps subscribing, so that it finds back after a crash of the broker or a partition. Each delivery is handled by
/// a task of the host named "<topic>/<group>". A delivery that arrives twice is handled twice, and one that comes again
/// while its first handler still works is handled beside it, as by real clients.
class BrokerClient final : public Broker {
 public:
  BrokerClient(Host& host, BrokerServer& server, Places& places);
  ~BrokerClient();
  BrokerClient(const BrokerClient&) = delete;
  BrokerClient& operator=(const BrokerClient&) = delete;

  /// Refused: did not happen. Unanswered for kPublishTimeout, or the broker crashed meanwhile: may have happened.
  Task<void> publish(std::string topic, Message message) override;
  void subscribe(Subscription subscription, Handler handler) override;

  /// The process is asked to stop: takes no new deliveries, and hands back those under way. What is in work goes on.
  void stop();
  /// Deliveries whose handlers have not ended.
  [[nodiscard]] std::size_t in_work() const noexcept { return in_work_; }

 private:
  friend class BrokerPacket;
  class Work;
  struct Subscribed {
    Subscription subscription;
    Handler handler;
    std::string_view name;  // "topic/group"
  };

  Task<void> keep_subscribed(std::size_t index);
  /// A delivery has arrived for the subscription `index`; `identity` names this copy of it in decisions.
  void receive(std::size_t index, BrokerGroup& group, std::uint64_t offset, int attempt, std::uint64_t identity);
  Task<void> handle(std::size_t index, BrokerGroup& group, std::uint64_t offset, int attempt);

  Host& host_;
  BrokerServer& server_;
  Places& places_;
  const std::uint64_t number_;
  std::deque<Subscribed> subscriptions_;
  std::size_t in_work_ = 0;
  bool stopping_ = false;
};

}  // namespace orrery::sim
