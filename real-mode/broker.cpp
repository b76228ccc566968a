#include "real-mode/broker.hpp"

#include <atomic>
#include <mutex>
#include <utility>

#include "real-mode/pg_link.hpp"
#include "runtime/delivery.hpp"

namespace orrery::real {
namespace {

/// A publisher that heard nothing by then gives up: may have happened.
constexpr Duration kPublishTimeout = 5s;
/// Who is not woken looks so often: for messages whose delay or ack deadline has passed, and after a NOTIFY was lost.
constexpr Duration kAfterError = 500ms;
constexpr int kAnswerAttempts = 3;
/// How late a copy of a message is, at most: as in simulation.
constexpr Duration kCopyWithin = 2s;
constexpr Duration kAgainSoon = 20ms;
constexpr Duration kAgainLate = 5s;

std::string interval(Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(duration).count()) + " microseconds";
}

}  // namespace

struct PgBroker::Subscribed {
  Subscribed(Loop& loop, Subscription wanted, Handler handles)
      : subscription(std::move(wanted)),
        handler(std::move(handles)),
        name(subscription.topic + "/" + subscription.group),
        wake(loop) {}
  const Subscription subscription;
  const Handler handler;
  const std::string name;
  Waiter wake;
  int busy = 0;
};

/// What the listening thread shares with the loop's.
struct PgBroker::Listening {
  std::mutex mutex;
  std::unique_ptr<PgLink> link;
  std::atomic<bool> quit{false};
};

/// A delivery in its handler's hands.
class PgBroker::Work final : public AnswerableDelivery {
 public:
  Work(PgBroker& broker, Subscribed& subscribed, std::int64_t offset, Message message, int attempt)
      : broker_(broker), subscribed_(subscribed), offset_(offset), message_(std::move(message)), attempt_(attempt) {}

  [[nodiscard]] const Message& message() const noexcept override { return message_; }
  [[nodiscard]] int attempt() const noexcept override { return attempt_; }

  void on_late_failure(std::string_view why) override {
    broker_.telemetry_.log(Level::error, why, Json{{"subscription", subscribed_.name}});
  }
  Tracer::Scope* span = nullptr;  // in which it is handled

  void on_bug(std::string_view what) override {
    broker_.recorder_.fact(EventKind::service_failed, subscribed_.name, {}, 0, what);
  }

 private:
  void on_acknowledge() override {
    broker_.mishaps_.reached("before acknowledge");
    broker_.recorder_.fact(EventKind::message_acknowledged, subscribed_.name, message_.id, attempt_);
    const std::string link = broker_.recorder_.host() + ">broker";
    if (broker_.mishaps_.strike(FaultKind::lose_ack, link) == nullptr) send(true);
    broker_.mishaps_.reached("after acknowledge");
  }
  void on_refuse(std::string_view why) override {
    if (span != nullptr) span->fail();
    broker_.recorder_.fact(EventKind::message_refused, subscribed_.name, message_.id, attempt_, why);
    send(false);
  }
  void send(bool acknowledged) {
    broker_.loop_.spawn("answer " + subscribed_.name, broker_.settle(subscribed_, offset_, attempt_, acknowledged));
  }

  PgBroker& broker_;
  Subscribed& subscribed_;
  const std::int64_t offset_;
  const Message message_;
  const int attempt_;
};

PgBroker::PgBroker(Loop& loop, Random& random, Tracer& tracer, Recorder& recorder, Mishaps& mishaps,
                   Telemetry& telemetry, DatabasePool& pool, std::string connection)
    : loop_(loop),
      random_(random),
      tracer_(tracer),
      recorder_(recorder),
      mishaps_(mishaps),
      telemetry_(telemetry),
      database_(pool),
      connection_(std::move(connection)) {}

PgBroker::~PgBroker() {
  if (listening_ == nullptr) return;
  listening_->quit = true;
  {
    const std::scoped_lock lock(listening_->mutex);
    if (listening_->link != nullptr) listening_->link->shut();
  }
  listener_.join();
}

// ---- publishing ----

Task<void> PgBroker::publish(std::string topic, Message message) {
  mishaps_.reached("before publish");
  std::string& traceparent = message.attributes[std::string(kTraceparent)];
  Tracer::Scope span(tracer_, parse_traceparent(traceparent).value_or(tracer_.current()), Span::Kind::producer,
                     "publish " + topic, false);
  span.attribute("messaging.system", "orrery");
  span.attribute("messaging.destination.name", topic);
  span.attribute("messaging.message.id", message.id);
  traceparent = span.context().traceparent();
  recorder_.fact(EventKind::publish_started, topic, message.id, 0, message.body, traceparent);
  const std::string link = recorder_.host() + ">broker";
  std::optional<PublishFailed> failed;
  if (mishaps_.strike(FaultKind::lose_publish, link) != nullptr) {
    Waiter patience(loop_);
    co_await patience.wait_until(loop_.now() + kPublishTimeout);
    failed.emplace(Effect::may_have_happened, topic + ": no confirmation within " + to_string(kPublishTimeout));
  } else {
    if (mishaps_.strike(FaultKind::duplicate, link) != nullptr) loop_.spawn("copy", store_late(topic, message));
    const bool unconfirmed = mishaps_.strike(FaultKind::lose_confirmation, link) != nullptr;
    const std::string attributes = Json(message.attributes).dump();
    try {
      Task<Rows> storing = database_.exec("SELECT orrery_publish($1, $2, $3, $4, $5::jsonb)", topic, message.id, message.key,
                                          message.body, attributes);
      co_await std::move(storing);
      if (unconfirmed) failed.emplace(Effect::may_have_happened, topic + ": the confirmation was lost");
    } catch (const DatabaseError& error) {
      failed.emplace(error.effect(), topic + ": " + error.what());
    }
  }
  if (failed) {
    span.fail();
    recorder_.fact(EventKind::publish_failed, topic, message.id, 0, failed->what());
    throw *failed;
  }
  recorder_.fact(EventKind::publish_confirmed, topic, message.id);
  mishaps_.reached("after publish");
}

