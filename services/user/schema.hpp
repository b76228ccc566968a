#pragma once

namespace orrery::services {

/// The tables of "user_db": users, outbox_events, idempotency_keys. Statements end with ';'.
extern const char* const kUserSchema;

}  // namespace orrery::services
