#pragma once

#include <string>

#include "sim/database/session_impl.hpp"

namespace orrery::sim::database {

/// NOTIFY: remembered until the transaction commits; the same channel and payload only once. Throws 22023 for a channel
/// without a name or of 64 bytes and more, or a payload of 8000 bytes and more.
void notify(SessionImpl& session, std::string channel, std::string payload);

/// LISTEN and UNLISTEN (`listens` false; without a channel: of all) take effect when the transaction commits.
void change_listening(SessionImpl& session, std::string channel, bool listens);

/// At commit: changes what the session listens to, and gives its notifications to all sessions that listen by now. To be
/// called when the transaction is closed.
void send_notifications(SessionImpl& session);

/// How full PostgreSQL's queue (8 GiB in pages of 8 KiB) would be with what sessions in transactions have not taken yet:
/// 0 to 1.
[[nodiscard]] double notification_queue_usage(const EngineImpl& engine);

}  // namespace orrery::sim::database
