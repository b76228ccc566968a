#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "real-mode/http_wire.hpp"
#include "real-mode/otlp.hpp"
#include "real-mode/places.hpp"
#include "real-mode/recorder.hpp"
#include "real-mode/socket.hpp"
#include "runtime/http.hpp"

namespace orrery::real {

/// What a server bears, and a client too.
struct HttpLimits {
  std::size_t header = 16 * 1024;          // bytes
  std::uint64_t body = 1024 * 1024;        // bytes, unless the route says otherwise
  std::uint64_t response_body = 16 << 20;  // bytes, at the client
  Duration header_time = 10s;              // from a request's first byte to the end of its header
  Duration body_time = 30s;                // from there to the end of its body
  Duration idle_time = 60s;                // between requests of a connection
  Duration write_time = 30s;               // of a response
  std::size_t connections = 10'000;        // at a time; further ones are closed
};

/// The request's remaining time in milliseconds, as a caller passes it on; a server also heeds Connect's own field.
inline constexpr std::string_view kTimeoutField = "X-Request-Timeout-Ms";
inline constexpr std::string_view kConnectTimeoutField = "Connect-Timeout-Ms";
/// Names a request in the history of both of its ends.
inline constexpr std::string_view kRequestIdField = "X-Request-Id";

/// A host's HTTP server (HTTP/1.1 and 1.0): keep-alive, requests one after the other on a connection.
class HttpServer {
 public:
  HttpServer(Loop& loop, Random& random, Tracer& tracer, Recorder& recorder, Mishaps& mishaps, std::string service,
             HttpLimits limits = {});
  ~HttpServer();

  void on(std::string_view route, Http::Handler handler) { routes_.add(route, std::move(handler)); }
  /// Bodies of this route ("POST /users") may be so long, instead of HttpLimits::body.
  void limit_body(std::string_view route, std::uint64_t bytes) { body_limits_[std::string(route)] = bytes; }
  /// Called for each answer: the route's text ("" for none), the status, how long it took.
  using OnAnswer = std::function<void(std::string_view route, int status, Duration took)>;
  void on_answer(OnAnswer heard) { on_answer_ = std::move(heard); }

  /// For faults: each handler answers so much later; every request is answered 503, and nothing is done.
  void ail(Duration slower, bool failing) noexcept {
    slower_ = slower;
    failing_ = failing;
  }

  /// Throws SocketError if the address is taken. Returns the port.
  std::uint16_t listen(const Address& address);
  /// No new connections and no new requests; answers that are owed are given, and then their connections are closed.
  void stop();
  /// Requests whose handler runs.
  [[nodiscard]] std::size_t in_work() const noexcept { return in_work_; }
  [[nodiscard]] std::size_t connections() const noexcept { return connections_.size(); }

 private:
  struct Connection;
  struct Apart;
  Task<void> accept();
  Task<void> serve(std::shared_ptr<Connection> connection);
  Task<void> converse(Connection& connection);
  /// Reads a request and finds its route. `more`: the client hung up before it was whole.
  Task<Reading> receive(Connection& connection, RequestReader& reader, Routes::Match& match);
  Task<void> refuse(Connection& connection, int status, std::string_view why);
  Task<Response> answer(Request& request, const Routes::Match& match);
  Task<Response> handle(const Http::Handler& handler, std::string_view pattern, Request request);
  Task<void> handle_apart(const Http::Handler& handler, std::string_view pattern, Request request,
                          std::shared_ptr<Apart> apart);

  [[nodiscard]] std::uint64_t body_limit(std::string_view pattern) const;

  Loop& loop_;
  Random& random_;
  Tracer& tracer_;
  Recorder& recorder_;
  Mishaps& mishaps_;
  const std::string service_;
  const HttpLimits limits_;
  Routes routes_;
  std::map<std::string, std::uint64_t, std::less<>> body_limits_;
  OnAnswer on_answer_;
  std::unique_ptr<Listener> listener_;
  std::list<Connection*> connections_;
  std::size_t in_work_ = 0;
  bool stopping_ = false;
  Duration slower_{0};
  bool failing_ = false;
};

/// A host's HTTP client, with a pool of connections to each address.
class HttpClient {
 public:
  using Peers = std::map<std::string, std::vector<Address>, std::less<>>;  // by service: its replicas
  HttpClient(Loop& loop, Random& random, Tracer& tracer, Recorder& recorder, Mishaps& mishaps, Peers peers,
             HttpLimits limits = {});

  /// As Http::call. Throws std::invalid_argument for a service that is not among the peers.
  Task<Response> call(std::string service, Request request, Duration timeout);

 private:
  struct Idle {
    Socket socket;
    Instant since;
  };
  struct Exchange {
    bool reached = false;  // the request may have been sent
  };
  Task<Response> exchange(Address address, std::string wire, Instant deadline, Exchange& exchange);
  [[nodiscard]] Socket take_idle(const Address& address);

  Loop& loop_;
  Random& random_;
  Tracer& tracer_;
  Recorder& recorder_;
  Mishaps& mishaps_;
  Peers peers_;
  const HttpLimits limits_;
  std::map<Address, std::vector<Idle>> idle_;
};

/// Both, as a service sees them.
class RealHttp final : public Http {
 public:
  RealHttp(HttpServer& server, HttpClient& client) : server_(server), client_(client) {}
  void on(std::string_view route, Handler handler) override { server_.on(route, std::move(handler)); }
  Task<Response> call(std::string service, Request request, Duration timeout) override {
    return client_.call(std::move(service), std::move(request), timeout);
  }

 private:
  HttpServer& server_;
  HttpClient& client_;
};

}  // namespace orrery::real
