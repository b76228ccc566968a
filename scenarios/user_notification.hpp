#pragma once

#include <rapidcheck.h>

#include <vector>

#include "scenarios/scenario.hpp"

namespace orrery {

/// System 000: people sign up with the user service, which tells the notification service through an outbox and a broker;
/// that one has a mail sent to each of them.
[[nodiscard]] Scenario user_notification();

/// What the clients ask for, in the order of time, up to `until` after the beginning:
///
///   "sign up"     {email, name, idempotency_key, protocol, then: [{after, name} | {after}]}
///       creates a user, asking again with the same key until it is answered; then renames it, or reads it, step by step.
///       Duplicates are operations of their own with the same key. `body`: sent instead of email and name.
///   "list users"  {limit, pages, by: "offset" | "cursor"}
///       reads page after page, and then the last user of what it saw.
[[nodiscard]] rc::Gen<std::vector<Operation>> sign_ups(int clients, Duration until);

/// Carries one of these operations out. Notes each attempt of each step as an operation of its own: "create user"
/// {idempotency_key, email, name}, "rename user" {id, name}, "get user" {id}, "list users" {limit, offset | after}.
[[nodiscard]] Task<void> perform_as_client(Context& context, OperationLog& log, Operation operation);

}  // namespace orrery
