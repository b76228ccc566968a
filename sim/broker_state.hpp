#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/broker.hpp"
#include "sim/broker.hpp"
#include "sim/decide.hpp"

namespace orrery::sim {

/// One entry of a topic's log.
struct StoredMessage {
  std::shared_ptr<const Message> message;
  /// Of decisions: the message's id, and the how-manieth copy of it this is. An offset would shift with every message
  /// that is stored earlier or not at all.
  std::uint64_t entity = 0;
};

/// A topic, durable.
struct BrokerTopic {
  explicit BrokerTopic(std::string name) : name(std::move(name)) {}

  const std::string name;
  std::vector<StoredMessage> log;    // by offset
  std::vector<BrokerGroup*> groups;  // in the order of their first subscriptions
  std::vector<DeadLetter> dead_letters;

  /// Appends; returns the offset.
  std::uint64_t append(std::shared_ptr<const Message> message) {
    const std::uint64_t id = entity_of(message->id);
    log.push_back({std::move(message), mix(id, ++copies_[id])});
    return log.size() - 1;
  }

 private:
  std::unordered_map<std::uint64_t, std::uint32_t> copies_;  // lookup only
};

/// A group's position in its topic, durable: what is done, how often the rest was tried, and the order of what is left.
struct BrokerGroup {
  BrokerGroup(BrokerTopic& topic, std::string group, std::uint64_t index)
      : topic(topic),
        group(std::move(group)),
        name(topic.name + "/" + this->group),
        entity(entity_of(name)),
        index(index) {}

  struct Progress {
    enum class State : std::uint8_t { open, settled, dead };
    State state = State::open;
    int deliveries = 0;
  };

  BrokerTopic& topic;
  const std::string group;
  const std::string name;  // "topic/group"
  const std::uint64_t entity;
  const std::uint64_t index;
  Subscription settings;                                   // the latest one
  std::vector<Progress> progress;                          // by offset, one for each message of the topic
  std::map<std::string, std::deque<std::uint64_t>> lanes;  // what is open, by key; only the first may be delivered
  std::size_t open = 0;
  std::uint64_t occasions = 0;  // of the fault redeliver

  [[nodiscard]] bool is_open(std::uint64_t offset) const noexcept {
    return progress[offset].state == Progress::State::open;
  }
  [[nodiscard]] const Message& message(std::uint64_t offset) const { return *topic.log[offset].message; }

  /// Takes in the next message of the topic. True: it may be delivered at once.
  bool admit(std::uint64_t offset) {
    progress.emplace_back();
    ++open;
    const std::string& key = message(offset).key;
    if (key.empty()) return true;
    std::deque<std::uint64_t>& lane = lanes[key];
    lane.push_back(offset);
    return lane.size() == 1;
  }

  /// Whether nothing of the same key stands before it.
  [[nodiscard]] bool is_first(std::uint64_t offset) const {
    const std::string& key = message(offset).key;
    return key.empty() || lanes.at(key).front() == offset;
  }

  static constexpr std::uint64_t kNone = ~std::uint64_t{0};
  /// The message is done. Returns the next one of its key, which may be delivered now; kNone if there is none.
  std::uint64_t close(std::uint64_t offset, Progress::State how) {
    CHECK(is_open(offset) && is_first(offset), "a message is done before an earlier one of its key");
    progress[offset].state = how;
    --open;
    const std::string& key = message(offset).key;
    if (key.empty()) return kNone;
    const auto lane = lanes.find(key);
    lane->second.pop_front();
    if (!lane->second.empty()) return lane->second.front();
    lanes.erase(lane);
    return kNone;
  }
};

/// A publish that waits in its caller's frame. Packets and the broker share it; it outlives the caller.
struct PublishCall {
  enum class Outcome { none, confirmed, refused, broken };

  PublishCall(Host& client, std::string topic, Message message, std::uint64_t identity)
      : client(client),
        topic(std::move(topic)),
        message(std::make_shared<const Message>(std::move(message))),
        identity(identity) {}

  Host& client;
  const std::string topic;
  const std::shared_ptr<const Message> message;
  const std::uint64_t identity;  // of decisions
  Waiter* waiter = nullptr;      // null: the caller is gone
  Outcome outcome = Outcome::none;
  int under_way = 0;  // packets that carry it
  int taken = 0;      // how many of them have arrived

  void settle(Outcome how) {
    if (waiter == nullptr || outcome != Outcome::none) return;
    outcome = how;
    waiter->wake();
  }
};

/// What a consumer says about a delivery.
enum class Answer {
  acknowledge,
  refuse,
  hand_back,  // it stops: the message is to go to somebody else, at once
};
[[nodiscard]] constexpr const char* to_string(Answer answer) noexcept {
  return answer == Answer::acknowledge ? "ACK" : answer == Answer::refuse ? "NACK" : "HAND BACK";
}

}  // namespace orrery::sim
