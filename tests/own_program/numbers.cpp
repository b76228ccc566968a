#include "tests/own_program/numbers.hpp"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace orrery::numbers {
namespace {

class Numbers final : public Service {
 public:
  explicit Numbers(Context& context) : cache_(context.cache()) {
    context.http.on("POST /next", [this](Request request) { return next(std::move(request)); });
  }

 private:
  /// 503: the cache did not answer, or refused.
  Task<Response> next(Request) {
    Response response(503);
    try {
      const std::int64_t number = co_await cache_.increment("number", 1, 1h);
      response = Response(200);
      response.body = std::to_string(number);
    } catch (const CacheFailed& failed) {
      response.body = failed.what();
    }
    co_return response;
  }

  Cache& cache_;
};

Task<void> perform(Context& context, OperationLog& log, Operation operation) {
  log.invoked("next", operation.id, "");
  Request request("POST", "/next", "");
  int status = 0;
  std::string text;
  try {
    const Response response = co_await context.http.call("numbers", std::move(request), 3s);
    status = response.status;
    text = response.body;
  } catch (const CallFailed& failed) {
    text = failed.what();
  }
  log.ended("next", operation.id, status, text);
}

std::vector<Operation> draw_operations(std::uint64_t) {
  std::vector<Operation> operations;
  for (int i = 1; i <= 30; ++i) {
    Operation operation;
    operation.id = "next-" + std::to_string(i);
    operation.at = std::chrono::milliseconds(100 * i);
    operation.client = "client-1";
    operation.name = "next";
    operations.push_back(std::move(operation));
  }
  return operations;
}

Verdict never_twice(const History& history) {
  std::map<std::string, const Event*> given;
  Findings findings;
  for (const Event* ended : history.of(EventKind::operation_ended)) {
    if (ended->number != 200) continue;
    findings.examine();
    const auto [first, is_new] = given.emplace(ended->text, ended);
    if (!is_new) findings.violate("twice", "the number " + ended->text + " was given twice", {first->second->id, ended->id});
  }
  return std::move(findings).verdict();
}

Occurrences refused(const HistoryIndex& index) {
  Occurrences refused;
  for (const Event* event : index.of(EventKind::operation_ended)) {
    if (event->number == 503) refused.add(event->id);
  }
  return refused;
}

}  // namespace

Scenario numbers() {
  Scenario scenario;
  scenario.name = "numbers";
  scenario.claim = "No number is given twice.";
  Topology::ServiceSpec& service = scenario.topology.services.emplace_back();
  service.name = "numbers";
  service.replicas = 2;
  service.factory = make_service<Numbers>();
  scenario.topology.cache = true;
  scenario.topology.clients = 1;
  scenario.draw_operations = draw_operations;
  scenario.operations = {"next"};
  scenario.perform = perform;
  scenario.properties = {always("no number is given twice", "All numbers differ.", never_twice),
                         sometimes("a number is refused", "The cache does not do its work.", refused)};
  scenario.profile = "none";
  scenario.runs_for = 4s;
  scenario.settles_within = 1s;
  return scenario;
}

}  // namespace orrery::numbers
