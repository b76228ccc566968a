#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "real-mode/http.hpp"
#include "real-mode/http_wire.hpp"

namespace orrery::real {
namespace {

constexpr std::size_t kReadAtOnce = 16 * 1024;
/// Half of what the server waits: it must not close while a request is on its way.
constexpr Duration kIdleAtMost = 30s;
constexpr std::size_t kIdlePerAddress = 64;

std::string random_id(Random& random) {
  static constexpr char kHex[] = "0123456789abcdef";
  const std::uint64_t word = random.next();
  std::string text(16, '0');
  for (std::size_t i = 0; i < 16; ++i) text[i] = kHex[word >> (60 - 4 * i) & 15];
  return text;
}

const char* in_words(CallFailed::Reason reason) {
  switch (reason) {
    case CallFailed::Reason::refused: return "refused";
    case CallFailed::Reason::timed_out: return "timed out";
    case CallFailed::Reason::reply_lost: return "reply lost";
  }
  return "?";
}

}  // namespace

HttpClient::HttpClient(Loop& loop, Random& random, Tracer& tracer, Recorder& recorder, Mishaps& mishaps, Peers peers,
                       HttpLimits limits)
    : loop_(loop), random_(random), tracer_(tracer), recorder_(recorder), mishaps_(mishaps), peers_(std::move(peers)), limits_(limits) {}

Socket HttpClient::take_idle(const Address& address) {
  std::vector<Idle>& idle = idle_[address];
  while (!idle.empty()) {
    Idle last = std::move(idle.back());
    idle.pop_back();
    if (loop_.now() - last.since > kIdleAtMost || last.socket.has_input()) continue;
    return std::move(last.socket);
  }
  return {};
}

Task<Response> HttpClient::exchange(Address address, std::string wire, Instant deadline, Exchange& exchange) {
  Socket socket = take_idle(address);
  if (!socket) {
    Task<Socket> connecting = connect(loop_, address, deadline);
    socket = co_await std::move(connecting);
  }
  exchange.reached = true;
  Task<void> writing = socket.write(wire, deadline);
  co_await std::move(writing);

  ResponseReader reader(limits_.header, limits_.response_body);
  std::array<char, kReadAtOnce> chunk;
  std::string bytes;
  Reading reading = Reading::more;
  bool ended = false;
  while (reading == Reading::more) {
    Task<std::size_t> read = socket.read(chunk.data(), chunk.size(), deadline);
    const std::size_t got = co_await std::move(read);
    ended = got == 0;
    bytes.append(chunk.data(), got);
    reading = ended ? reader.end() : reader.feed(bytes);
  }
  if (reading == Reading::bad) throw SocketError(SocketError::Reason::broken, reader.why());
  if (!ended && reader.keeps_alive() && bytes.empty()) {
    std::vector<Idle>& idle = idle_[address];
    if (idle.size() < kIdlePerAddress) idle.push_back({std::move(socket), loop_.now()});
  }
  co_return reader.take();
}

Task<Response> HttpClient::call(std::string service, Request request, Duration timeout) {
  const auto known = peers_.find(service);
  if (known == peers_.end() || known->second.empty()) {
    throw std::invalid_argument("there is no service \"" + service + "\" among the peers");
  }
  const Address address = known->second[random_.below(known->second.size())];
  mishaps_.reached("before call");
  const Instant now = loop_.now();
  const Instant deadline = std::min(request.deadline, now + timeout);
  const auto left = std::chrono::floor<std::chrono::milliseconds>(std::max(deadline - now, Duration::zero()));
  const std::string label = service + " " + request.method + " " + std::string(request.path());
  const std::string key = random_id(random_);
  const std::optional<TraceContext> given = parse_traceparent(request.headers.get(kTraceparent));
  Tracer::Scope span(tracer_, given.value_or(tracer_.current()), Span::Kind::client, request.method, false);
  const std::string traceparent = span.context().traceparent();
  request.headers.set(kTraceparent, traceparent);
  request.headers.set(kRequestIdField, key);
  request.headers.set(kTimeoutField, std::to_string(left.count()));
  recorder_.fact(EventKind::request_sent, label, key, 0, request.body, traceparent);

  std::optional<Response> response;
  CallFailed::Reason reason = CallFailed::Reason::reply_lost;
  std::string why;
  Exchange progress;
  try {
    std::string wire = to_wire(request, address.text());
    Task<Response> exchanging = exchange(address, std::move(wire), deadline, progress);
    response = co_await std::move(exchanging);
  } catch (const SocketError& error) {
    why = error.what();
    reason = error.reason() == SocketError::Reason::timed_out ? CallFailed::Reason::timed_out
             : progress.reached                               ? CallFailed::Reason::reply_lost
                                                              : CallFailed::Reason::refused;
  }
  span.attribute("server.address", service);
  if (response) {
    span.attribute("http.response.status_code", std::to_string(response->status));
    if (response->status >= 400) span.fail();
    recorder_.fact(EventKind::request_ended, label, key, response->status);
    mishaps_.reached("after call");
    co_return std::move(*response);
  }
  span.attribute("error.type", in_words(reason));
  span.fail();
  recorder_.fact(EventKind::request_ended, label, key, 0, in_words(reason));
  throw CallFailed(reason, label + ": " + in_words(reason) + " (" + why + ")");
}

}  // namespace orrery::real
