#include "real-mode/node.hpp"

#include <unistd.h>

#include <csignal>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>
#include <map>
#include <optional>
#include <stdexcept>
#include <utility>

#include "real-mode/config.hpp"
#include "real-mode/control.hpp"

namespace orrery::real {
namespace {

/// The exit status of a process whose service failed (EX_SOFTWARE of sysexits.h).
constexpr int kServiceFailed = 70;

/// Of a process that has no broker configured.
class NoBroker final : public Broker {
 public:
  Task<void> publish(std::string topic, Message) override {
    throw std::invalid_argument("no broker is configured: cannot publish to " + topic);
  }
  void subscribe(Subscription subscription, Handler) override {
    throw std::invalid_argument("no broker is configured: cannot subscribe to " + subscription.topic);
  }
};

std::unique_ptr<Recorder> make_recorder(const NodeSettings& settings) {
  if (settings.events.empty()) return std::make_unique<Recorder>(settings.host);
  return std::make_unique<Recorder>(settings.host, settings.events);
}

}  // namespace

struct Node::Parts {
  struct Answered {
    std::int64_t* count = nullptr;
    RealTelemetry::Histogram* took = nullptr;
  };

  Parts(Loop& on, NodeSettings with)
      : loop(on),
        settings(std::move(with)),
        clock(loop),
        recorder(make_recorder(settings)),
        mishaps(loop, *recorder),
        telemetry(settings.service, clock, *recorder, settings.log),
        tracer(loop, clock, random),
        server(loop, random, tracer, *recorder, mishaps, settings.service, settings.limits),
        client(loop, random, tracer, *recorder, mishaps, settings.peers, settings.limits),
        http(server, client) {
    mishaps.arm(settings.faults, settings.reached);
    mishaps.draw(settings.rates, random, settings.rates_until);
    server.on_answer([this](std::string_view route, int status, Duration took) {
      Answered& answered = answered_of(route, status);
      ++*answered.count;
      answered.took->add(took);
    });
    if (settings.traces) {
      SpanExporter::Settings exports;
      exports.collector = *settings.traces;
      exporter.emplace(loop, std::move(exports), settings.service, settings.host, telemetry);
      tracer.export_to(&*exporter);
    }
    if (!settings.cache.empty()) redis.emplace(loop, Address::parse(settings.cache), mishaps, settings.host + ">cache");
    if (settings.broker.empty()) return;
    broker_pool = make_pool("broker", settings.broker);
    broker = std::make_unique<PgBroker>(loop, random, tracer, *recorder, mishaps, telemetry, *broker_pool, settings.broker);
  }

  /// The series of a route's answers with a status.
  Answered& answered_of(std::string_view route, int status) {
    Answered& answered = answers[{route, status}];
    if (answered.count == nullptr) {
      const std::string label = fmt::format("route=\"{}\"", label_value(route));
      answered.count = &telemetry.counter("http_requests_total", fmt::format("{},status=\"{}\"", label, status));
      answered.took = &telemetry.histogram("http_request_duration_seconds", label);
    }
    return answered;
  }

  std::unique_ptr<DatabasePool> make_pool(const std::string& name, const std::string& connection) {
    PoolSettings pool = settings.pool;
    pool.connection = connection;
    pool.session = fmt::format("{}.{}", settings.host, settings.incarnation);
    pool.may_be_standby = name.ends_with(standby_of(""));
    auto made = std::make_unique<DatabasePool>(loop, random, *recorder, mishaps, name, pool);
    // Prometheus's names have no '-', and those of PostgreSQL's databases here need no quoting either.
    telemetry.watch(fmt::format("database_pool_open_{}", name), [of = made.get()] { return static_cast<double>(of->open()); });
    telemetry.watch(fmt::format("database_pool_idle_{}", name), [of = made.get()] { return static_cast<double>(of->idle()); });
    return made;
  }
  Broker& any_broker() { return broker != nullptr ? static_cast<Broker&>(*broker) : no_broker; }

