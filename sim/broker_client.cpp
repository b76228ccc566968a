#include <optional>
#include <utility>

#include "runtime/delivery.hpp"
#include "sim/broker_wire.hpp"

namespace orrery::sim {
namespace {

/// Ends the link between a call and its caller's frame, however the frame ends.
class Listening {
 public:
  Listening(PublishCall& call, Waiter& waiter) : call_(call) { call_.waiter = &waiter; }
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;
  ~Listening() { call_.waiter = nullptr; }

 private:
  PublishCall& call_;
};

}  // namespace

/// A delivery in its handler's hands.
class BrokerClient::Work final : public AnswerableDelivery {
 public:
  Work(BrokerClient& client, SubscriberId subscriber, DeliveryId id)
      : client_(client), subscriber_(subscriber), id_(id), message_(id.group->topic.log[id.offset].message) {
    ++client_.in_work_;
  }
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  ~Work() override { --client_.in_work_; }

  [[nodiscard]] const Message& message() const noexcept override { return *message_; }
  [[nodiscard]] int attempt() const noexcept override { return id_.attempt; }

  void on_late_failure(std::string_view why) override {
    recorder().fact(EventKind::log, client_.host_.name, "error", {}, 0, why, id_.group->name);
  }
  void on_bug(std::string_view what) override {
    const std::string_view task = client_.subscriptions_[subscriber_.index].name;
    recorder().fact(EventKind::service_failed, client_.host_.name, task, {}, 0, what);
  }

  /// The host dies as soon as its task suspends.
  [[nodiscard]] bool dies() const noexcept { return dies_; }

 private:
  void on_acknowledge() override {
    if (client_.places_.reached(client_.host_, "before acknowledge") && !client_.host_.paused()) {
      dies_ = true;
      return;
    }
    note(EventKind::message_acknowledged, {});
    BrokerServer& server = client_.server_;
    if (!server.strikes(FaultKind::lose_ack, client_.host_, server.peer(client_.host_).acks)) send(Answer::acknowledge);
    if (client_.places_.reached(client_.host_, "after acknowledge")) dies_ = !client_.host_.paused();
  }
  void on_refuse(std::string_view why) override {
    note(EventKind::message_refused, why);
    send(Answer::refuse);
  }
  [[nodiscard]] Recorder& recorder() const { return client_.host_.kernel().recorder(); }
  void note(EventKind kind, std::string_view why) {
    recorder().fact(kind, client_.host_.name, id_.group->name, message_->id, id_.attempt, why);
  }
  void send(Answer answer) {
    BrokerServer& server = client_.server_;
    server.network_.send(client_.host_, server.host(), make_answer_packet(server, id_, subscriber_, answer));
  }