/// The same publish once more, as a network makes it; nobody waits for its confirmation.
Task<void> PgBroker::store_late(std::string topic, Message message) {
  Waiter patience(loop_);
  co_await patience.wait_until(loop_.now() + random_.between(Duration::zero(), kCopyWithin));
  const std::string attributes = Json(message.attributes).dump();
  try {
    Task<Rows> storing = database_.exec("SELECT orrery_publish($1, $2, $3, $4, $5::jsonb)", topic, message.id, message.key,
                                        message.body, attributes);
    co_await std::move(storing);
  } catch (const DatabaseError&) {
    // The broker is away, and so is the copy.
  }
}

// ---- receiving ----

void PgBroker::subscribe(Subscription subscription, Handler handler) {
  CHECK(!subscription.topic.empty() && !subscription.group.empty(), "a subscription names a topic and a group");
  CHECK(subscription.concurrency > 0 && subscription.max_deliveries > 0 &&
        subscription.ack_deadline > Duration::zero());
  CHECK(handler != nullptr, "a subscription has a handler");
  if (subscription.dead_letter_topic.empty()) subscription.dead_letter_topic = subscription.topic + ".dead";
  Subscribed& subscribed = subscriptions_.emplace_back(loop_, std::move(subscription), std::move(handler));
  start_listening();
  loop_.spawn("subscribe " + subscribed.name, receive(subscribed));
}

