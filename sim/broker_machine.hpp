#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "sim/broker_wire.hpp"

namespace orrery::sim {

/// The broker's memory: who subscribes, what is in work with whom, and until when. A crash loses all of it.
///
/// One task does everything that takes time, from one queue of timers; so a paused broker does nothing.
class BrokerMachine final : public Machine {
 public:
  /// Takes up what an earlier incarnation left: everything open is to be delivered, once somebody subscribes.
  BrokerMachine(BrokerServer& server, Host& host);

  // Requests that have arrived.
  void take_publish(std::shared_ptr<PublishCall> call);
  void take_subscription(SubscriberId subscriber, Host& from, Subscription subscription);
  void take_unsubscription(SubscriberId subscriber, const Subscription& subscription);
  void take_answer(DeliveryId delivery, SubscriberId subscriber, Answer answer);
  /// A delivery never reached its subscriber, whose host is down.
  void take_undeliverable(DeliveryId delivery, SubscriberId subscriber);

 private:
  using Timer = std::pair<Instant, std::uint64_t>;
  struct Due {
    EventId cause;
    std::function<void()> action;
  };
  struct Subscriber {
    Host* host;
    int concurrency;
    int busy;
    Instant lease;
  };
  struct InWork {
    int attempt;
    SubscriberId subscriber;
    Timer deadline;
  };
  /// A group's volatile half. What may be delivered is in one of `ready`, `waiting` and `in_work`, by offset.
  struct Desk {
    explicit Desk(BrokerGroup& group) : group(group) {}
    BrokerGroup& group;
    std::map<SubscriberId, Subscriber> subscribers;
    std::set<std::uint64_t> ready;
    std::map<std::uint64_t, Timer> waiting;
    std::map<std::uint64_t, InWork> in_work;
  };

  Task<void> work();
  void run_due();
  Timer later(Duration delay, std::function<void()> action);
  Duration cost(std::uint64_t identity, std::uint64_t ordinal);

  Desk& desk(BrokerGroup& group);
  Desk& open_desk(BrokerGroup& group);
  void store(const std::string& topic, std::shared_ptr<const Message> message);
  void confirm(const std::shared_ptr<PublishCall>& call);
  void forget(const std::shared_ptr<PublishCall>& call);
  void make_ready(Desk& desk, std::uint64_t offset, Duration delay);
  void dispatch(Desk& desk);
  void deliver(Desk& desk, SubscriberId id, Subscriber& subscriber, std::uint64_t offset);
  void send(Desk& desk, SubscriberId id, Subscriber& subscriber, std::uint64_t offset, int attempt,
            std::uint64_t identity);
  void deliver_once_more(Desk& desk, std::uint64_t offset, std::uint64_t occasion);
  void expire(Desk& desk, std::uint64_t offset);
  void answered(DeliveryId delivery, SubscriberId subscriber, Answer answer);
  void undeliverable(DeliveryId delivery, SubscriberId subscriber);
  bool take_out_of_work(Desk& desk, std::uint64_t offset, int attempt);
  void try_again(Desk& desk, std::uint64_t offset, Duration delay);
  void give_up(Desk& desk, std::uint64_t offset);
  void close(Desk& desk, std::uint64_t offset, BrokerGroup::Progress::State how);

  BrokerServer& server_;
  Host& host_;
  std::map<Timer, Due> timers_;
  std::uint64_t last_timer_ = 0;
  Waiter* waiter_ = nullptr;  // in the frame of work()
  std::deque<Desk> desks_;    // by BrokerGroup::index
};

}  // namespace orrery::sim
