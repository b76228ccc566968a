#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "runtime/http.hpp"
#include "sim/kernel.hpp"

namespace orrery::sim {

class Directory;
class PendingCall;

/// All HTTP exchanges of a world that a caller still waits for or a server still works on.
class Exchanges {
 public:
  explicit Exchanges(Directory& directory) : directory_(directory) {}

  struct Exchange {
    Host* caller = nullptr;
    Host* callee = nullptr;
    PendingCall* pending = nullptr;  // null: the caller is gone
    bool in_service = false;         // the request has reached the server
  };

  std::uint64_t open(Host& caller, Host& callee, PendingCall& pending);
  [[nodiscard]] Exchange* find(std::uint64_t id);
  void close(std::uint64_t id) { exchanges_.erase(id); }
  /// The connections of a host that crashed break: callers of calls in service there learn it a trip later.
  void crashed(Host& host);

 private:
  Directory& directory_;
  std::uint64_t last_ = 0;
  std::map<std::uint64_t, Exchange> exchanges_;
};

/// A host's HTTP client and server, at the level of messages: a call is a request packet and a response packet.
class HttpEndpoint final : public Http {
 public:
  HttpEndpoint(Host& host, Directory& directory) : host_(host), directory_(directory) {}

  void on(std::string_view route, Handler handler) override { routes_.add(route, std::move(handler)); }
  Task<Response> call(std::string service, Request request, Duration timeout) override;

  /// A request has arrived. `identity` names the exchange in decisions; `copy` counts the times that it arrived.
  void receive(std::uint64_t exchange, std::uint64_t identity, std::string label, Host& caller, Request request);
  /// No new requests are taken from now on; what is in work is finished.
  void stop_accepting() noexcept { accepting_ = false; }

 private:
  Task<void> serve(std::uint64_t exchange, std::uint64_t identity, std::string label, Host& caller, Request request,
                   const Handler* handler);
  void answer(std::uint64_t exchange, Host& caller, Response response);

  Host& host_;
  Directory& directory_;
  Routes routes_;
  bool accepting_ = true;
};

}  // namespace orrery::sim
