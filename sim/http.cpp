#include "sim/http.hpp"

#include <memory>
#include <optional>
#include <utility>

#include "sim/context.hpp"
#include "sim/directory.hpp"

namespace orrery::sim {

/// A call that waits in its caller's frame.
class PendingCall {
 public:
  enum class Outcome { none, answered, refused, reply_lost };

  PendingCall(Exchanges& exchanges, Host& caller, Host& callee)
      : waiter(caller.kernel()), id(exchanges.open(caller, callee, *this)), exchanges_(exchanges) {}
  PendingCall(const PendingCall&) = delete;
  PendingCall& operator=(const PendingCall&) = delete;
  ~PendingCall() { exchanges_.close(id); }

  void settle(Outcome how, Response with = Response()) {
    if (outcome != Outcome::none) return;
    outcome = how;
    response = std::move(with);
    waiter.wake();
  }

  Waiter waiter;
  const std::uint64_t id;
  Outcome outcome = Outcome::none;
  Response response;

 private:
  Exchanges& exchanges_;
};

namespace {

class RequestPacket final : public Packet {
 public:
  RequestPacket(Directory& directory, std::uint64_t exchange, std::uint64_t identity, std::string label,
                Request request)
      : directory_(directory), exchange_(exchange), identity_(identity), label_(std::move(label)),
        request_(std::move(request)) {}

  void arrive() override {
    auto* machine = dynamic_cast<NodeMachine*>(to().machine());
    CHECK(machine != nullptr, "an HTTP request went to a host that is no service");
    if (auto* exchange = directory_.exchanges.find(exchange_)) exchange->in_service = true;
    machine->http().receive(exchange_, identity_, std::move(label_), from(), std::move(request_));
  }
  void lost(Loss loss) override {
    if (loss != Loss::refused) return;
    auto* exchange = directory_.exchanges.find(exchange_);
    if (exchange != nullptr && exchange->pending != nullptr && !exchange->in_service) {
      exchange->pending->settle(PendingCall::Outcome::refused);
    }
  }
  [[nodiscard]] std::unique_ptr<Packet> duplicate() const override {
    return std::make_unique<RequestPacket>(directory_, exchange_, mix(identity_, 2), label_, request_);
  }
  [[nodiscard]] std::string describe() const override { return label_; }

 private:
  Directory& directory_;
  std::uint64_t exchange_;
  std::uint64_t identity_;
  std::string label_;
  Request request_;
};

class ResponsePacket final : public Packet {
 public:
  ResponsePacket(Directory& directory, std::uint64_t exchange, PendingCall::Outcome outcome, Response response)
      : directory_(directory), exchange_(exchange), outcome_(outcome), response_(std::move(response)) {}

  void arrive() override {
    auto* exchange = directory_.exchanges.find(exchange_);
    if (exchange != nullptr && exchange->pending != nullptr) exchange->pending->settle(outcome_, std::move(response_));
  }
  void lost(Loss) override {}
  [[nodiscard]] std::string describe() const override { return std::to_string(response_.status); }

 private:
  Directory& directory_;
  std::uint64_t exchange_;
  PendingCall::Outcome outcome_;
  Response response_;
};

std::string hex(std::uint64_t word) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text(16, '0');
  for (int i = 0; i < 16; ++i) text[static_cast<std::size_t>(i)] = kHex[word >> (60 - 4 * i) & 15];
  return text;
}

}  // namespace

std::uint64_t Exchanges::open(Host& caller, Host& callee, PendingCall& pending) {
  exchanges_.emplace(++last_, Exchange{&caller, &callee, &pending, false});
  return last_;
}

Exchanges::Exchange* Exchanges::find(std::uint64_t id) {
  const auto found = exchanges_.find(id);
  return found == exchanges_.end() ? nullptr : &found->second;
}

void Exchanges::crashed(Host& host) {
  for (auto& [id, exchange] : exchanges_) {
    if (exchange.callee != &host || !exchange.in_service) continue;
    if (directory_.network.blocked(host, *exchange.caller)) continue;  // nobody tells the caller
    const Instant known = directory_.kernel.now() + directory_.network.latency.minimum;
    directory_.kernel.at(known, [this, id = id] {
      Exchange* broken = find(id);
      if (broken != nullptr && broken->pending != nullptr) broken->pending->settle(PendingCall::Outcome::reply_lost);
    });
  }
}

