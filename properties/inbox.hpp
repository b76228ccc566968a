#pragma once

#include <string>
#include <utility>
#include <vector>

#include "properties/property.hpp"

namespace orrery {

// The inbox, or idempotent consumer: a consumer notes the id of a message in the transaction that carries its effect
// out, and acknowledges after the commit; a message that comes again finds its id taken.
// (C. Richardson, Microservices Patterns, 2018, section 3.2.6; P. Helland, "Life beyond Distributed Transactions",
// 2007)

/// Where a consumer notes what it has processed.
struct InboxTable {
  std::string table = "notification_db.processed_messages";
  std::string consumer = "consumer";
  std::string message_id = "message_id";
  std::string topic = "user.events";
  std::string group = "notification";
};

/// The effects that messages have: rows that name their message.
struct EffectTable {
  std::string name = "job";  // in sentences
  std::string table = "notification_db.notification_jobs";
  std::string message_id = "correlation_id";
  std::string channel = "channel";
  /// Each message of one of these types has an effect in each of these channels.
  std::vector<std::string> event_types = {"user.created", "user.updated"};
  std::vector<std::string> channels = {"email"};
};

/// At most one row is ever inserted per message and channel, whether or not an earlier one was removed since.
/// Judged: each inserted effect.
/// Broken by: looking before and writing after (two copies in work at the same time), a deduplication window that
/// forgets before the last redelivery, deduplication by delivery instead of by message.
[[nodiscard]] Check at_most_one_effect(const EffectTable& effects);

/// Each effect is of a message that the broker had stored before. Judged: each inserted effect.
[[nodiscard]] Check effects_come_from_messages(const EffectTable& effects, const std::string& topic);

/// Each effect says what its message says: each of `says` names a column ("variables.name": a member of a JSON column)
/// and the member of the body's "payload" that it must equal. Judged: each effect whose message was stored.
/// Broken by: mixing up two messages that are in work at the same time.
[[nodiscard]] Check effects_say_what_messages_say(const EffectTable& effects, const std::string& topic,
                                                  const std::vector<std::pair<std::string, std::string>>& says);

/// Messages of one ordering key have their first effects in the order in which they were first stored.
/// Judged: each message's first effect.
/// Broken by: working on a key's messages side by side, acknowledging before the work is done.
[[nodiscard]] Check effects_follow_the_order_of_messages(const EffectTable& effects, const std::string& topic);

/// When a consumer acknowledges a message, the message's inbox row has been committed: by itself or, if the message
/// came to another replica before, by that one. Judged: each acknowledgement that a consumer sent in the group. Broken
/// by: acknowledging before working, working outside of the transaction that notes the message.
[[nodiscard]] Check acknowledged_means_committed(const InboxTable& inbox);

/// Whenever a message comes again, it carries the bytes of the first time: each storing of an id in the topic, and each
/// delivery of it to the group.
/// Judged: each delivery and storing of an id beyond its first.
/// Broken by: building the message anew for each attempt (a new time, new trace ids, the row's present state).
[[nodiscard]] Check redeliveries_carry_the_same_bytes(const std::string& topic, const std::string& group);

/// The broker gives up on no message that is a committed event: what the group refuses for good is not one.
/// Judged: each message of the topic. `outbox_table` and `event_id` say where events are.
/// Broken by: an ack deadline shorter than the work, refusing again and again what only needs time.
[[nodiscard]] Check only_poison_is_dead_lettered(const std::string& topic, const std::string& group,
                                                 const std::string& outbox_table, const std::string& event_id);

/// At the end each stored message of a type that has effects has one in each channel. A message that was dead-lettered
/// has lost its effect too.
/// Judged: each such message, once per channel.
/// Broken by: acknowledging work that then failed, an id noted for work that was rolled back.
[[nodiscard]] Check every_message_has_its_effect(const EffectTable& effects, const std::string& topic);

}  // namespace orrery
