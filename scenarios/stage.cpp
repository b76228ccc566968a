#include "scenarios/stage.hpp"

#include <algorithm>
#include <memory>
#include <set>
#include <stdexcept>
#include <utility>

#include "properties/liveness.hpp"

namespace orrery {
namespace {

std::string replica(const std::string& service, int number) { return service + "-" + std::to_string(number); }

/// Writes what a client did into the world's history.
class Notes final : public OperationLog {
 public:
  Notes(sim::Recorder& recorder, std::string client) : recorder_(recorder), client_(std::move(client)) {}
  void invoked(std::string_view operation, std::string_view key, std::string_view arguments) override {
    recorder_.fact(EventKind::operation_invoked, client_, operation, key, 0, arguments);
  }
  void ended(std::string_view operation, std::string_view key, int status, std::string_view text) override {
    recorder_.fact(EventKind::operation_ended, client_, operation, key, status, text);
  }

 private:
  sim::Recorder& recorder_;
  std::string client_;
};

Task<void> carry_out(const Scenario& scenario, Context& context, sim::Recorder& recorder, Operation operation) {
  Notes notes(recorder, operation.client);
  Task<void> task = scenario.perform(context, notes, std::move(operation));
  co_await std::move(task);
}

/// Something that happens at a time, in an order that does not depend on what else was posted.
class Appointment final : public sim::WorldEvent {
 public:
  explicit Appointment(std::function<void()> action) : action_(std::move(action)) {}
  ~Appointment() = default;
  void discard() override { delete this; }
  void fire() override {
    const std::unique_ptr<Appointment> self(this);
    action_();
  }

