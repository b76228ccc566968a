#include <algorithm>
#include <charconv>
#include <utility>

#include "real-mode/http.hpp"
#include "real-mode/http_wire.hpp"

namespace orrery::real {
namespace {

/// A time-out field; malformed ones are as good as none.
std::optional<Duration> timeout_of(const Request& request) {
  std::string_view text = request.headers.get(kTimeoutField);
  if (text.empty()) text = request.headers.get(kConnectTimeoutField);
  std::int64_t ms = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ms);
  constexpr std::int64_t kLongest = 24LL * 60 * 60 * 1000;
  if (error != std::errc{} || end != text.data() + text.size() || text.empty() || ms < 0) return std::nullopt;
  return std::chrono::milliseconds(std::min(ms, kLongest));
}

std::string random_id(Random& random) {
  static constexpr char kHex[] = "0123456789abcdef";
  const std::uint64_t word = random.next();
  std::string text(16, '0');
  for (std::size_t i = 0; i < 16; ++i) text[i] = kHex[word >> (60 - 4 * i) & 15];
  return text;
}

Response refusal(int status, std::string_view why) {
  Response response(status);
  response.headers.set("Content-Type", "application/problem+json");
  response.body = Json{{"title", reason_of(status)}, {"status", status}, {"detail", why}}.dump(
      -1, ' ', false, Json::error_handler_t::replace);
  return response;
}

}  // namespace

struct HttpServer::Connection {
  Connection(HttpServer& server, Socket from)
      : server(server), socket(std::move(from)), at(server.connections_.insert(server.connections_.end(), this)) {}
  ~Connection() { server.connections_.erase(at); }

  HttpServer& server;
  Socket socket;
  std::string bytes;  // read and not used yet
  std::string wire;   // the answer that is written
  bool idle = true;   // nothing of a request has come
  std::list<Connection*>::iterator at;
};

/// What a request's own task gives to its connection's.
struct HttpServer::Apart {
  explicit Apart(Loop& loop) : done(loop) {}
  Waiter done;
  Response response;
};

HttpServer::HttpServer(Loop& loop, Random& random, Tracer& tracer, Recorder& recorder, Mishaps& mishaps, std::string service,
                       HttpLimits limits)
    : loop_(loop), random_(random), tracer_(tracer), recorder_(recorder), mishaps_(mishaps), service_(std::move(service)), limits_(limits) {}

HttpServer::~HttpServer() = default;

std::uint16_t HttpServer::listen(const Address& address) {
  listener_ = std::make_unique<Listener>(loop_, address);
  loop_.spawn("http accept", accept());
  return listener_->port();
}

void HttpServer::stop() {
  stopping_ = true;
  if (listener_ != nullptr) listener_->close();
  for (Connection* connection : connections_) {
    if (connection->idle) connection->socket.shut();
  }
}

Task<void> HttpServer::accept() {
  for (;;) {
    Task<Socket> accepting = listener_->accept();
    Socket socket = co_await std::move(accepting);
    if (!socket) co_return;
    if (connections_.size() >= limits_.connections || stopping_) continue;
    auto connection = std::make_shared<Connection>(*this, std::move(socket));
    loop_.spawn("http", serve(std::move(connection)));
  }
}

Task<void> HttpServer::serve(std::shared_ptr<Connection> connection) {
  try {
    Task<void> conversing = converse(*connection);
    co_await std::move(conversing);
  } catch (const SocketError&) {
    // The client went away or was too slow: there is nobody to tell.
  }
}

std::uint64_t HttpServer::body_limit(std::string_view pattern) const {
  const auto limit = body_limits_.find(pattern);
  return limit != body_limits_.end() ? limit->second : limits_.body;
}

Task<Reading> HttpServer::receive(Connection& connection, RequestReader& reader, Routes::Match& match) {
  connection.idle = connection.bytes.empty();
  Instant deadline = loop_.recent() + (connection.idle ? limits_.idle_time : limits_.header_time);
  for (;;) {
    const Reading reading = reader.feed(connection.bytes);
    if (reading == Reading::header) {
      deadline = loop_.recent() + limits_.body_time;
      match = routes_.find(reader.request());
      if (reader.limit_body(body_limit(match.pattern)) == Reading::bad) co_return Reading::bad;
      if (reader.expects_continue() && connection.bytes.empty()) {
        constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
        Task<void> writing = connection.socket.write(kContinue, loop_.recent() + limits_.write_time);
        co_await std::move(writing);
      }
      continue;
    }
    if (reading != Reading::more) co_return reading;
    std::string_view came;
    bool late = false;
    try {
      Task<std::string_view> taking = connection.socket.take(deadline);
      came = co_await std::move(taking);
    } catch (const SocketError& error) {
      if (error.reason() != SocketError::Reason::timed_out || connection.idle) throw;
      late = true;
    }
    if (late) co_return reader.give_up();
    if (came.empty()) co_return Reading::more;
    if (connection.idle) {
      connection.idle = false;
      deadline = loop_.recent() + limits_.header_time;
    }
    connection.bytes.append(came);
  }
}