  Loop& loop;
  const NodeSettings settings;
  RealClock clock;
  RealRandom random;
  std::unique_ptr<Recorder> recorder;
  Mishaps mishaps;
  RealTelemetry telemetry;
  std::map<std::pair<std::string_view, int>, Answered> answers;  // by route, as the server's table spells it, and status
  Tracer tracer;
  std::optional<SpanExporter> exporter;
  HttpServer server;
  HttpClient client;
  RealHttp http;
  MemoryCache memory_cache{loop};
  std::optional<RedisCache> redis;
  NoBroker no_broker;
  std::unique_ptr<DatabasePool> broker_pool;
  std::unique_ptr<PgBroker> broker;
};

Node::Node(Loop& loop, NodeSettings settings) : Node(std::make_unique<Parts>(loop, std::move(settings))) {}

Node::Node(std::unique_ptr<Parts> parts)
    : Context(parts->settings.service, parts->settings.host, parts->settings.config, parts->clock, parts->random,
              parts->http, parts->any_broker(), parts->telemetry),
      parts_(std::move(parts)) {}

Node::~Node() = default;

void Node::spawn(std::string name, Task<void> task) { parts_->loop.spawn(std::move(name), std::move(task)); }

Recorder& Node::recorder() noexcept { return *parts_->recorder; }

RealTelemetry& Node::real_telemetry() noexcept { return parts_->telemetry; }

Database& Node::database(std::string_view name) {
  const auto known = databases_.find(name);
  if (known != databases_.end()) return *known->second;
  const auto configured = parts_->settings.databases.find(name);
  if (configured == parts_->settings.databases.end()) {
    throw std::invalid_argument(service + " asks for the database \"" + std::string(name) + "\", which is not configured");
  }
  return *databases_.emplace(name, parts_->make_pool(configured->first, configured->second)).first->second;
}

Files& Node::files(std::string_view store) {
  const auto known = file_stores_.find(store);
  if (known != file_stores_.end()) return *known->second;
  const auto directory = parts_->settings.files.find(store);
  if (directory == parts_->settings.files.end()) {
    throw std::invalid_argument("no file store is configured by the name \"" + std::string(store) + "\"");
  }
  auto files = std::make_unique<DirectoryFiles>(parts_->loop, *parts_->recorder, parts_->mishaps, directory->first,
                                                directory->second);
  return *file_stores_.emplace(directory->first, std::move(files)).first->second;
}

Cache& Node::cache() {
  if (parts_->redis) return *parts_->redis;
  return parts_->memory_cache;
}

std::uint16_t Node::start(const ServiceFactory& factory) {
  service_ = factory(*this);
  parts_->server.on("GET /metrics", [this](Request request) { return metrics(std::move(request)); });
  parts_->server.on("GET /readyz", [this](Request request) { return ready(std::move(request)); });
  if (parts_->exporter) parts_->exporter->start();
  const std::uint16_t port = parts_->server.listen(parts_->settings.listen);
  parts_->recorder->fact(EventKind::host_started, {}, {}, parts_->settings.incarnation);
  return port;
}

void Node::stop() {
  stopping_ = true;
  parts_->server.stop();
  if (parts_->broker != nullptr) parts_->broker->stop();
  if (parts_->exporter) parts_->exporter->stop();
}

Mishaps& Node::mishaps() noexcept { return parts_->mishaps; }

void Node::ail(const Ailments& ailments) {
  parts_->clock.set(ailments.clock_offset, ailments.clock_ppm);
  parts_->server.ail(ailments.slower, ailments.failing);
  if (parts_->broker != nullptr) parts_->broker->delay_deliveries(ailments.delivery_delay);
  if (ailments.healed) parts_->mishaps.disarm();
}

bool Node::at_rest() const noexcept { return parts_->loop.tasks() == 0; }

Task<Response> Node::metrics(Request) {
  Response response(200, parts_->telemetry.metrics());
  response.headers.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  co_return response;
}

/// Ready while it does not stop and every database that it has asked for answers.
Task<Response> Node::ready(Request) {
  std::string why;
  if (stopping_) why = "stopping";
  for (const auto& [name, pool] : databases_) {
    if (!why.empty()) break;
    try {
      Task<Rows> asking = pool->exec("SELECT 1");
      co_await std::move(asking);
    } catch (const DatabaseError& error) {
      why = error.what();
    }
  }
  Response response(why.empty() ? 200 : 503);
  response.headers.set("Content-Type", "application/json");
  response.body = Json{{"status", why.empty() ? "ready" : why}}.dump(-1, ' ', false, Json::error_handler_t::replace);
  co_return response;
}

namespace {

/// Joins a process to its test bed: it suffers what it is told, and holds at places.
class Joined {
 public:
  Joined(Loop& loop, Node& node) : node_(node), link_(loop, STDIN_FILENO, [this](const Json& line) { heard(line); }) {
    node.mishaps().on_hold([this](const Fault& fault) {
      link_.send(Json{{"held", fault_json(fault)}});
      // Without a test bed nobody can go on: the kernel is about to end this process.
      if (!link_.wait_for([](const Json& line) { return line.contains("go"); })) ::_exit(kServiceFailed);
    });
    node.mishaps().on_share([this](const std::string& name) {
      std::uint64_t number = 0;
      link_.send(Json{{"reached", name}});
      const bool told = link_.wait_for([&number](const Json& line) {
        if (line.contains("number")) number = line["number"].get<std::uint64_t>();
        return line.contains("number");
      });
      if (!told) ::_exit(kServiceFailed);
      return number;
    });
    // What ails it now it knows before the service begins.
    const bool told = link_.wait_for([this](const Json& line) {
      if (line.contains("state")) heard(line);
      return line.contains("state");
    });
    if (!told) throw std::runtime_error("the test bed is gone");
  }
  ~Joined() {
    node_.mishaps().on_hold({});
    node_.mishaps().on_share({});
  }
  Joined(const Joined&) = delete;
  Joined& operator=(const Joined&) = delete;