Task<Response> HttpEndpoint::call(std::string service, Request request, Duration timeout) {
  Kernel& kernel = directory_.kernel;
  SimFiber* fiber = kernel.current_fiber();
  CHECK(fiber != nullptr && &fiber->host == &host_, "a call is made by a task of the host");
  const std::uint64_t identity = mix(fiber->identity, ++fiber->calls);
  const auto known = directory_.services.find(service);
  CHECK(known != directory_.services.end() && !known->second.empty(), "a service calls one that does not exist");
  const std::vector<Host*>& replicas = known->second;
  Host& callee = *replicas[below(kernel.draw(Site::replica, identity, 1), replicas.size())];

  if (directory_.places.reached(host_, "before call")) co_await Places::halt(host_);
  const Instant deadline = std::min(request.deadline, kernel.now() + timeout);
  request.deadline = deadline;
  std::string label = service + " " + request.method + " " + std::string(request.path());
  const std::string key = hex(identity);
  const std::optional<TraceContext> given = parse_traceparent(request.headers.get(kTraceparent));
  const std::string traceparent = host_.new_span(given.value_or(fiber->trace), identity, 1).traceparent();
  request.headers.set(kTraceparent, traceparent);
  kernel.recorder().fact(EventKind::request_sent, host_.name, label, key, 0, request.body, traceparent);

  PendingCall pending(directory_.exchanges, host_, callee);
  auto packet = std::make_unique<RequestPacket>(directory_, pending.id, identity, label, std::move(request));
  directory_.network.send(host_, callee, std::move(packet));
  co_await pending.waiter.wait_until(deadline);

  using Outcome = PendingCall::Outcome;
  if (pending.outcome == Outcome::answered) {
    kernel.recorder().fact(EventKind::request_ended, host_.name, label, key, pending.response.status);
    if (directory_.places.reached(host_, "after call")) co_await Places::halt(host_);
    co_return std::move(pending.response);
  }
  const char* why = pending.outcome == Outcome::refused      ? "refused"
                    : pending.outcome == Outcome::reply_lost ? "reply lost"
                                                             : "timed out";
  kernel.recorder().fact(EventKind::request_ended, host_.name, label, key, 0, why);
  throw CallFailed(pending.outcome == Outcome::refused      ? CallFailed::Reason::refused
                   : pending.outcome == Outcome::reply_lost ? CallFailed::Reason::reply_lost
                                                            : CallFailed::Reason::timed_out,
                   label + ": " + why);
}

void HttpEndpoint::receive(std::uint64_t exchange, std::uint64_t identity, std::string label, Host& caller,
                           Request request) {
  if (!accepting_) {
    auto refusal = std::make_unique<ResponsePacket>(directory_, exchange, PendingCall::Outcome::refused, Response());
    directory_.network.send(host_, caller, std::move(refusal));
    return;
  }
  if (directory_.ailment(host_).failing > 0) {
    answer(exchange, caller, Response(503, R"({"title":"service unavailable","status":503})"));
    return;
  }
  const Routes::Match match = routes_.find(request);
  if (match.handler == nullptr) {
    answer(exchange, caller, Response(match.path_known ? 405 : 404));
    return;
  }
  const std::string_view pattern = match.pattern;
  Task<void> task = serve(exchange, identity, std::move(label), caller, std::move(request), match.handler);
  host_.spawn(pattern, std::move(task), mix(host_.entity ^ host_.incarnation(), identity));
}

Task<void> HttpEndpoint::serve(std::uint64_t exchange, std::uint64_t identity, std::string label, Host& caller,
                               Request request, const Handler* handler) {
  Kernel& kernel = directory_.kernel;
  const std::string key = hex(identity);
  const std::optional<TraceContext> caller_span = parse_traceparent(request.headers.get(kTraceparent));
  SimFiber& fiber = *kernel.current_fiber();
  fiber.trace = host_.new_span(caller_span.value_or(TraceContext()), mix(host_.entity, identity), 2);
  request.headers.set(kTraceparent, fiber.trace.traceparent());
  kernel.recorder().fact(EventKind::request_received, host_.name, label, key, 0, request.body, fiber.trace.traceparent());
  co_await host_.sleep(50us + Duration(below(kernel.draw(Site::handler_cost, identity, 1), 250'000)));
  Response response;
  try {
    Task<Response> handling = (*handler)(std::move(request));
    response = co_await std::move(handling);
  } catch (const Failure& failure) {
    kernel.recorder().fact(EventKind::log, host_.name, "error", {}, 0, failure.what(), label);
    response = Response(500);
  } catch (const std::exception& error) {
    kernel.recorder().fact(EventKind::service_failed, host_.name, label, key, 0, error.what());
    response = Response(500);
  }
  if (const Duration slower = directory_.ailment(host_).slower; slower > Duration::zero()) co_await host_.sleep(slower);
  if (directory_.places.reached(host_, "before answer")) co_await Places::halt(host_);
  kernel.recorder().fact(EventKind::request_answered, host_.name, label, key, response.status);
  answer(exchange, caller, std::move(response));
}

void HttpEndpoint::answer(std::uint64_t exchange, Host& caller, Response response) {
  directory_.network.send(host_, caller,
                          std::make_unique<ResponsePacket>(directory_, exchange, PendingCall::Outcome::answered,
                                                           std::move(response)));
}

}  // namespace orrery::sim
