#include "scenarios/simulation.hpp"

#include <algorithm>
#include <exception>

#include "sim/broker.hpp"

namespace orrery {
namespace {

Scenario bare(Topology topology) {
  Scenario scenario;
  scenario.name = "by hand";
  scenario.topology = std::move(topology);
  return scenario;
}

/// Whether an event says that something is being worked on, and not just looked for.
bool is_work(const Event& event) {
  switch (event.kind) {
    case EventKind::transaction_committed:
      return !event.changes.empty();
    case EventKind::phase:
    case EventKind::log:
    case EventKind::fault_injected:
    case EventKind::fault_healed:
      return false;
    default:
      return is_fact(event.kind);
  }
}

/// Runs a call and keeps what came of it.
Task<void> run_call(Context& context, std::string service, Request request, Duration timeout, Response& response,
                    std::exception_ptr& failed, bool& ended) {
  try {
    response = co_await context.http.call(std::move(service), std::move(request), timeout);
  } catch (const CallFailed&) {
    failed = std::current_exception();
  }
  ended = true;
}

}  // namespace

Simulation::Simulation(const Scenario& scenario, std::uint64_t seed)
    : seed_(seed), stage_(scenario, scenario.defect, seed, true) {
  stage_.begin(Plan{});
}

Simulation::Simulation(Topology topology, std::uint64_t seed) : Simulation(bare(std::move(topology)), seed) {}

Duration Simulation::now() const { return const_cast<Stage&>(stage_).world().kernel().now().time_since_epoch(); }

void Simulation::run_for(Duration duration) { run_until(Instant(now() + duration)); }

void Simulation::run_until(Instant until) { world().run_until(until); }

bool Simulation::run_until(std::string_view place, int times, Duration at_most) {
  sim::Kernel& kernel = world().kernel();
  const std::vector<Event>& events = history().events();
  const Instant deadline = kernel.now() + at_most;
  std::size_t seen = events.size();
  while (kernel.next_at() <= deadline && kernel.step()) {
    for (; seen < events.size(); ++seen) {
      const Event& event = events[seen];
      if (event.kind == EventKind::place_reached && event.subject == place && --times == 0) return true;
    }
  }
  return false;
}

bool Simulation::run_until_at_rest(Duration window, Duration at_most) {
  sim::Kernel& kernel = world().kernel();
  const std::vector<Event>& events = history().events();
  const Instant deadline = kernel.now() + at_most;
  Instant last_work = kernel.now();
  std::size_t seen = events.size();
  while (true) {
    const Instant next = kernel.next_at();
    if (std::min(next, deadline) > last_work + window) {
      run_until(last_work + window);
      if (world().broker().at_rest()) return true;
      last_work = kernel.now();
    }
    if (next > deadline || !kernel.step()) {
      run_until(deadline);
      return false;
    }
    for (; seen < events.size(); ++seen) {
      if (is_work(events[seen])) last_work = events[seen].at;
    }
  }
}

sim::Host& Simulation::host(std::string_view name) { return world().host(name); }

void Simulation::crash(std::string_view name) { world().kernel().crash(host(name), "by hand"); }

void Simulation::restart(std::string_view name) { world().kernel().start(host(name)); }

void Simulation::crash_at(std::string_view name, std::string_view place, int nth, Duration lasts) {
  Fault fault;
  fault.kind = FaultKind::crash;
  fault.target = name;
  fault.place = place;
  fault.ordinal = static_cast<std::uint64_t>(nth);
  fault.lasts = lasts;
  inject(fault);
}

void Simulation::pause(std::string_view name) { world().kernel().pause(host(name)); }

void Simulation::resume(std::string_view name) { world().kernel().resume(host(name)); }

void Simulation::partition(std::string_view a, std::string_view b) {
  world().network().block(host(a), host(b));
  world().network().block(host(b), host(a));
  partitions_.emplace_back(a, b);
}

void Simulation::inject(const Fault& fault) {
  const std::string why = world().unsupported(fault);
  CHECK(why.empty(), why);
  if (fault.ordinal > 0) {
    world().arm({fault});
  } else {
    world().inject(fault);
  }
}

void Simulation::heal() {
  for (const auto& [a, b] : partitions_) {
    world().network().unblock(host(a), host(b));
    world().network().unblock(host(b), host(a));
  }
  partitions_.clear();
  for (sim::Host& one : world().kernel().hosts()) {
    if (!one.alive()) {
      world().kernel().start(one);
    } else if (one.paused()) {
      world().kernel().resume(one);
    }
  }
}

const Response& Simulation::Call::response() const {
  CHECK(state_->ended, "the call has not ended yet");
  if (state_->failed) std::rethrow_exception(state_->failed);
  return state_->response;
}

Simulation::Call Simulation::start_call(std::string_view service, Request request, Duration timeout,
                                        std::string_view client) {
  Call call;
  world().spawn(client, "call",
                [state = call.state_, service = std::string(service), request = std::move(request),
                 timeout](Context& context) {
                  return run_call(context, service, request, timeout, state->response, state->failed, state->ended);
                });
  return call;
}

Response Simulation::call(std::string_view service, Request request, Duration timeout, std::string_view client) {
  const Call call = start_call(service, std::move(request), timeout, client);
  // A client that dies never hears of it.
  const Instant deadline = world().kernel().now() + timeout + 1s;
  while (!call.ended() && world().kernel().next_at() <= deadline && world().kernel().step()) {
  }
  CHECK(call.ended(), "the client that made the call was stopped");
  return call.response();
}

void Simulation::perform(std::string_view client, std::string_view operation, Json arguments) {
  Plan plan;
  Operation& one = plan.operations.emplace_back();
  one.at = now();
  one.client = client;
  one.name = operation;
  one.arguments = std::move(arguments);
  one.id = "by-hand-" + std::to_string(++performed_);
  stage_.require_fit(plan);
  stage_.add(plan.operations);
}

void Simulation::spawn(std::string_view on, std::string_view name, std::function<Task<void>(Context&)> body) {
  world().spawn(on, name, std::move(body));
}

void Simulation::play() {
  CHECK(now() == Duration::zero(), "a scenario's workload and faults are added at the beginning");
  const DrawnPlan drawn = draw_plan(stage_.scenario(), stage_.scenario().profile, seed_);
  stage_.add(drawn.plan.operations);
  stage_.add(drawn.plan.rates, drawn.plan.faults);
}

Rows Simulation::rows(std::string_view database, std::string_view sql) { return world().query(database, sql); }

const History& Simulation::history() { return world().recorder().history(); }

bool Simulation::is_up(std::string_view name) { return host(name).alive(); }

void Simulation::settle() {
  heal();
  stage_.heal();
  run_for(stage_.scenario().settles_within);
  stage_.end();
}

std::vector<JudgedProperty> Simulation::judge() { return orrery::judge(properties_of(stage_.scenario()), history()); }

}  // namespace orrery
