#include "properties/inbox.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "properties/bodies.hpp"
#include "properties/rows.hpp"

namespace orrery {
namespace {

/// The inserted effects, by message and channel.
using Effects = std::map<std::pair<std::string, std::string>, std::vector<History::Change>>;

const Effects& effects_of(const HistoryIndex& index, const EffectTable& table) {
  return index.shared<Effects>("effects " + table.table, [&](const HistoryIndex& of) {
    Effects effects;
    for (const History::Change& change : of.committed(table.table)) {
      if (takes_back(*change.commit)) {
        if (change.row->operation != RowOperation::remove) continue;
        const Row gone = change.row->old_row();
        const auto made = effects.find({cell(gone, table.message_id), cell(gone, table.channel)});
        if (made != effects.end()) made->second.pop_back();
        if (made != effects.end() && made->second.empty()) effects.erase(made);
        continue;
      }
      if (change.row->operation != RowOperation::insert) continue;
      const Row row = change.row->new_row();
      effects[{cell(row, table.message_id), cell(row, table.channel)}].push_back(change);
    }
    return effects;
  });
}

std::string delivery_subject(const std::string& topic, const std::string& group) { return topic + "/" + group; }

/// The deliveries of a message to any group of the topic, for evidence.
void add_deliveries(const HistoryIndex& index, const std::string& topic, const std::string& message,
                    std::vector<EventId>& evidence) {
  for (const EventKind kind :
       {EventKind::message_delivered, EventKind::message_acknowledged, EventKind::message_refused}) {
    for (const Event* event : index.with_key(kind, message)) {
      if (std::string_view(event->subject).starts_with(topic + "/")) evidence.push_back(event->id);
    }
  }
}

const Event* first_stored(const HistoryIndex& index, const std::string& topic, std::string_view message) {
  for (const Event* event : index.with_key(EventKind::message_stored, message)) {
    if (event->subject == topic) return event;
  }
  return nullptr;
}

}  // namespace

Check at_most_one_effect(const EffectTable& effects) {
  return [effects](const HistoryIndex& index) {
    Findings findings;
    for (const auto& [of, made] : effects_of(index, effects)) {
      findings.examine(static_cast<std::int64_t>(made.size()));
      if (made.size() < 2) continue;
      // Proven by the second; what came to the consumers until then explains it.
      std::vector<EventId> evidence;
      for (const Event* event : index.with_key(EventKind::message_delivered, of.first)) {
        if (event->id < made[1].commit->id) evidence.push_back(event->id);
      }
      evidence.insert(evidence.end(), {made[0].commit->id, made[1].commit->id});
      findings.violate(
          "several effects",
          fmt::format("event {} made {} {}s for channel {}", short_id(of.first), made.size(), effects.name, of.second),
          std::move(evidence));
    }
    return std::move(findings).verdict();
  };
}

Check effects_come_from_messages(const EffectTable& effects, const std::string& topic) {
  return [effects, topic](const HistoryIndex& index) {
    Findings findings;
    for (const auto& [of, made] : effects_of(index, effects)) {
      findings.examine(static_cast<std::int64_t>(made.size()));
      const Event* stored = first_stored(index, topic, of.first);
      if (stored != nullptr && stored->id < made.front().commit->id) continue;
      findings.violate(stored == nullptr ? "no message" : "message only afterwards",
                       fmt::format("a {} for event {} was committed, but {} held no such message then", effects.name,
                                   short_id(of.first), topic),
                       {made.front().commit->id, stored != nullptr ? stored->id : 0});
    }
    return std::move(findings).verdict();
  };
}

Check effects_say_what_messages_say(const EffectTable& effects, const std::string& topic,
                                    const std::vector<std::pair<std::string, std::string>>& says) {
  return [effects, topic, says](const HistoryIndex& index) {
    Findings findings;
    for (const auto& [of, made] : effects_of(index, effects)) {
      const Event* stored = first_stored(index, topic, of.first);
      if (stored == nullptr) continue;  // effects_come_from_messages says so
      const Json body = parse_body(stored->text);
      if (!body.is_object() || !body.contains("payload")) continue;
      for (const History::Change& effect : made) {
        findings.examine();
        for (const auto& [path, member] : says) {
          const std::size_t dot = path.find('.');
          std::string said = cell(effect.row->new_row(), path.substr(0, dot));
          if (dot != std::string::npos) said = member_text(parse_body(said), path.substr(dot + 1).c_str());
          const std::string meant = member_text(body["payload"], member.c_str());
          if (said == meant) continue;
          findings.violate(fmt::format("another {}", path),
                           fmt::format("the {} of event {} says {} '{}', but the event says {} '{}'", effects.name,
                                       short_id(of.first), path, said, member, meant),
                           {stored->id, effect.commit->id});
          break;
        }
      }
    }
    return std::move(findings).verdict();
  };
}

Check effects_follow_the_order_of_messages(const EffectTable& effects, const std::string& topic) {
  return [effects, topic](const HistoryIndex& index) {
    Findings findings;
    const Effects& made = effects_of(index, effects);
    std::set<std::string_view> seen;
    std::map<std::string_view, const Event*> latest;  // by ordering key: the latest effect so far
    for (const Event* stored : index.of(EventKind::message_stored, topic)) {
      if (stored->detail.empty() || !seen.insert(stored->key).second) continue;
      for (const std::string& channel : effects.channels) {
        const auto found = made.find({stored->key, channel});
        if (found == made.end()) continue;
        findings.examine();
        const Event* effect = found->second.front().commit;
        const Event*& before = latest[stored->detail];
        if (before != nullptr && effect->id < before->id) {
          findings.violate("overtaken",
                           fmt::format("message {} of key {} had its {} before an earlier message of that key",
                                       short_id(stored->key), short_id(stored->detail), effects.name),
                           {stored->id, effect->id, before->id});
        } else {
          before = effect;
        }
      }
    }
    return std::move(findings).verdict();
  };
}

Check acknowledged_means_committed(const InboxTable& inbox) {
  return [inbox](const HistoryIndex& index) {
    Findings findings;
    const RowLives& processed = lives_of(index, inbox.table, inbox.consumer + "," + inbox.message_id);
    for (const Event* acknowledged :
         index.of(EventKind::message_acknowledged, delivery_subject(inbox.topic, inbox.group))) {
      findings.examine();
      const auto found = processed.find(inbox.group + "|" + acknowledged->key);
      const Event* committed = found == processed.end() ? nullptr : found->second.first().commit;
      if (committed != nullptr && committed->id < acknowledged->id) continue;
      std::vector<EventId> evidence{acknowledged->id, committed != nullptr ? committed->id : 0};
      for (const Event* delivered : index.with_key(EventKind::message_delivered, acknowledged->key)) {
        if (delivered->subject == acknowledged->subject && delivered->id < acknowledged->id) {
          evidence.push_back(delivered->id);
        }
      }
      findings.violate(committed == nullptr ? "never committed" : "committed only afterwards",
                       fmt::format("{} acknowledged message {}, but {} noted it in {}", acknowledged->host,
                                   short_id(acknowledged->key),
                                   committed == nullptr ? "nobody ever" : "only later somebody", table_of(inbox.table)),
                       std::move(evidence));
    }
    return std::move(findings).verdict();
  };
}

Check redeliveries_carry_the_same_bytes(const std::string& topic, const std::string& group) {
  return [topic, group](const HistoryIndex& index) {
    Findings findings;
    std::map<std::string_view, const Event*> stored;
    for (const Event* event : index.of(EventKind::message_stored, topic)) {
      const auto [first, is_first] = stored.emplace(event->key, event);
      if (is_first) continue;
      findings.examine();
      if (event->text == first->second->text) continue;
      findings.violate(
          "published with other bytes",
          fmt::format("message {} was stored once more with other bytes than the first time", short_id(event->key)),
          {first->second->id, event->id});
    }
    std::map<std::string_view, const Event*> delivered;
    for (const Event* event : index.of(EventKind::message_delivered, delivery_subject(topic, group))) {
      const auto [first, is_first] = delivered.emplace(event->key, event);
      if (is_first) continue;
      findings.examine();
      if (event->text == first->second->text) continue;
      findings.violate(
          "delivered with other bytes",
          fmt::format("message {} was delivered again with other bytes than the first time", short_id(event->key)),
          {first->second->id, event->id});
    }
    return std::move(findings).verdict();
  };
}

Check only_poison_is_dead_lettered(const std::string& topic, const std::string& group, const std::string& outbox_table,
                                   const std::string& event_id) {
  return [topic, group, outbox_table, event_id](const HistoryIndex& index) {
    Findings findings;
    findings.examine(static_cast<std::int64_t>(index.of(EventKind::message_stored, topic).size()));
    const RowLives& events = lives_of(index, outbox_table, event_id);
    for (const Event* buried : index.of(EventKind::message_dead_lettered, delivery_subject(topic, group))) {
      if (!events.contains(buried->key)) continue;
      std::vector<EventId> evidence{buried->id};
      add_deliveries(index, topic, buried->key, evidence);
      findings.violate(
          "event", fmt::format("event {} was dead-lettered after {} deliveries", short_id(buried->key), buried->number),
          std::move(evidence));
    }
    return std::move(findings).verdict();
  };
}

Check every_message_has_its_effect(const EffectTable& effects, const std::string& topic) {
  return [effects, topic](const HistoryIndex& index) {
    Findings findings;
    const Effects& made = effects_of(index, effects);
    std::map<std::string_view, const Event*> stored;
    for (const Event* event : index.of(EventKind::message_stored, topic)) stored.emplace(event->key, event);
    for (const auto& [message, event] : stored) {
      const std::string type = member_text(parse_body(event->text), "event_type");
      if (std::find(effects.event_types.begin(), effects.event_types.end(), type) == effects.event_types.end()) {
        continue;
      }
      for (const std::string& channel : effects.channels) {
        findings.examine();
        if (made.contains({std::string(message), channel})) continue;
        std::vector<EventId> evidence{event->id, index.end()};
        add_deliveries(index, topic, event->key, evidence);
        const HistoryIndex::Events& buried = index.with_key(EventKind::message_dead_lettered, message);
        for (const Event* burial : buried) evidence.push_back(burial->id);
        findings.violate(buried.empty() ? "no effect" : "dead-lettered",
                         fmt::format("event {} was published, but has no {} for channel {}{}", short_id(message),
                                     effects.name, channel, buried.empty() ? "" : ": it was dead-lettered"),
                         std::move(evidence));
      }
    }
    return std::move(findings).verdict();
  };
}

}  // namespace orrery
