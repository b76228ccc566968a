#pragma once

#include "runtime/context.hpp"
#include "services/patterns/outbox.hpp"
#include "services/patterns/twin.hpp"
#include "services/user/users.hpp"

namespace orrery::services {

/// The user service: HTTP in front of `Users`, and one outbox relay on each replica.
///
///   POST /users                      {email, name}, Idempotency-Key optional → 201 {id}, Location
///   GET  /users/{id}                 → 200 {id, email, name, version, created_at, updated_at}
///   PUT  /users/{id}                 {name} → 200 the user
///   GET  /users?limit=&offset=       → 200 {users, next}, newest first; ?limit=&after=<next> goes on from a page
///   POST /outbox/{event_id}/replay   makes a `failed` event due again → 202
///   GET  /healthz                    → 200
///   POST /user.v1.UserService/…      the same for Connect unary clients, see connect.hpp
///
/// Everything that is refused is a problem answer (RFC 9457): 400 not understood, 404, 409, 413, 415, 422, 503.
class UserService final : public Service {
 public:
  /// Throws SettingsError.
  explicit UserService(Context& context);

 private:
  UserService(Context& context, Settings settings);

  Task<Response> post_user(Request request);
  Task<Response> get_user(Request request);
  Task<Response> put_user(Request request);
  Task<Response> list_users(Request request);
  Task<Response> replay_event(Request request);
  Task<Response> connect_create_user(Request request);
  Task<Response> connect_get_user(Request request);
  Task<Response> connect_list_users(Request request);
  [[nodiscard]] Instant deadline_of(const Request& request) const noexcept;

  Context& context_;
  Twin twin_;
  Duration request_limit_;
  Users users_;
  OutboxRelay relay_;
};

}  // namespace orrery::services