  BrokerClient& client_;
  const SubscriberId subscriber_;
  const DeliveryId id_;
  const std::shared_ptr<const Message> message_;
  bool dies_ = false;
};

BrokerClient::BrokerClient(Host& host, BrokerServer& server, Places& places)
    : host_(host), server_(server), places_(places), number_(server.enlist(*this, host)) {}

BrokerClient::~BrokerClient() {
  // After a crash, or at the end of the run, the number means nobody anyway, and the broker may be gone.
  if (host_.alive()) server_.delist(number_);
}

Task<void> BrokerClient::publish(std::string topic, Message message) {
  Kernel& kernel = host_.kernel();
  SimFiber* fiber = kernel.current_fiber();
  CHECK(fiber != nullptr && &fiber->host == &host_, "a message is published by a task of the host");
  const std::uint64_t identity = mix(fiber->identity, ++fiber->calls);
  if (places_.reached(host_, "before publish")) co_await Places::halt(host_);
  std::string& traceparent = message.attributes[std::string(kTraceparent)];
  traceparent = host_.new_span(parse_traceparent(traceparent).value_or(fiber->trace), identity, 3).traceparent();
  kernel.recorder().fact(EventKind::publish_started, host_.name, topic, message.id, 0, message.body, traceparent);

  const auto call = std::make_shared<PublishCall>(host_, std::move(topic), std::move(message), identity);
  Waiter waiter(kernel);
  const Listening listening(*call, waiter);
  server_.network_.send(host_, server_.host(), make_publish_packet(server_, call));
  co_await waiter.wait_until(kernel.now() + kPublishTimeout);

  using Outcome = PublishCall::Outcome;
  if (call->outcome == Outcome::confirmed) {
    kernel.recorder().fact(EventKind::publish_confirmed, host_.name, call->topic, call->message->id);
    if (places_.reached(host_, "after publish")) co_await Places::halt(host_);
    co_return;
  }
  const std::string why = call->outcome == Outcome::refused ? "the broker refused the connection"
                          : call->outcome == Outcome::broken
                              ? "the connection to the broker broke"
                              : "no confirmation within " + orrery::to_string(kPublishTimeout);
  kernel.recorder().fact(EventKind::publish_failed, host_.name, call->topic, call->message->id, 0, why);
  throw PublishFailed(call->outcome == Outcome::refused ? Effect::did_not_happen : Effect::may_have_happened,
                      call->topic + ": " + why);
}

void BrokerClient::subscribe(Subscription subscription, Handler handler) {
  CHECK(!subscription.topic.empty() && !subscription.group.empty(), "a subscription names a topic and a group");
  CHECK(subscription.concurrency > 0 && subscription.max_deliveries > 0 &&
        subscription.ack_deadline > Duration::zero());
  CHECK(handler != nullptr, "a subscription has a handler");
  const std::string_view name = host_.kernel().intern(subscription.topic + "/" + subscription.group);
  subscriptions_.push_back({std::move(subscription), std::move(handler), name});
  host_.spawn("subscribe " + std::string(name), keep_subscribed(subscriptions_.size() - 1));
}

Task<void> BrokerClient::keep_subscribed(std::size_t index) {
  const SubscriberId self{host_.id, number_, index};
  while (!stopping_) {
    server_.network_.send(host_, server_.host(),
                          make_subscribe_packet(server_, self, subscriptions_[index].subscription));
    co_await host_.sleep(kHeartbeat);
  }
}

void BrokerClient::stop() {
  if (stopping_) return;
  stopping_ = true;
  for (std::size_t index = 0; index < subscriptions_.size(); ++index) {
    const SubscriberId self{host_.id, number_, index};
    server_.network_.send(host_, server_.host(),
                          make_unsubscribe_packet(server_, self, subscriptions_[index].subscription));
  }
}

void BrokerClient::receive(std::size_t index, BrokerGroup& group, std::uint64_t offset, int attempt,
                           std::uint64_t identity) {
  if (stopping_) {
    const SubscriberId self{host_.id, number_, index};
    const DeliveryId delivery{&group, offset, attempt};
    server_.network_.send(host_, server_.host(), make_answer_packet(server_, delivery, self, Answer::hand_back));
    return;
  }
  host_.spawn(subscriptions_[index].name, handle(index, group, offset, attempt), mix(host_.entity, identity));
}

Task<void> BrokerClient::handle(std::size_t index, BrokerGroup& group, std::uint64_t offset, int attempt) {
  Recorder& recorder = host_.kernel().recorder();
  const Subscribed& subscribed = subscriptions_[index];
  const SubscriberId self{host_.id, number_, index};
  const DeliveryId id{&group, offset, attempt};
  Work work(*this, self, id);
  SimFiber& fiber = *host_.kernel().current_fiber();
  const auto published = work.message().attributes.find(std::string(kTraceparent));
  const std::optional<TraceContext> publisher =
      published == work.message().attributes.end() ? std::nullopt : parse_traceparent(published->second);
  fiber.trace = host_.new_span(publisher.value_or(TraceContext()), fiber.identity, 4);
  recorder.fact(EventKind::message_delivered, host_.name, group.name, work.message().id, attempt, work.message().body,
                work.message().key);
  Task<void> handling = handle_delivery(subscribed.handler, work);
  co_await std::move(handling);
  if (work.dies()) co_await Kernel::never();
}

}  // namespace orrery::sim
