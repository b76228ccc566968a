#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "runtime/failure.hpp"
#include "runtime/task.hpp"
#include "runtime/time.hpp"

namespace orrery {

/// What is published. Not an aggregate: see the g++ 12 hazards.
class Message {
 public:
  Message() = default;
  Message(std::string id, std::string key, std::string body)
      : id(std::move(id)), key(std::move(key)), body(std::move(body)) {}

  std::string id;   // the publisher's: stays the same when it publishes again
  std::string key;  // ordering key; messages with the same key are delivered in the order of their storage; empty: no order
  std::string body;
  std::map<std::string, std::string> attributes;  // trace context and the like
};

/// A publish that was not confirmed. `may_have_happened`: the broker may have stored the message.
class PublishFailed : public Failure {
 public:
  using Failure::Failure;
};

/// One delivery of a message to one subscriber of a group.
class Delivery {
 public:
  virtual ~Delivery() = default;
  [[nodiscard]] virtual const Message& message() const noexcept = 0;
  /// 1 for the first delivery to this group.
  [[nodiscard]] virtual int attempt() const noexcept = 0;
  /// Tells the broker that the message is done. Returning does not mean that the broker heard it: an acknowledgement can
  /// be lost or late, and then the message comes again.
  virtual void acknowledge() = 0;
  /// Asks for the message again, after the group's retry delay.
  virtual void refuse() = 0;
};

/// How a group receives a topic. Named fields with the defaults of a careful service.
class Subscription {
 public:
  Subscription() = default;
  Subscription(std::string topic, std::string group) : topic(std::move(topic)), group(std::move(group)) {}

  std::string topic;
  std::string group;  // subscribers of one group share the messages; each group gets all of them
  Duration ack_deadline = 30s;         // without an answer by then the message is delivered again
  Duration retry_delay = 1s;           // after a refusal
  int max_deliveries = 20;             // then it goes to the dead letter topic
  std::string dead_letter_topic;       // empty: "<topic>.dead"
  int concurrency = 4;                 // deliveries in work at this subscriber; never two of one key
};

/// A durable publish/subscribe broker, at least once, ordered by key within a group.
class Broker {
 public:
  using Handler = std::function<Task<void>(Delivery&)>;

  /// Returns once the broker has made the message durable. Throws PublishFailed.
  virtual Task<void> publish(std::string topic, Message message) = 0;

  /// Receives until the host stops. For each delivery `handler` runs as a task: returning acknowledges; throwing a
  /// Failure refuses (the message comes again); a handler may answer earlier itself. The delivery lives as long as the
  /// handler's task. A crash in the handler answers nothing: the message comes again after the ack deadline.
  virtual void subscribe(Subscription subscription, Handler handler) = 0;

 protected:
  ~Broker() = default;
};

}  // namespace orrery