Task<void> HttpServer::refuse(Connection& connection, int status, std::string_view why) {
  const Response refused = refusal(status, why);
  if (on_answer_) on_answer_("", status, Duration::zero());
  connection.wire.clear();
  append_wire(refused, false, connection.wire);
  Task<void> writing = connection.socket.write(connection.wire, loop_.recent() + limits_.write_time);
  co_await std::move(writing);
  Task<void> lingering = connection.socket.linger(1s);
  co_await std::move(lingering);
}

Task<void> HttpServer::converse(Connection& connection) {
  RequestReader reader(limits_.header);
  while (!stopping_) {
    Routes::Match match;
    Task<Reading> receiving = receive(connection, reader, match);
    const Reading reading = co_await std::move(receiving);
    if (reading == Reading::more) co_return;  // it hung up, perhaps within a request
    if (reading == Reading::bad) {
      // What follows is not to be understood: the connection ends here.
      Task<void> refusing = refuse(connection, reader.refusal(), reader.why());
      co_await std::move(refusing);
      co_return;
    }
    const bool keep_alive = reader.keeps_alive();
    Request request = reader.take();
    const bool is_head = request.method == "HEAD";
    if (const auto timeout = timeout_of(request)) request.deadline = loop_.recent() + *timeout;
    ++in_work_;
    struct InWork {
      ~InWork() { --count; }
      std::size_t& count;
    };
    const InWork in_work{in_work_};
    Task<Response> answering = answer(request, match);
    Response response = co_await std::move(answering);
    const bool stays = keep_alive && !stopping_;
    if (is_head) response.body.clear();
    connection.wire.clear();
    append_wire(response, stays, connection.wire);
    Task<void> writing = connection.socket.write(connection.wire, loop_.recent() + limits_.write_time);
    co_await std::move(writing);
    if (!stays) co_return;
  }
}

Task<Response> HttpServer::answer(Request& request, const Routes::Match& match) {
  const Instant began = loop_.now();
  const std::string_view pattern = match.pattern;
  if (match.handler == nullptr) {
    const Response refused = refusal(match.path_known ? 405 : 404, match.path_known ? "not this method" : "no such path");
    if (on_answer_) on_answer_("", refused.status, loop_.now() - began);
    co_return refused;
  }
  if (failing_) {
    const Response shed = refusal(503, "an error burst");
    if (on_answer_) on_answer_(pattern, shed.status, loop_.now() - began);
    co_return shed;
  }
  Response response;
  if (mishaps_.armed()) {
    // Places are named by the task that is there: a task for each request, named as in simulation.
    const auto apart = std::make_shared<Apart>(loop_);
    loop_.spawn(std::string(pattern), handle_apart(*match.handler, pattern, std::move(request), apart));
    co_await apart->done.wait();
    response = std::move(apart->response);
  } else {
    Task<Response> handling = handle(*match.handler, pattern, std::move(request));
    response = co_await std::move(handling);
  }
  if (on_answer_) on_answer_(pattern, response.status, loop_.now() - began);
  co_return response;
}

Task<void> HttpServer::handle_apart(const Http::Handler& handler, std::string_view pattern, Request request,
                                    std::shared_ptr<Apart> apart) {
  Task<Response> handling = handle(handler, pattern, std::move(request));
  apart->response = co_await std::move(handling);
  apart->done.wake();
}

Task<Response> HttpServer::handle(const Http::Handler& handler, std::string_view pattern, Request request) {
  std::string label;
  std::string key;
  if (recorder_.on()) {
    label = service_ + " " + request.method + " " + std::string(request.path());
    key = request.headers.get(kRequestIdField);
    if (key.empty()) key = random_id(random_);
  }
  const std::optional<TraceContext> caller = parse_traceparent(request.headers.get(kTraceparent));
  Tracer::Scope span(tracer_, caller.value_or(TraceContext()), Span::Kind::server, pattern, true);
  span.attribute("http.request.method", request.method);
  span.attribute("url.path", request.path());
  span.attribute("http.route", pattern.substr(pattern.find(' ') + 1));
  std::string traceparent = span.context().traceparent();
  recorder_.fact(EventKind::request_received, label, key, 0, request.body, traceparent);
  request.headers.set(kTraceparent, std::move(traceparent));
  Response response;
  try {
    Task<Response> handling = handler(std::move(request));
    response = co_await std::move(handling);
  } catch (const Failure& failure) {
    recorder_.fact(EventKind::log, "error", {}, 0, failure.what(), label);
    response = Response(500);
  } catch (const std::exception& error) {
    recorder_.fact(EventKind::service_failed, label, key, 0, error.what());
    response = Response(500);
  }
  if (slower_ > Duration::zero()) {
    Waiter patience(loop_);
    co_await patience.wait_until(loop_.now() + slower_);
  }
  mishaps_.reached("before answer");
  span.attribute("http.response.status_code", std::to_string(response.status));
  if (response.status >= 500) span.fail();
  recorder_.fact(EventKind::request_answered, label, key, response.status);
  co_return response;
}

}  // namespace orrery::real
