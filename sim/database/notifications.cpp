#include "sim/database/notifications.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "sim/database/errors.hpp"

// LISTEN and NOTIFY (the manual's pages of both commands; src/backend/commands/async.c for the limits).

namespace orrery::sim::database {
namespace {

constexpr std::size_t kMaxChannel = 64;    // NAMEDATALEN: one byte less
constexpr std::size_t kMaxPayload = 8000;  // NOTIFY_PAYLOAD_MAX_LENGTH: one byte less

}  // namespace

void notify(SessionImpl& session, std::string channel, std::string payload) {
  if (channel.empty()) fail("22023", "channel name cannot be empty");
  if (channel.size() >= kMaxChannel) fail("22023", "channel name too long");
  if (payload.size() >= kMaxPayload) fail("22023", "payload string too long");
  Transaction& txn = session.transaction;
  if (!txn.notified.emplace(channel, payload).second) return;
  txn.notifications.push_back({std::move(channel), std::move(payload), txn.process_id});
}

void change_listening(SessionImpl& session, std::string channel, bool listens) {
  session.transaction.listen_changes.push_back({std::move(channel), listens});
}

void send_notifications(SessionImpl& session) {
  Transaction& txn = session.transaction;
  for (const ListenChange& change : std::exchange(txn.listen_changes, {})) {
    if (change.listens) {
      session.channels.insert(change.channel);
    } else if (change.channel.empty()) {
      session.channels.clear();
    } else {
      session.channels.erase(change.channel);
    }
    if (change.listens) continue;
    std::erase_if(session.inbox, [&](const Notification& each) { return !session.channels.contains(each.channel); });
  }
  txn.notified.clear();
  const std::vector<Notification> sent = std::exchange(txn.notifications, {});
  if (sent.empty()) return;
  for (SessionImpl* other : session.engine.sessions) {
    if (other == nullptr || other->channels.empty()) continue;
    const std::size_t before = other->inbox.size();
    for (const Notification& each : sent) {
      if (other->channels.contains(each.channel)) other->inbox.push_back(each);
    }
    if (other != &session && other->inbox.size() > before) other->announce_notifications();
  }
}

double notification_queue_usage(const EngineImpl& engine) {
  constexpr std::size_t kPage = 8192;
  constexpr double kPages = 1'048'576;
  std::size_t longest = 0;
  for (const SessionImpl* session : engine.sessions) {
    if (session == nullptr || !session->transaction.is_open) continue;
    std::size_t bytes = 0;
    for (const Notification& each : session->inbox) bytes += 18 + each.channel.size() + each.payload.size();
    longest = std::max(longest, bytes);
  }
  return static_cast<double>(longest / kPage) / kPages;
}

}  // namespace orrery::sim::database
