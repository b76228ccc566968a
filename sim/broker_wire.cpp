#include "sim/broker_wire.hpp"

#include <string>
#include <utility>

#include "sim/broker_machine.hpp"

namespace orrery::sim {

/// What all packets of the broker share: they name clients by number, and look for the broker when they arrive.
class BrokerPacket : public Packet {
 public:
  explicit BrokerPacket(BrokerServer& server) : server_(server) {}
  void lost(Loss) override {}

 protected:
  [[nodiscard]] BrokerMachine* broker() const { return server_.machine(); }
  void hand_to_client(std::uint64_t number, std::size_t index, const DeliveryId& delivery, std::uint64_t identity) {
    if (BrokerClient* client = server_.find_client(number)) {
      client->receive(index, *delivery.group, delivery.offset, delivery.attempt, identity);
    }
  }

  BrokerServer& server_;
};

namespace {

class PublishPacket final : public BrokerPacket {
 public:
  PublishPacket(BrokerServer& server, std::shared_ptr<PublishCall> call)
      : BrokerPacket(server), call_(std::move(call)) {
    ++call_->under_way;
  }
  ~PublishPacket() override { --call_->under_way; }

  void arrive() override {
    ++call_->taken;
    broker()->take_publish(call_);
  }
  void lost(Loss loss) override {
    if (loss != Loss::refused) return;
    // With a second copy under way, or taken earlier, "refused" does not mean that nothing happens.
    const bool nothing_happened = call_->taken == 0 && call_->under_way == 1;
    call_->settle(nothing_happened ? PublishCall::Outcome::refused : PublishCall::Outcome::broken);
  }
  [[nodiscard]] std::unique_ptr<Packet> duplicate() const override { return make_publish_packet(server_, call_); }
  [[nodiscard]] std::string describe() const override { return "PUBLISH " + call_->topic + " " + call_->message->id; }

 private:
  std::shared_ptr<PublishCall> call_;
};

class ConfirmPacket final : public BrokerPacket {
 public:
  ConfirmPacket(BrokerServer& server, std::shared_ptr<PublishCall> call)
      : BrokerPacket(server), call_(std::move(call)) {}
  void arrive() override { call_->settle(PublishCall::Outcome::confirmed); }
  [[nodiscard]] std::string describe() const override { return "CONFIRM " + call_->topic + " " + call_->message->id; }

 private:
  std::shared_ptr<PublishCall> call_;
};

class SubscribePacket final : public BrokerPacket {
 public:
  SubscribePacket(BrokerServer& server, SubscriberId subscriber, Subscription subscription, bool begins)
      : BrokerPacket(server), subscriber_(subscriber), subscription_(std::move(subscription)), begins_(begins) {}

  void arrive() override {
    if (begins_) {
      broker()->take_subscription(subscriber_, from(), std::move(subscription_));
    } else {
      broker()->take_unsubscription(subscriber_, subscription_);
    }
  }
  [[nodiscard]] std::string describe() const override {
    return (begins_ ? "SUBSCRIBE " : "UNSUBSCRIBE ") + subscription_.topic + "/" + subscription_.group;
  }

 private:
  SubscriberId subscriber_;
  Subscription subscription_;
  bool begins_;
};

class DeliverPacket final : public BrokerPacket {
 public:
  DeliverPacket(BrokerServer& server, DeliveryId delivery, SubscriberId subscriber, std::uint64_t identity,
                std::uint32_t incarnation)
      : BrokerPacket(server),
        delivery_(delivery),
        subscriber_(subscriber),
        identity_(identity),
        incarnation_(incarnation) {}

  void arrive() override { hand_to_client(subscriber_.client, subscriber_.index, delivery_, identity_); }
  void lost(Loss loss) override {
    if (loss != Loss::refused || from().incarnation() != incarnation_) return;
    if (BrokerMachine* machine = broker()) machine->take_undeliverable(delivery_, subscriber_);
  }
  [[nodiscard]] std::unique_ptr<Packet> duplicate() const override {
    return make_deliver_packet(server_, delivery_, subscriber_, mix(identity_, 2), incarnation_);
  }
  [[nodiscard]] std::string describe() const override {
    return "DELIVER " + delivery_.group->name + " " + delivery_.group->message(delivery_.offset).id + " attempt " +
           std::to_string(delivery_.attempt);
  }

 private:
  DeliveryId delivery_;
  SubscriberId subscriber_;
  std::uint64_t identity_;
  std::uint32_t incarnation_;
};

class AnswerPacket final : public BrokerPacket {
 public:
  AnswerPacket(BrokerServer& server, DeliveryId delivery, SubscriberId subscriber, Answer answer)
      : BrokerPacket(server), delivery_(delivery), subscriber_(subscriber), answer_(answer) {}

  void arrive() override { broker()->take_answer(delivery_, subscriber_, answer_); }
  [[nodiscard]] std::string describe() const override {
    return std::string(to_string(answer_)) + " " + delivery_.group->name + " " +
           delivery_.group->message(delivery_.offset).id + " attempt " + std::to_string(delivery_.attempt);
  }

 private:
  DeliveryId delivery_;
  SubscriberId subscriber_;
  Answer answer_;
};

}  // namespace

std::unique_ptr<Packet> make_publish_packet(BrokerServer& server, std::shared_ptr<PublishCall> call) {
  return std::make_unique<PublishPacket>(server, std::move(call));
}

std::unique_ptr<Packet> make_confirm_packet(BrokerServer& server, std::shared_ptr<PublishCall> call) {
  return std::make_unique<ConfirmPacket>(server, std::move(call));
}

std::unique_ptr<Packet> make_subscribe_packet(BrokerServer& server, SubscriberId subscriber,
                                              Subscription subscription) {
  return std::make_unique<SubscribePacket>(server, subscriber, std::move(subscription), true);
}

std::unique_ptr<Packet> make_unsubscribe_packet(BrokerServer& server, SubscriberId subscriber,
                                                Subscription subscription) {
  return std::make_unique<SubscribePacket>(server, subscriber, std::move(subscription), false);
}

std::unique_ptr<Packet> make_deliver_packet(BrokerServer& server, DeliveryId delivery, SubscriberId subscriber,
                                            std::uint64_t identity, std::uint32_t incarnation) {
  return std::make_unique<DeliverPacket>(server, delivery, subscriber, identity, incarnation);
}

std::unique_ptr<Packet> make_answer_packet(BrokerServer& server, DeliveryId delivery, SubscriberId subscriber,
                                           Answer answer) {
  return std::make_unique<AnswerPacket>(server, delivery, subscriber, answer);
}

}  // namespace orrery::sim