 private:
  std::function<void()> action_;
};

/// Equal for equal faults only; the same on every compiler.
std::uint64_t identity_of(const Fault& fault) {
  return sim::mix(sim::entity_of(to_string(fault)), static_cast<std::uint64_t>(fault.amount));
}

std::string names(const std::vector<std::string>& all) {
  std::string text;
  for (const std::string& one : all) text += (text.empty() ? "" : ", ") + one;
  return text;
}

}  // namespace

FaultHosts fault_hosts(const Topology& topology) {
  FaultHosts hosts;
  for (const Topology::ServiceSpec& service : topology.services) {
    for (int number = 1; number <= service.replicas; ++number) hosts.services.push_back(replica(service.name, number));
  }
  for (const Topology::DatabaseSpec& database : topology.databases) {
    hosts.databases.push_back(database.name);
    if (database.has_standby) hosts.replicated.push_back(database.name);
  }
  hosts.serializable = topology.serializable;
  hosts.listens = topology.listens;
  if (topology.broker) hosts.broker = "broker";
  hosts.file_stores = topology.file_stores;
  if (topology.cache) hosts.cache = "cache";
  return hosts;
}

DrawnPlan draw_plan(const Scenario& scenario, std::string_view profile, std::uint64_t seed) {
  DrawnFaults faults = draw_faults(profile, seed, fault_hosts(scenario.topology), scenario.runs_for);
  DrawnPlan drawn;
  drawn.plan.faults = std::move(faults.episodes);
  drawn.plan.rates = faults.rates;
  drawn.kinds = std::move(faults.kinds);
  if (scenario.draw_operations) drawn.plan.operations = scenario.draw_operations(seed);
  return drawn;
}

std::vector<Property> properties_of(const Scenario& scenario) {
  // The name under which the built-in scenarios have it.
  constexpr std::string_view kNoTaskFails = "no service task ends by an exception";
  std::vector<Property> properties = scenario.properties;
  if (std::ranges::find(properties, kNoTaskFails, &Property::name) == properties.end()) {
    properties.push_back(always(std::string(kNoTaskFails),
                                "No exception leaves a task of a service, and no task outlives its host.",
                                no_task_fails()));
  }
  return properties;
}

void require_defect(const Scenario& scenario, std::string_view defect) {
  if (defect.empty() || std::ranges::find(scenario.defects, defect, &Defect::name) != scenario.defects.end()) return;
  std::vector<std::string> known;
  for (const Defect& one : scenario.defects) known.push_back(one.name);
  throw std::invalid_argument("unknown defect \"" + std::string(defect) + "\" of " + scenario.name +
                              (known.empty() ? "; it has none" : "; known: " + names(known)));
}

Stage::Stage(const Scenario& scenario, std::string_view defect, std::uint64_t seed, bool full)
    : scenario_(scenario),
      world_(seed, full),
      nemesis_(world_, [this](Duration at, const Fault& fault, std::function<void()> action) {
        post(at, identity_of(fault), std::move(action));
      }) {
  require_defect(scenario, defect);
  const Topology& topology = scenario_.topology;
  world_.add_broker();
  for (const Topology::DatabaseSpec& database : topology.databases) {
    sim::DatabaseOptions options;
    options.settings = database.settings;
    options.has_standby = database.has_standby;
    options.is_pooled = database.is_pooled;
    world_.add_database(database.name, database.schema_of ? database.schema_of(defect) : database.schema, std::move(options));
  }
  for (const std::string& store : topology.file_stores) world_.add_file_store(store);
  if (topology.cache) world_.add_cache();
  for (const Topology::ServiceSpec& service : topology.services) {
    for (int number = 1; number <= service.replicas; ++number) {
      sim::Node node;
      node.host = replica(service.name, number);
      node.service = service.name;
      node.factory = service.factory;
      node.config = service.config;
      if (!defect.empty()) node.config["defect"] = defect;
      world_.add_node(std::move(node));
    }
  }
  for (int number = 1; number <= topology.clients; ++number) {
    sim::Node node;
    node.host = replica("client", number);
    node.service = "client";
    world_.add_node(std::move(node));
  }
  world_.start();
}

void Stage::require_fit(const Plan& plan) {
  std::set<std::string_view> ids;
  for (std::size_t i = 0; i < plan.operations.size(); ++i) {
    const Operation& operation = plan.operations[i];
    const std::string path = "operations[" + std::to_string(i) + "]";
    if (std::ranges::find(scenario_.operations, operation.name) == scenario_.operations.end()) {
      throw std::invalid_argument(path + ".name: " + scenario_.name + " has no operation \"" + operation.name +
                                  "\"; known: " + names(scenario_.operations));
    }
    if (!operation.client.starts_with("client-") || world_.kernel().find_host(operation.client) == nullptr) {
      throw std::invalid_argument(path + ".client: there is no client \"" + operation.client + "\"");
    }
    if (!ids.insert(operation.id).second) {
      throw std::invalid_argument(path + ".id: \"" + operation.id + "\" is the id of an earlier operation, too");
    }
  }
  const std::vector<std::string> reasons = nemesis_.unsupported(plan.faults);
  if (!reasons.empty()) throw std::invalid_argument(reasons.front());
}

void Stage::begin(const Plan& plan) {
  world_.enter_phase("faults");
  add(plan.operations);
  add(plan.rates, plan.faults);
}

void Stage::add(const std::vector<Operation>& operations) {
  for (const Operation& operation : operations) {
    post(operation.at, sim::entity_of(operation.id), [this, operation] { perform(operation); });
  }
}

void Stage::add(const FaultRates& rates, const std::vector<Fault>& faults) { nemesis_.begin(rates, faults); }

void Stage::heal() {
  healed_ = true;
  nemesis_.heal();
}

void Stage::end() { world_.enter_phase("end"); }

std::vector<Fault> Stage::unused() const {
  std::vector<Fault> faults = world_.unused();
  for (Fault& fault : nemesis_.not_begun()) faults.push_back(std::move(fault));
  return faults;
}

void Stage::perform(const Operation& operation) {
  // A client that is down asks for nothing.
  if (!world_.host(operation.client).alive()) return;
  world_.spawn(
      operation.client, operation.name,
      [this, operation](Context& context) { return carry_out(scenario_, context, world_.recorder(), operation); },
      sim::mix(sim::entity_of(operation.client), sim::entity_of(operation.id)));
}

void Stage::post(Duration at, std::uint64_t identity, std::function<void()> action) {
  auto* appointment = new Appointment(std::move(action));
  world_.kernel().post(*appointment, Instant(at), sim::mix(identity, world_.kernel().seed()));
}

}  // namespace orrery
