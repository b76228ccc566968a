#include "sim/broker_machine.hpp"

#include <algorithm>
#include <iterator>

namespace orrery::sim {
namespace {

// What draws of one site and one entity are for.
constexpr std::uint64_t kAnswerCost = 0x1000;
constexpr std::uint64_t kOnceMore = 0x2000;

}  // namespace

BrokerMachine::BrokerMachine(BrokerServer& server, Host& host) : server_(server), host_(host) {
  for (const auto& group : server_.groups_) open_desk(*group);
  host_.spawn("broker", work());
}

// ---- time ----

Task<void> BrokerMachine::work() {
  Waiter waiter(host_.kernel());
  waiter_ = &waiter;
  for (;;) {
    run_due();
    const Instant next = timers_.empty() ? Instant::max() : timers_.begin()->first.first;
    co_await waiter.wait_until(next);
  }
}

void BrokerMachine::run_due() {
  while (!timers_.empty() && timers_.begin()->first.first <= host_.now()) {
    const auto due = timers_.extract(timers_.begin());
    host_.kernel().recorder().set_cause(due.mapped().cause);
    due.mapped().action();
  }
}

BrokerMachine::Timer BrokerMachine::later(Duration delay, std::function<void()> action) {
  const Timer timer{host_.now() + delay, ++last_timer_};
  const auto at = timers_.emplace(timer, Due{host_.kernel().recorder().cause(), std::move(action)}).first;
  const bool is_next = at == timers_.begin();
  if (is_next && waiter_ != nullptr && waiter_->is_waiting()) host_.kernel().schedule(*waiter_, timer.first);
  return timer;
}

Duration BrokerMachine::cost(std::uint64_t identity, std::uint64_t ordinal) {
  return 100us + Duration(below(host_.kernel().draw(Site::broker_cost, identity, ordinal), 1'900'001));
}

// ---- publishing ----

void BrokerMachine::take_publish(std::shared_ptr<PublishCall> call) {
  server_.in_work_.push_back(call);
  const bool is_lost = server_.strikes(FaultKind::lose_publish, call->client, server_.peer(call->client).publishes);
  const Duration works = cost(call->identity, static_cast<std::uint64_t>(call->taken));
  if (is_lost) {
    later(works, [this, call] { forget(call); });
    return;
  }
  // A crash between the two leaves a message that is durable, and a publisher that does not know it.
  later(works * 3 / 4, [this, call, works] {
    store(call->topic, call->message);
    later(works / 4, [this, call] { confirm(call); });
  });
}

void BrokerMachine::confirm(const std::shared_ptr<PublishCall>& call) {
  forget(call);
  if (server_.strikes(FaultKind::lose_confirmation, call->client, server_.peer(call->client).confirmations)) return;
  server_.network_.send(host_, call->client, make_confirm_packet(server_, call));
}

void BrokerMachine::forget(const std::shared_ptr<PublishCall>& call) {
  const auto found = std::ranges::find(server_.in_work_, call);
  CHECK(found != server_.in_work_.end());
  server_.in_work_.erase(found);
}

void BrokerMachine::store(const std::string& topic_name, std::shared_ptr<const Message> message) {
  BrokerTopic& topic = server_.topic(topic_name);
  const Message& stored = *message;
  const std::uint64_t offset = topic.append(std::move(message));
  host_.kernel().recorder().fact(EventKind::message_stored, host_.name, topic.name, stored.id,
                                 static_cast<std::int64_t>(offset), stored.body, stored.key);
  for (BrokerGroup* group : topic.groups) {
    if (!group->admit(offset)) continue;
    make_ready(desk(*group), offset, Duration::zero());
    dispatch(desk(*group));
  }
}

// ---- subscribing ----

BrokerMachine::Desk& BrokerMachine::desk(BrokerGroup& group) { return desks_.at(group.index); }

BrokerMachine::Desk& BrokerMachine::open_desk(BrokerGroup& group) {
  CHECK(group.index == desks_.size());
  Desk& desk = desks_.emplace_back(group);
  for (std::uint64_t offset = 0; offset < group.progress.size(); ++offset) {
    if (group.is_open(offset) && group.is_first(offset)) make_ready(desk, offset, Duration::zero());
  }
  return desk;
}

void BrokerMachine::take_subscription(SubscriberId id, Host& from, Subscription subscription) {
  if (server_.find_client(id.client) == nullptr)
    return;  // it came from a process that is gone, and so is its connection
  BrokerGroup& group = server_.group(server_.topic(subscription.topic), subscription.group);
  Desk& desk = group.index < desks_.size() ? this->desk(group) : open_desk(group);
  std::erase_if(desk.subscribers, [&](const auto& known) {
    return known.first.host == id.host && server_.find_client(known.first.client) == nullptr;
  });
  const auto [known, is_new] = desk.subscribers.try_emplace(id, Subscriber{&from, 0, 0, {}});
  Subscriber& subscriber = known->second;
  if (is_new) {  // it may come back after its lease had ended
    subscriber.busy = static_cast<int>(
        std::ranges::count_if(desk.in_work, [&](const auto& working) { return working.second.subscriber == id; }));
  }
  subscriber.concurrency = subscription.concurrency;
  subscriber.lease = host_.now() + kLease;
  group.settings = std::move(subscription);
  dispatch(desk);
}

void BrokerMachine::take_unsubscription(SubscriberId id, const Subscription& subscription) {
  const std::string name = subscription.topic + "/" + subscription.group;
  const auto found = std::ranges::find_if(desks_, [&](const Desk& desk) { return desk.group.name == name; });
  if (found != desks_.end()) found->subscribers.erase(id);
}

// ---- delivering ----

void BrokerMachine::make_ready(Desk& desk, std::uint64_t offset, Duration delay) {
  delay += server_.delivery_delay_;
  if (delay == Duration::zero()) {
    desk.ready.insert(offset);
    return;
  }
  desk.waiting[offset] = later(delay, [this, &desk, offset] {
    desk.waiting.erase(offset);
    desk.ready.insert(offset);
    dispatch(desk);
  });
}

void BrokerMachine::dispatch(Desk& desk) {
  if (desk.ready.empty()) return;
  std::erase_if(desk.subscribers, [&](const auto& known) { return known.second.lease < host_.now(); });
  const auto is_free = [](const auto& known) { return known.second.busy < known.second.concurrency; };
  while (!desk.ready.empty()) {
    const auto free = static_cast<std::uint64_t>(std::ranges::count_if(desk.subscribers, is_free));
    if (free == 0) return;
    const std::uint64_t offset = *desk.ready.begin();
    const std::uint64_t identity = mix(desk.group.entity, desk.group.topic.log[offset].entity);
    const auto attempt = static_cast<std::uint64_t>(desk.group.progress[offset].deliveries) + 1;
    std::uint64_t skip = below(host_.kernel().draw(Site::broker_choice, identity, attempt), free);
    auto chosen = std::ranges::find_if(desk.subscribers, is_free);
    for (; skip > 0; --skip) chosen = std::find_if(std::next(chosen), desk.subscribers.end(), is_free);
    desk.ready.erase(desk.ready.begin());
    deliver(desk, chosen->first, chosen->second, offset);
  }
}

void BrokerMachine::deliver(Desk& desk, SubscriberId id, Subscriber& subscriber, std::uint64_t offset) {
  BrokerGroup& group = desk.group;
  const int attempt = ++group.progress[offset].deliveries;
  const Timer deadline = later(group.settings.ack_deadline, [this, &desk, offset] { expire(desk, offset); });
  desk.in_work[offset] = InWork{attempt, id, deadline};
  ++subscriber.busy;
  const std::uint64_t identity = mix(group.entity, group.topic.log[offset].entity);
  send(desk, id, subscriber, offset, attempt, mix(identity, static_cast<std::uint64_t>(attempt)));

  const std::uint64_t occasion = ++group.occasions;
  if (server_.decisions_.strike(FaultKind::redeliver, group.name, group.entity, occasion) != nullptr) {
    // Half of them come while the first is in work, usually; the other half after it was acknowledged.
    const std::uint64_t bits = host_.kernel().draw(Site::fault_amount, mix(group.entity, kOnceMore), occasion);
    const Duration longest = (bits & 1) != 0 ? Duration(20ms) : Duration(5s);
    const auto delay = Duration(below(mix(bits, 1), static_cast<std::uint64_t>(longest.count())));
    later(delay, [this, &desk, offset, occasion] { deliver_once_more(desk, offset, occasion); });
  }
}

void BrokerMachine::send(Desk& desk, SubscriberId id, Subscriber& subscriber, std::uint64_t offset, int attempt,
                         std::uint64_t identity) {
  const DeliveryId delivery{&desk.group, offset, attempt};
  server_.network_.send(host_, *subscriber.host,
                        make_deliver_packet(server_, delivery, id, identity, host_.incarnation()));
}

void BrokerMachine::deliver_once_more(Desk& desk, std::uint64_t offset, std::uint64_t occasion) {
  const BrokerGroup& group = desk.group;
  if (desk.subscribers.empty() || group.progress[offset].state == BrokerGroup::Progress::State::dead) return;
  // Nobody's capacity and no deadline: it is a slip of the broker, which counts on the other delivery.
  const std::uint64_t identity = mix(mix(group.entity, kOnceMore), occasion);
  const std::uint64_t bits = host_.kernel().draw(Site::broker_choice, identity, 1);
  const auto chosen =
      std::next(desk.subscribers.begin(), static_cast<std::ptrdiff_t>(below(bits, desk.subscribers.size())));
  send(desk, chosen->first, chosen->second, offset, group.progress[offset].deliveries + 1, identity);
}

// ---- what becomes of a delivery ----

bool BrokerMachine::take_out_of_work(Desk& desk, std::uint64_t offset, int attempt) {
  const auto found = desk.in_work.find(offset);
  if (found == desk.in_work.end() || found->second.attempt != attempt) return false;
  timers_.erase(found->second.deadline);
  const auto subscriber = desk.subscribers.find(found->second.subscriber);
  if (subscriber != desk.subscribers.end()) --subscriber->second.busy;
  desk.in_work.erase(found);
  return true;
}

void BrokerMachine::expire(Desk& desk, std::uint64_t offset) {
  take_out_of_work(desk, offset, desk.in_work.at(offset).attempt);
  try_again(desk, offset, Duration::zero());
  dispatch(desk);
}

void BrokerMachine::take_answer(DeliveryId delivery, SubscriberId subscriber, Answer answer) {
  const std::uint64_t identity = mix(delivery.group->entity, delivery.group->topic.log[delivery.offset].entity);
  later(cost(identity, kAnswerCost + static_cast<std::uint64_t>(delivery.attempt)),
        [this, delivery, subscriber, answer] { answered(delivery, subscriber, answer); });
}

void BrokerMachine::answered(DeliveryId delivery, SubscriberId subscriber, Answer answer) {
  Desk& desk = this->desk(*delivery.group);
  if (answer == Answer::hand_back) desk.subscribers.erase(subscriber);
  if (!desk.group.is_open(delivery.offset)) return;
  if (answer == Answer::acknowledge) {
    host_.kernel().recorder().fact(EventKind::message_settled, host_.name, desk.group.name,
                                   desk.group.message(delivery.offset).id);
    close(desk, delivery.offset, BrokerGroup::Progress::State::settled);
  } else if (take_out_of_work(desk, delivery.offset, delivery.attempt)) {
    if (answer == Answer::refuse) {
      try_again(desk, delivery.offset, desk.group.settings.retry_delay);
    } else {
      make_ready(desk, delivery.offset, Duration::zero());
    }
  }
  dispatch(desk);
}

void BrokerMachine::take_undeliverable(DeliveryId delivery, SubscriberId subscriber) {
  later(Duration::zero(), [this, delivery, subscriber] { undeliverable(delivery, subscriber); });
}

void BrokerMachine::undeliverable(DeliveryId delivery, SubscriberId subscriber) {
  Desk& desk = this->desk(*delivery.group);
  if (take_out_of_work(desk, delivery.offset, delivery.attempt)) {
    --desk.group.progress[delivery.offset].deliveries;  // nobody has seen it
    make_ready(desk, delivery.offset, Duration::zero());
  }
  desk.subscribers.erase(subscriber);
  dispatch(desk);
}

void BrokerMachine::try_again(Desk& desk, std::uint64_t offset, Duration delay) {
  if (desk.group.progress[offset].deliveries >= desk.group.settings.max_deliveries) {
    give_up(desk, offset);
  } else {
    make_ready(desk, offset, delay);
  }
}

void BrokerMachine::give_up(Desk& desk, std::uint64_t offset) {
  BrokerGroup& group = desk.group;
  const std::shared_ptr<const Message> message = group.topic.log[offset].message;
  const int deliveries = group.progress[offset].deliveries;
  host_.kernel().recorder().fact(EventKind::message_dead_lettered, host_.name, group.name, message->id, deliveries,
                                 message->body);
  group.topic.dead_letters.push_back({group.group, message, deliveries});
  close(desk, offset, BrokerGroup::Progress::State::dead);
  const std::string& dead_letter_topic = group.settings.dead_letter_topic;
  store(dead_letter_topic.empty() ? group.topic.name + ".dead" : dead_letter_topic, message);
}

void BrokerMachine::close(Desk& desk, std::uint64_t offset, BrokerGroup::Progress::State how) {
  if (const auto working = desk.in_work.find(offset); working != desk.in_work.end()) {
    take_out_of_work(desk, offset, working->second.attempt);
  } else if (const auto waiting = desk.waiting.find(offset); waiting != desk.waiting.end()) {
    timers_.erase(waiting->second);
    desk.waiting.erase(waiting);
  } else {
    desk.ready.erase(offset);
  }
  const std::uint64_t next = desk.group.close(offset, how);
  if (next != BrokerGroup::kNone) make_ready(desk, next, Duration::zero());
}

}  // namespace orrery::sim
