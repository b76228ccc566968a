#pragma once

#include <rapidcheck.h>

#include <vector>

#include "scenarios/scenario.hpp"

namespace orrery {

/// System 001, MediaHub: pictures are uploaded; a saga makes a thumbnail, puts the picture into its owner's album and tells
/// the owner, or undoes what it did. CQRS and event sourcing, HTTP between the services and no broker.
[[nodiscard]] Scenario media_upload();

/// What the clients ask for, in the order of time, up to `until` after the beginning. Each has a `user` and a `token`:
/// "valid", "none" or "forged".
///
///   "upload"   {key, filename, image: {type, width, height, colour, damage}, then: [{after, do}]}
///       uploads a picture, asking again with the same key until it is answered; then goes through the steps: "read",
///       "thumbnail", "delete". `damage`: "none", "cut", "header" (of another type), "text". Duplicates are operations of
///       their own with the same key.
///   "album"    {key, name, then: [{after, do}]}
///       makes an album; the steps are "add" (the newest medium of the user), "take out", "read", "delete".
///   "look"     {at: "media" | "search" | "stats" | "albums" | "notifications" | "sagas"}
///   "rebuild"  {}   an operator has the read model of media built anew
[[nodiscard]] rc::Gen<std::vector<Operation>> media_requests(int clients, Duration until);

/// Carries one of these operations out. Notes each attempt of each step as an operation of its own: "upload media" {user,
/// token, idempotency_key, sha256}, "get media" {user, token, id, at_least}, "list media", "get thumbnail", "delete media",
/// "create album", "change album", "look".
[[nodiscard]] Task<void> perform_on_mediahub(Context& context, OperationLog& log, Operation operation);

}  // namespace orrery
