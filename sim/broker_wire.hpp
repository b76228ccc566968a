#pragma once

#include <cstdint>
#include <memory>

#include "sim/broker_state.hpp"
#include "sim/network.hpp"

namespace orrery::sim {

/// Names one subscription of one client. Ordered by host, so that the order of subscribers depends neither on who came
/// first nor on how often a host was started.
struct SubscriberId {
  std::uint32_t host = 0;
  std::uint64_t client = 0;
  std::size_t index = 0;
  friend auto operator<=>(const SubscriberId&, const SubscriberId&) = default;
};

/// Names one delivery.
struct DeliveryId {
  BrokerGroup* group = nullptr;
  std::uint64_t offset = 0;
  int attempt = 0;
};

// What travels between a broker and its clients.
[[nodiscard]] std::unique_ptr<Packet> make_publish_packet(BrokerServer& server, std::shared_ptr<PublishCall> call);
[[nodiscard]] std::unique_ptr<Packet> make_confirm_packet(BrokerServer& server, std::shared_ptr<PublishCall> call);
[[nodiscard]] std::unique_ptr<Packet> make_subscribe_packet(BrokerServer& server, SubscriberId subscriber,
                                                            Subscription subscription);
[[nodiscard]] std::unique_ptr<Packet> make_unsubscribe_packet(BrokerServer& server, SubscriberId subscriber,
                                                              Subscription subscription);
/// `identity` names this copy of the delivery in decisions; `incarnation` is the broker's.
[[nodiscard]] std::unique_ptr<Packet> make_deliver_packet(BrokerServer& server, DeliveryId delivery,
                                                          SubscriberId subscriber, std::uint64_t identity,
                                                          std::uint32_t incarnation);
[[nodiscard]] std::unique_ptr<Packet> make_answer_packet(BrokerServer& server, DeliveryId delivery,
                                                         SubscriberId subscriber, Answer answer);

}  // namespace orrery::sim