 private:
  void heard(const Json& line) {
    if (line.contains("state")) node_.ail(Ailments::from_json(line["state"]));
  }
  Node& node_;
  ControlLink link_;
};

}  // namespace

int serve(const NodeSettings& settings, const ServiceFactory& factory) {
  Loop loop;
  Node node(loop, settings);
  std::optional<Joined> joined;
  if (settings.controlled) joined.emplace(loop, node);
  int status = 0;
  loop.on_failure([&](std::string_view task, const std::string& what) {
    node.recorder().fact(EventKind::service_failed, task, {}, 0, what);
    node.telemetry.log(Level::error, "a task of the service failed", Json{{"task", task}, {"error", what}});
    status = kServiceFailed;
    loop.stop();
  });
  // A connection that broke is an error of its write, never the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  boost::asio::signal_set signals(loop.io(), SIGTERM, SIGINT);
  bool asked = false;
  std::function<void(const boost::system::error_code&, int)> on_signal = [&](const boost::system::error_code& error,
                                                                            int number) {
    if (error) return;
    if (asked) ::_exit(128 + number);
    asked = true;
    signals.async_wait(on_signal);
  };
  signals.async_wait(on_signal);

  const std::uint16_t port = node.start(factory);
  node.telemetry.log(Level::info, "serving", Json{{"address", Address{settings.listen.host, port}.text()}});
  loop.run([&] { return asked; });
  if (status == 0) {
    node.telemetry.log(Level::info, "asked to stop");
    node.stop();
    if (!loop.run([&] { return node.at_rest(); }, loop.now() + settings.drain_within)) {
      node.telemetry.log(Level::warning, "not everything was finished", Json{{"tasks", loop.tasks()}});
    }
    node.recorder().fact(EventKind::host_stopped, {});
  }
  signals.cancel();
  loop.end_tasks();
  return status;
}

}  // namespace orrery::real
