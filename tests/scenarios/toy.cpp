#include "tests/scenarios/toy.hpp"

#include <rapidcheck.h>

#include <map>
#include <set>
#include <string>
#include <utility>

namespace orrery::toy {
namespace {

/// What leaking services leave behind, one place for each host; a place is emptied when its host leaks again.
Task<void>& leaked(const std::string& host) {
  static std::map<std::string, Task<void>> tasks;
  return tasks[host];
}

class Counter final : public Service {
 public:
  explicit Counter(Context& context) : context_(context), defect_(context.config.value("defect", "")) {
    context.http.on("POST /add", [this](Request request) { return add(std::move(request)); });
    context.spawn("heartbeat", beat());
  }

 private:
  Task<Response> add(Request request) {
    if (defect_ == "answers-first") {
      context_.spawn("publisher", try_to_publish(request.body));
      co_return Response(200);
    }
    bool stored = false;
    for (int attempt = 0; attempt < 3 && !stored; ++attempt) {
      try {
        Message message(request.body, request.body, request.body);
        co_await context_.broker.publish("additions", std::move(message));
        stored = true;
      } catch (const PublishFailed&) {
        // Once more.
      }
    }
    co_return Response(stored ? 200 : 503);
  }

  Task<void> try_to_publish(std::string id) {
    Message message(id, id, id);
    try {
      co_await context_.broker.publish("additions", std::move(message));
    } catch (const PublishFailed&) {
      // The mistake: nobody hears of it.
    }
  }

  Task<void> beat() {
    co_await context_.clock.sleep(5s);
    if (defect_ == "throws") throw std::runtime_error("the counter has had enough");
    if (defect_ == "leaks") {
      leaked(context_.host) = forever();
      leaked(context_.host).start();
    }
    while (!context_.stopping()) {
      co_await context_.clock.sleep(defect_ == "spins" ? Duration::zero() : Duration(1s));
    }
  }

  Task<void> forever() {
    while (true) co_await context_.clock.sleep(1h);
  }

  Context& context_;
  std::string defect_;
};

class Ledger final : public Service {
 public:
  explicit Ledger(Context& context) {
    Subscription subscription("additions", "ledger");
    subscription.ack_deadline = 2s;
    context.broker.subscribe(std::move(subscription), [this](Delivery& delivery) { return receive(delivery); });
  }

 private:
  Task<void> receive(Delivery&) { co_return; }
};

Task<void> perform(Context& context, OperationLog& log, Operation operation) {
  const std::string id = operation.arguments.value("id", "");
  log.invoked("add", operation.id, operation.arguments.dump());
  Request request("POST", "/add", id);
  int status = 0;
  std::string text;
  try {
    const Response response = co_await context.http.call("counter", std::move(request), 3s);
    status = response.status;
  } catch (const CallFailed& failed) {
    text = failed.what();
  }
  log.ended("add", operation.id, status, text);
}

std::vector<Operation> draw_operations(std::uint64_t seed) {
  const auto one = rc::gen::pair(rc::gen::inRange<std::int64_t>(100, 15'000), rc::gen::inRange(1, 3));
  const auto drawn = rc::gen::container<std::vector<std::pair<std::int64_t, int>>>(20, one)(rc::Random(seed), 100).value();
  std::vector<Operation> operations;
  for (const auto& [at_ms, client] : drawn) {
    Operation operation;
    operation.id = "add-" + std::to_string(operations.size() + 1);
    operation.at = std::chrono::milliseconds(at_ms);
    operation.client = "client-" + std::to_string(client);
    operation.name = "add";
    operation.arguments = Json{{"id", operation.id}};
    operations.push_back(std::move(operation));
  }
  return operations;
}

Verdict accepted_is_stored(const History& history) {
  std::set<std::string> stored;
  for (const Event* event : history.of(EventKind::message_stored)) stored.insert(event->key);
  Findings findings;
  for (const Event* ended : history.of(EventKind::operation_ended)) {
    if (ended->number != 200) continue;
    findings.examine();
    if (!stored.contains(ended->key)) findings.violate("lost", ended->key + " was accepted, but is not stored", {ended->id});
  }
  return std::move(findings).verdict();
}

Occurrences delivered_again(const HistoryIndex& index) {
  Occurrences again;
  for (const Event* event : index.of(EventKind::message_delivered)) {
    if (event->number > 1) again.add(event->id);
  }
  return again;
}

}  // namespace

Scenario additions() {
  Scenario scenario;
  scenario.name = "additions";
  scenario.claim = "An addition that was accepted is never lost.";
  scenario.topology.services.resize(2);
  Topology::ServiceSpec& counter = scenario.topology.services[0];
  counter.name = "counter";
  counter.replicas = 2;
  counter.factory = make_service<Counter>();
  Topology::ServiceSpec& ledger = scenario.topology.services[1];
  ledger.name = "ledger";
  ledger.factory = make_service<Ledger>();
  scenario.topology.clients = 2;
  scenario.draw_operations = draw_operations;
  scenario.operations = {"add"};
  scenario.perform = perform;
  scenario.properties = {
      eventually(kStored, "What was answered with 200 is in the broker.", accepted_is_stored),
      sometimes("an addition is delivered again", "The ledger meets duplicates.", delivered_again),
  };
  scenario.defects = {{"answers-first", 0, "Answers before the broker has confirmed.", kStored},
                      {"throws", 0, "An exception leaves a task.", ""},
                      {"spins", 0, "A task never waits for anything that takes time.", ""},
                      {"leaks", 0, "A task outlives its host.", ""}};
  scenario.runs_for = 15s;
  scenario.settles_within = 10s;
  return scenario;
}

}  // namespace orrery::toy