void PgBroker::start_listening() {
  if (listening_ != nullptr) return;
  listening_ = std::make_shared<Listening>();
  listener_ = std::thread([this, shared = listening_] {
    while (!shared->quit) {
      try {
        auto made = std::make_unique<PgLink>(connection_, recorder_.host() + "-listen");
        made->listen("orrery_broker", [this, shared](const std::string& topic) {
          loop_.post([this, shared, topic] {
            if (!shared->quit) heard(topic);
          });
        });
        PgLink* link = made.get();
        {
          const std::scoped_lock lock(shared->mutex);
          shared->link = std::move(made);
        }
        // What was published before this connection listened was told to nobody.
        loop_.post([this, shared] {
          if (!shared->quit) wake_all();
        });
        while (!shared->quit) link->await(1s);
      } catch (const PgError&) {
        // Its database is away. Until it is back, who waits looks by itself.
      }
      {
        const std::scoped_lock lock(shared->mutex);
        shared->link.reset();
      }
      if (!shared->quit) std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
  });
}

void PgBroker::wake_all() noexcept {
  for (Subscribed& subscribed : subscriptions_) subscribed.wake.wake();
}

void PgBroker::heard(const std::string& topic) {
  for (Subscribed& subscribed : subscriptions_) {
    if (subscribed.subscription.topic == topic) subscribed.wake.wake();
  }
}

Task<void> PgBroker::receive(Subscribed& subscribed) {
  const Subscription& wanted = subscribed.subscription;
  bool known = false;
  while (!stopping_) {
    std::string failed;
    try {
      if (!known) {
        const std::string ack_deadline = interval(wanted.ack_deadline);
        const std::string retry_delay = interval(wanted.retry_delay);
        Task<Rows> subscribing =
            database_.exec("SELECT orrery_subscribe($1, $2, $3::interval, $4::interval, $5, $6)", wanted.topic, wanted.group,
                           ack_deadline, retry_delay, wanted.max_deliveries, wanted.dead_letter_topic);
        co_await std::move(subscribing);
        known = true;
      }
      Task<void> claiming = claim(subscribed);
      co_await std::move(claiming);
    } catch (const DatabaseError& error) {
      failed = error.what();
    }
    if (!failed.empty()) {
      telemetry_.log(Level::warning, "broker cannot be reached", Json{{"subscription", subscribed.name}, {"error", failed}});
      Waiter pause(loop_);
      co_await pause.wait_until(loop_.now() + kAfterError);
      continue;
    }
    if (stopping_) break;
    co_await subscribed.wake.wait_until(loop_.now() + looks_every_);
  }
}

Task<void> PgBroker::claim(Subscribed& subscribed) {
  while (!stopping_ && subscribed.busy < subscribed.subscription.concurrency) {
    const std::string held_back = interval(delivery_delay_);
    const int free = subscribed.subscription.concurrency - subscribed.busy;
    Task<Rows> claiming = database_.exec("SELECT claimed, attempt, id, key, body, attributes FROM orrery_claim($1, $2, $3, $4::interval)",
                                         subscribed.subscription.topic, subscribed.subscription.group, free, held_back);
    const Rows rows = co_await std::move(claiming);
    for (const Row row : rows) {
      Message message(row["id"].text(), row["key"].text(), row["body"].text());
      const Json attributes = Json::parse(row["attributes"].text());
      for (const auto& [name, value] : attributes.items()) message.attributes[name] = value.get<std::string>();
      const std::int64_t offset = row["claimed"].integer();
      const int attempt = static_cast<int>(row["attempt"].integer());
      if (mishaps_.strike(FaultKind::duplicate, "broker>" + recorder_.host()) != nullptr) {
        start(subscribed, offset, message, attempt, kCopyWithin);
      }
      if (mishaps_.strike(FaultKind::redeliver, subscribed.name) != nullptr) {
        // Half of them come while the first is in work, usually; the other half after it was acknowledged.
        start(subscribed, offset, message, attempt + 1, random_.below(2) == 0 ? kAgainSoon : kAgainLate);
      }
      start(subscribed, offset, std::move(message), attempt, Duration::zero());
    }
    if (static_cast<int>(rows.size()) < free) break;
  }
}

void PgBroker::start(Subscribed& subscribed, std::int64_t offset, Message message, int attempt, Duration within) {
  ++subscribed.busy;
  ++in_work_;
  if (within == Duration::zero()) {
    loop_.spawn(subscribed.name, handle(subscribed, offset, std::move(message), attempt));
  } else {
    const Duration after = random_.between(Duration::zero(), within);
    loop_.spawn(subscribed.name, handle_late(subscribed, offset, std::move(message), attempt, after));
  }
}

Task<void> PgBroker::handle(Subscribed& subscribed, std::int64_t offset, Message message, int attempt) {
  struct Busy {
    Busy(PgBroker& broker, Subscribed& subscribed) : broker(broker), subscribed(subscribed) {}
    ~Busy() {
      --broker.in_work_;
      --subscribed.busy;
      subscribed.wake.wake();
    }
    PgBroker& broker;
    Subscribed& subscribed;
  };
  const Busy busy(*this, subscribed);
  Work work(*this, subscribed, offset, std::move(message), attempt);
  recorder_.fact(EventKind::message_delivered, subscribed.name, work.message().id, attempt, work.message().body,
                 work.message().key);
  const auto published = work.message().attributes.find(std::string(kTraceparent));
  const std::optional<TraceContext> publisher =
      published == work.message().attributes.end() ? std::nullopt : parse_traceparent(published->second);
  Tracer::Scope span(tracer_, publisher.value_or(TraceContext()), Span::Kind::consumer, "process " + subscribed.name, true);
  span.attribute("messaging.system", "orrery");
  span.attribute("messaging.destination.name", subscribed.subscription.topic);
  span.attribute("messaging.consumer.group.name", subscribed.subscription.group);
  span.attribute("messaging.message.id", work.message().id);
  work.span = &span;
  Task<void> handling = handle_delivery(subscribed.handler, work);
  co_await std::move(handling);
}

/// The same delivery once more, as a network or a broker that slips makes it.
Task<void> PgBroker::handle_late(Subscribed& subscribed, std::int64_t offset, Message message, int attempt, Duration after) {
  Waiter patience(loop_);
  co_await patience.wait_until(loop_.now() + after);
  Task<void> handling = handle(subscribed, offset, std::move(message), attempt);
  co_await std::move(handling);
}

Task<void> PgBroker::settle(Subscribed& subscribed, std::int64_t offset, int attempt, bool acknowledged) {
  struct InWork {
    explicit InWork(std::size_t& count) : count(count) { ++count; }
    ~InWork() { --count; }
    std::size_t& count;
  };
  const InWork in_work(in_work_);
  const Subscription& of = subscribed.subscription;
  std::string failed;
  for (int tries = 0; tries < kAnswerAttempts; ++tries) {
    failed.clear();
    try {
      Task<Rows> telling = acknowledged
                               ? database_.exec("SELECT orrery_acknowledge($1, $2, $3)", of.topic, of.group, offset)
                               : database_.exec("SELECT orrery_refuse($1, $2, $3, $4)", of.topic, of.group, offset, attempt);
      co_await std::move(telling);
      break;
    } catch (const DatabaseError& error) {
      failed = error.what();
    }
    Waiter pause(loop_);
    co_await pause.wait_until(loop_.now() + kAfterError);
  }
  if (!failed.empty()) {
    // The message comes again after its ack deadline, as after a crash here.
    telemetry_.log(Level::warning, "the broker was not told of an answer",
                   Json{{"subscription", subscribed.name}, {"error", failed}});
  }
  subscribed.wake.wake();  // the next message of its key may be due
}

void PgBroker::stop() noexcept {
  stopping_ = true;
  wake_all();
}

}  // namespace orrery::real
