// What a service may rely on, whichever world it runs in: each sentence is tried in simulation and in real mode.
#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/conformance/bench.hpp"

namespace orrery::conformance {
namespace {

template <class World>
class Conformance : public ::testing::Test {
 public:
  using Services = std::vector<std::pair<std::string, ServiceFactory>>;
  static constexpr const char* kSchema = "CREATE TABLE items (id int PRIMARY KEY, note text)";

  void start(Services services) { bench.start(kSchema, std::move(services)); }
  /// A lone service "a" that does nothing by itself.
  void start() { start({{"a", service([](Context&) {})}}); }

  const std::unique_ptr<Bench> owned = World::make();
  Bench& bench = *owned;
};
struct Names {
  template <class World>
  static std::string GetName(int) {
    return std::is_same_v<World, Sim> ? "Simulation" : "RealMode";
  }
};
using Worlds = ::testing::Types<Sim, Real>;
TYPED_TEST_SUITE(Conformance, Worlds, Names);

/// The error that a task ends with; SQLSTATE 00000 if it does not.
Task<DatabaseError> error_of(Task<Rows> task) {
  std::optional<DatabaseError> caught;
  try {
    co_await std::move(task);
  } catch (const DatabaseError& error) {
    caught = error;
  }
  if (caught) co_return *caught;
  co_return DatabaseError(Effect::did_not_happen, "00000", "no error");
}
Task<DatabaseError> error_of_commit(Task<void> task) {
  std::optional<DatabaseError> caught;
  try {
    co_await std::move(task);
  } catch (const DatabaseError& error) {
    caught = error;
  }
  if (caught) co_return *caught;
  co_return DatabaseError(Effect::did_not_happen, "00000", "no error");
}

/// Waits until something has come to pass.
Task<void> until(Context& context, std::function<bool()> it_is_so) {
  const Instant deadline = context.clock.now() + 30s;
  while (!it_is_so() && context.clock.now() < deadline) co_await context.clock.sleep(10ms);
}

// ---- clock ----

TYPED_TEST(Conformance, ASleepTakesAtLeastAsLongAsAsked) {
  this->start();
  Duration slept{0};
  this->bench.run("a", [&](Context& context) -> Task<void> {
    const Instant before = context.clock.now();
    co_await context.clock.sleep(30ms);
    slept = context.clock.now() - before;
  });
  EXPECT_GE(slept, Duration(30ms));
}

TYPED_TEST(Conformance, SleepersWakeInTheOrderOfTheirTimes) {
  this->start();
  std::string order;
  const auto sleeper = [&](Duration length, char name) {
    return [&order, length, name](Context& context) -> Task<void> {
      co_await context.clock.sleep(length);
      order += name;
    };
  };
  const auto last = sleeper(150ms, 'c');
  const auto first = sleeper(50ms, 'a');
  const auto second = sleeper(100ms, 'b');
  this->bench.spawn("a", last);
  this->bench.spawn("a", first);
  this->bench.spawn("a", second);
  this->bench.finish();
  EXPECT_EQ(order, "abc");
}

TYPED_TEST(Conformance, TheSystemClockMovesWithTheSteadyOne) {
  this->start();
  std::int64_t steady_us = 0;
  std::int64_t system_us = 0;
  this->bench.run("a", [&](Context& context) -> Task<void> {
    const Instant steady = context.clock.now();
    const SystemTime system = context.clock.system_now();
    co_await context.clock.sleep(100ms);
    steady_us = (context.clock.now() - steady) / 1us;
    system_us = (context.clock.system_now() - system).count();
  });
  EXPECT_NEAR(static_cast<double>(system_us), static_cast<double>(steady_us), 20'000.0);
}

// ---- http ----

/// Answers what a test wants to know of a request.
class Echo {
 public:
  explicit Echo(Context& context) : context_(context) {
    context.http.on("POST /echo/{id}", [this](Request request) { return echo(std::move(request)); });
    context.http.on("GET /slow", [this](Request request) { return slow(std::move(request)); });
    context.http.on("GET /fails", [this](Request request) { return fails(std::move(request)); });
    context.http.on("GET /left", [this](Request request) { return left(std::move(request)); });
  }

 private:
  Task<Response> echo(Request request) {
    Response response(207, request.body + "|" + std::string(request.parameter("id")) + "|" +
                               request.query("q").value_or("none") + "|" + std::string(request.headers.get("x-a")));
    response.headers.set("X-Answer", "yes");
    co_return response;
  }
  Task<Response> slow(Request) {
    co_await context_.clock.sleep(400ms);
    co_return Response(200, "late");
  }
  Task<Response> fails(Request) {
    co_await context_.clock.sleep(1ms);
    throw CallFailed(CallFailed::Reason::timed_out, "a call of the handler's own");
  }
  Task<Response> left(Request request) {
    co_return Response(200, std::to_string((request.deadline - context_.clock.now()) / 1ms));
  }
  Context& context_;
};

/// "a" asks, "b" answers.
template <class Fixture>
void start_pair(Fixture& fixture, std::unique_ptr<Echo>& echo) {
  fixture.start({{"a", service([](Context&) {})},
                 {"b", service([&echo](Context& context) { echo = std::make_unique<Echo>(context); })}});
}

TYPED_TEST(Conformance, ARequestReachesItsHandlerAndTheAnswerComesBack) {
  std::unique_ptr<Echo> echo;
  start_pair(*this, echo);
  Response response;
  this->bench.run("a", [&](Context& context) -> Task<void> {
    Request request("POST", "/echo/7%2F8?q=a%20b", "body");
    request.headers.set("X-A", "field");
    response = co_await context.http.call("b", std::move(request), 5s);
  });
  EXPECT_EQ(response.status, 207);
  EXPECT_EQ(response.body, "body|7/8|a b|field");
  EXPECT_EQ(response.headers.get("x-ANSWER"), "yes");
}

TYPED_TEST(Conformance, AnUnknownPathIs404AndAnotherMethodIs405AndAFailureIs500) {
  std::unique_ptr<Echo> echo;
  start_pair(*this, echo);
  std::vector<int> statuses;
  this->bench.run("a", [&](Context& context) -> Task<void> {
    for (const auto& [method, target] : {std::pair("GET", "/nowhere"), std::pair("GET", "/echo/1"), std::pair("GET", "/fails")}) {
      Request request(method, target);
      const Response response = co_await context.http.call("b", std::move(request), 5s);
      statuses.push_back(response.status);
    }
  });
  EXPECT_EQ(statuses, (std::vector<int>{404, 405, 500}));
}

TYPED_TEST(Conformance, ACallThatTakesTooLongTimesOutAndMayHaveHappened) {
  std::unique_ptr<Echo> echo;
  start_pair(*this, echo);
  std::optional<CallFailed> failed;
  Duration took{0};
  this->bench.run("a", [&](Context& context) -> Task<void> {
    const Instant before = context.clock.now();
    try {
      Request request("GET", "/slow");
      co_await context.http.call("b", std::move(request), 100ms);
    } catch (const CallFailed& error) {
      failed = error;
    }
    took = context.clock.now() - before;
  });
  ASSERT_TRUE(failed.has_value());
  EXPECT_EQ(failed->reason(), CallFailed::Reason::timed_out);
  EXPECT_TRUE(failed->may_have_happened());
  EXPECT_GE(took, Duration(99ms));
  EXPECT_LT(took, Duration(399ms));
}

TYPED_TEST(Conformance, ACallTakesAlongHowLongItsCallerWaits) {
  std::unique_ptr<Echo> echo;
  start_pair(*this, echo);
  std::string left;
  std::string less;
  this->bench.run("a", [&](Context& context) -> Task<void> {
    Request request("GET", "/left");
    const Response response = co_await context.http.call("b", std::move(request), 5s);
    left = response.body;
    Request hurried("GET", "/left");
    hurried.deadline = context.clock.now() + 2s;
    const Response earlier = co_await context.http.call("b", std::move(hurried), 5s);
    less = earlier.body;
  });
  EXPECT_NEAR(std::stod(left), 5000.0, 1000.0);
  EXPECT_NEAR(std::stod(less), 2000.0, 1000.0);
}

// ---- database ----

TYPED_TEST(Conformance, OnlyWhatIsCommittedIsThere) {
  this->start();
  std::vector<std::string> notes;
  this->bench.run("a", [&](Context& context) -> Task<void> {
    Database& db = context.database("db");
    {
      Transaction tx = co_await db.begin();
      co_await tx.exec("INSERT INTO items VALUES (1, 'committed')");
      co_await tx.commit();
    }
    {
      Transaction tx = co_await db.begin();
      co_await tx.exec("INSERT INTO items VALUES (2, 'rolled back')");
      co_await tx.rollback();
    }
    {
      Transaction tx = co_await db.begin();
      co_await tx.exec("INSERT INTO items VALUES (3, 'dropped')");
    }
    const Rows rows = co_await db.exec("SELECT note FROM items ORDER BY id");
    for (const Row row : rows) notes.push_back(row["note"].text());
  });
  EXPECT_EQ(notes, std::vector<std::string>{"committed"});
}

TYPED_TEST(Conformance, ValuesComeBackAsTheyWere) {
  this->start();
  std::vector<SqlValue> values;
  this->bench.run("a", [&](Context& context) -> Task<void> {
    const Rows rows = co_await context.database("db").exec(
        "SELECT $1::bigint, $2::text, $3::boolean, $4::float8, NULL::int, 2.50::numeric", 41, "x'y", true, 1.5);
    for (std::size_t i = 0; i < 6; ++i) values.push_back(rows[0][i]);
  });
  EXPECT_EQ(values, (std::vector<SqlValue>{41, "x'y", true, 1.5, nullptr, "2.50"}));
}

TYPED_TEST(Conformance, AStatementSaysHowManyRowsItChanged) {
  this->start();
  std::vector<std::int64_t> counts;
  this->bench.run("a", [&](Context& context) -> Task<void> {
    Database& db = context.database("db");
    for (const char* sql : {"INSERT INTO items VALUES (1, 'a'), (2, 'b'), (3, 'c')", "UPDATE items SET note = 'z' WHERE id > 1",
                            "DELETE FROM items WHERE id = 9", "SELECT id FROM items"}) {
      const Rows rows = co_await db.exec(sql);
      counts.push_back(rows.affected());
    }
  });
  EXPECT_EQ(counts, (std::vector<std::int64_t>{3, 2, 0, 3}));
}

TYPED_TEST(Conformance, AUniqueViolationDidNotHappenAndNamesItsConstraint) {
  this->start();
  std::optional<DatabaseError> taken, after, at_commit;
  this->bench.run("a", [&](Context& context) -> Task<void> {
    Database& db = context.database("db");
    co_await db.exec("INSERT INTO items VALUES (1, 'first')");
    Transaction tx = co_await db.begin();
    taken = co_await error_of(tx.exec("INSERT INTO items VALUES (1, 'second')"));
    after = co_await error_of(tx.exec("SELECT 1"));
    at_commit = co_await error_of_commit(tx.commit());
  });
  EXPECT_EQ(taken->sqlstate(), "23505");
  EXPECT_EQ(taken->constraint(), "items_pkey");
  EXPECT_FALSE(taken->may_have_happened());
  EXPECT_EQ(after->sqlstate(), "25P02");
  EXPECT_EQ(at_commit->sqlstate(), "25P02");
}

TYPED_TEST(Conformance, OneOfTwoSerializableTransactionsThatMissEachOtherFailsWith40001) {
  this->start();
  std::multiset<std::string> outcomes;
  this->bench.run("a", [&](Context& context) -> Task<void> {
    Database& db = context.database("db");
    Transaction one = co_await db.begin(Isolation::serializable);
    Transaction two = co_await db.begin(Isolation::serializable);
    co_await one.exec("SELECT count(*) FROM items");
    co_await two.exec("SELECT count(*) FROM items");
    co_await one.exec("INSERT INTO items VALUES (1, 'one')");
    const DatabaseError late = co_await error_of(two.exec("INSERT INTO items VALUES (2, 'two')"));
    const DatabaseError first = co_await error_of_commit(one.commit());
    const DatabaseError second = co_await error_of_commit(two.commit());
    outcomes = {first.sqlstate(), late.sqlstate() == "00000" ? second.sqlstate() : late.sqlstate()};
  });
  EXPECT_EQ(outcomes, (std::multiset<std::string>{"00000", "40001"}));
}

TYPED_TEST(Conformance, ASecondWriterOfARowWaitsForTheFirst) {
  this->start();
  std::string order;
  std::optional<DatabaseError> impatient;
  const auto first = [&](Context& context) -> Task<void> {
    Transaction tx = co_await context.database("db").begin();
    co_await tx.exec("UPDATE items SET note = note || '1'");
    co_await context.clock.sleep(600ms);
    order += "1";
    co_await tx.commit();
  };
  const auto second = [&](Context& context) -> Task<void> {
    co_await context.clock.sleep(150ms);
    co_await context.database("db").exec("UPDATE items SET note = note || '2'");
    order += "2";
  };
  const auto third = [&](Context& context) -> Task<void> {
    co_await context.clock.sleep(150ms);
    Transaction tx = co_await context.database("db").begin();
    co_await tx.exec("SET LOCAL lock_timeout = '50ms'");
    impatient = co_await error_of(tx.exec("UPDATE items SET note = note || '3'"));
  };
  this->bench.run("a", [&](Context& context) -> Task<void> {
    co_await context.database("db").exec("INSERT INTO items VALUES (1, '')");
  });
  this->bench.spawn("a", first);
  this->bench.spawn("a", second);
  this->bench.spawn("a", third);
  this->bench.finish();
  std::string note;
  this->bench.run("a", [&](Context& context) -> Task<void> {
    const Rows rows = co_await context.database("db").exec("SELECT note FROM items");
    note = rows[0]["note"].text();
  });
  EXPECT_EQ(order, "12");
  EXPECT_EQ(note, "12");
  EXPECT_EQ(impatient->sqlstate(), "55P03");
}

TYPED_TEST(Conformance, OneOfTwoTransactionsInADeadlockFailsWith40P01) {
  this->start();
  this->bench.run("a", [&](Context& context) -> Task<void> {
    co_await context.database("db").exec("INSERT INTO items VALUES (1, ''), (2, '')");
  });
  std::multiset<std::string> outcomes;
  const auto locker = [&](int mine, int other) {
    return [&outcomes, mine, other](Context& context) -> Task<void> {
      Transaction tx = co_await context.database("db").begin();
      co_await tx.exec("UPDATE items SET note = 'x' WHERE id = $1", mine);
      co_await context.clock.sleep(200ms);
      const DatabaseError error = co_await error_of(tx.exec("UPDATE items SET note = 'y' WHERE id = $1", other));
      outcomes.insert(error.sqlstate());
    };
  };
  const auto one = locker(1, 2);
  const auto two = locker(2, 1);
  this->bench.spawn("a", one);
  this->bench.spawn("a", two);
  this->bench.finish();
  EXPECT_EQ(outcomes, (std::multiset<std::string>{"00000", "40P01"}));
}

// ---- broker ----

/// Notes what comes, and answers as a test says.
class Consumer {
 public:
  using Answer = std::function<Task<void>(Context&, Delivery&)>;
  Consumer(Context& context, Subscription subscription, Answer answer) : context_(context), answer_(std::move(answer)) {
    context.broker.subscribe(std::move(subscription), [this](Delivery& delivery) { return take(delivery); });
  }
  std::vector<std::string> came;  // "id attempt"

 private:
  Task<void> take(Delivery& delivery) {
    came.push_back(delivery.message().id + " " + std::to_string(delivery.attempt()));
    if (answer_) {
      Task<void> answering = answer_(context_, delivery);
      co_await std::move(answering);
    }
  }
  Context& context_;
  Answer answer_;
};

Subscription subscription_of(const char* topic, const char* group) {
  Subscription subscription(topic, group);
  subscription.ack_deadline = 2s;
  subscription.retry_delay = 50ms;
  subscription.max_deliveries = 3;
  return subscription;
}

Task<void> publish_all(Context& context, std::vector<std::pair<std::string, std::string>> ids_and_keys) {
  for (const auto& [id, key] : ids_and_keys) {
    Message message(id, key, "body of " + id);
    co_await context.broker.publish("topic", std::move(message));
  }
}

TYPED_TEST(Conformance, AMessageReachesEachGroupOnceWithAllThatItCarries) {
  std::unique_ptr<Consumer> one, other;
  std::string carried;
  this->start({{"a", service([&](Context& context) {
                  const auto look = [&carried](Context&, Delivery& delivery) -> Task<void> {
                    const Message& message = delivery.message();
                    carried = message.body + "|" + message.key + "|" + message.attributes.at("trace");
                    co_return;
                  };
                  one = std::make_unique<Consumer>(context, subscription_of("topic", "one"), look);
                  other = std::make_unique<Consumer>(context, subscription_of("topic", "other"), nullptr);
                })}});
  this->bench.run("a", [&](Context& context) -> Task<void> {
    Message message("m1", "key", "body");
    message.attributes["trace"] = "t 1";
    co_await context.broker.publish("topic", std::move(message));
    co_await until(context, [&] { return !one->came.empty() && !other->came.empty(); });
    co_await context.clock.sleep(300ms);
  });
  EXPECT_EQ(one->came, std::vector<std::string>{"m1 1"});
  EXPECT_EQ(other->came, std::vector<std::string>{"m1 1"});
  EXPECT_EQ(carried, "body|key|t 1");
}

TYPED_TEST(Conformance, AMessageThatIsRefusedComesAgainBeforeThoseAfterItOfItsKey) {
  std::unique_ptr<Consumer> consumer;
  this->start({{"a", service([&](Context& context) {
                  const auto refuse_first = [](Context&, Delivery& delivery) -> Task<void> {
                    if (delivery.message().id == "m1" && delivery.attempt() == 1) {
                      throw Failure(Effect::did_not_happen, "not now");
                    }
                    if (delivery.message().id == "m2" && delivery.attempt() == 1) delivery.refuse();
                    co_return;
                  };
                  consumer = std::make_unique<Consumer>(context, subscription_of("topic", "group"), refuse_first);
                })}});
  this->bench.run("a", [&](Context& context) -> Task<void> {
    std::vector<std::pair<std::string, std::string>> messages = {{"m1", "k"}, {"m2", "k"}, {"m3", "k"}};
    co_await publish_all(context, std::move(messages));
    co_await until(context, [&] { return consumer->came.size() >= 5; });
  });
  EXPECT_EQ(consumer->came, (std::vector<std::string>{"m1 1", "m1 2", "m2 1", "m2 2", "m3 1"}));
}

TYPED_TEST(Conformance, AnotherKeyDoesNotWait) {
  std::unique_ptr<Consumer> consumer;
  bool blocked = true;
  this->start({{"a", service([&](Context& context) {
                  const auto hold = [&](Context& on, Delivery& delivery) -> Task<void> {
                    while (blocked && delivery.message().key == "k") co_await on.clock.sleep(10ms);
                  };
                  consumer = std::make_unique<Consumer>(context, subscription_of("topic", "group"), hold);
                })}});
  this->bench.run("a", [&](Context& context) -> Task<void> {
    std::vector<std::pair<std::string, std::string>> messages = {{"m1", "k"}, {"m2", "k"}, {"n1", "other"}};
    co_await publish_all(context, std::move(messages));
    co_await until(context, [&] { return consumer->came.size() >= 2; });
    blocked = false;
    co_await until(context, [&] { return consumer->came.size() >= 3; });
  });
  EXPECT_EQ(consumer->came, (std::vector<std::string>{"m1 1", "n1 1", "m2 1"}));
}

TYPED_TEST(Conformance, WithoutAnAnswerInTimeAMessageComesAgain) {
  std::unique_ptr<Consumer> consumer;
  this->start({{"a", service([&](Context& context) {
                  const auto dawdle = [](Context& on, Delivery& delivery) -> Task<void> {
                    if (delivery.attempt() == 1) co_await on.clock.sleep(4s);
                  };
                  consumer = std::make_unique<Consumer>(context, subscription_of("topic", "group"), dawdle);
                })}});
  this->bench.run("a", [&](Context& context) -> Task<void> {
    std::vector<std::pair<std::string, std::string>> messages = {{"m1", ""}};
    co_await publish_all(context, std::move(messages));
    co_await until(context, [&] { return consumer->came.size() >= 2; });
  });
  EXPECT_EQ(consumer->came, (std::vector<std::string>{"m1 1", "m1 2"}));
}

TYPED_TEST(Conformance, AfterItsLastDeliveryAMessageIsADeadLetter) {
  std::unique_ptr<Consumer> consumer, undertaker;
  this->start({{"a", service([&](Context& context) {
                  const auto never = [](Context&, Delivery& delivery) -> Task<void> {
                    delivery.refuse();
                    co_return;
                  };
                  consumer = std::make_unique<Consumer>(context, subscription_of("topic", "group"), never);
                  undertaker = std::make_unique<Consumer>(context, subscription_of("topic.dead", "undertaker"), nullptr);
                })}});
  this->bench.run("a", [&](Context& context) -> Task<void> {
    std::vector<std::pair<std::string, std::string>> messages = {{"m1", ""}};
    co_await publish_all(context, std::move(messages));
    co_await until(context, [&] { return !undertaker->came.empty(); });
  });
  EXPECT_EQ(consumer->came, (std::vector<std::string>{"m1 1", "m1 2", "m1 3"}));
  EXPECT_EQ(undertaker->came, std::vector<std::string>{"m1 1"});
}

// ---- files ----

TYPED_TEST(Conformance, AFileIsReadAsItWasWrittenLastByEveryHost) {
  this->start({{"a", service([](Context&) {})}, {"b", service([](Context&) {})}});
  std::optional<std::string> none, first, last;
  const std::string bytes("a\0b\n", 4);
  this->bench.run("a", [&](Context& context) -> Task<void> {
    Files& files = context.files("store");
    none = co_await files.read("x/y.bin");
    co_await files.write("x/y.bin", bytes);
    first = co_await files.read("x/y.bin");
    co_await files.write("x/y.bin", "longer than before");
  });
  this->bench.run("b", [&](Context& context) -> Task<void> { last = co_await context.files("store").read("x/y.bin"); });
  EXPECT_EQ(none, std::nullopt);
  EXPECT_EQ(first, bytes);
  EXPECT_EQ(last, "longer than before");
}

TYPED_TEST(Conformance, FilesAreListedInOrderAndRemovedOnce) {
  this->start();
  std::vector<std::string> all, some;
  bool removed = false, again = true;
  this->bench.run("a", [&](Context& context) -> Task<void> {
    Files& files = context.files("store");
    for (const char* path : {"b/2", "a", "b/10", "c"}) co_await files.write(path, "x");
    all = co_await files.list("");
    removed = co_await files.remove("c");
    again = co_await files.remove("c");
    some = co_await files.list("b/");
  });
  EXPECT_EQ(all, (std::vector<std::string>{"a", "b/10", "b/2", "c"}));
  EXPECT_EQ(some, (std::vector<std::string>{"b/10", "b/2"}));
  EXPECT_TRUE(removed);
  EXPECT_FALSE(again);
}

TYPED_TEST(Conformance, APathThatIsNoneIsRefused) {
  this->start();
  int refused = 0;
  this->bench.run("a", [&](Context& context) -> Task<void> {
    for (const char* path : {"", "/etc/passwd", "a/../b", "a//b", "a b", "a/."}) {
      try {
        co_await context.files("store").write(path, "x");
      } catch (const FilesFailed& error) {
        if (!error.may_have_happened()) ++refused;
      }
    }
  });
  EXPECT_EQ(refused, 6);
}

// ---- cache ----

TYPED_TEST(Conformance, ACachedValueLivesUntilItsTimeIsOver) {
  this->start();
  std::optional<std::string> none, soon, late;
  this->bench.run("a", [&](Context& context) -> Task<void> {
    none = co_await context.cache().get("k");
    co_await context.cache().set("k", "v", 300ms);
    soon = co_await context.cache().get("k");
    co_await context.clock.sleep(400ms);
    late = co_await context.cache().get("k");
  });
  EXPECT_EQ(none, std::nullopt);
  EXPECT_EQ(soon, "v");
  EXPECT_EQ(late, std::nullopt);
}

TYPED_TEST(Conformance, OnlyTheFirstSetsAValueThatIsAbsent) {
  this->start();
  bool first = false, second = true, removed = false, again = true;
  std::optional<std::string> value;
  this->bench.run("a", [&](Context& context) -> Task<void> {
    first = co_await context.cache().set_if_absent("k", "one", 10s);
    second = co_await context.cache().set_if_absent("k", "two", 10s);
    value = co_await context.cache().get("k");
    removed = co_await context.cache().remove("k");
    again = co_await context.cache().remove("k");
  });
  EXPECT_TRUE(first);
  EXPECT_FALSE(second);
  EXPECT_EQ(value, "one");
  EXPECT_TRUE(removed);
  EXPECT_FALSE(again);
}

TYPED_TEST(Conformance, ACounterCountsAndRefusesWhatIsNoNumber) {
  this->start();
  std::vector<std::int64_t> sums;
  bool refused = false;
  this->bench.run("a", [&](Context& context) -> Task<void> {
    for (const std::int64_t by : {5, -7}) {
      const std::int64_t sum = co_await context.cache().increment("n", by, 10s);
      sums.push_back(sum);
    }
    co_await context.cache().set("n", "no number", 10s);
    try {
      co_await context.cache().increment("n", 1, 10s);
    } catch (const CacheFailed& error) {
      refused = !error.may_have_happened();
    }
  });
  EXPECT_EQ(sums, (std::vector<std::int64_t>{5, -2}));
  EXPECT_TRUE(refused);
}

// ---- shutdown ----

TYPED_TEST(Conformance, AServiceThatIsAskedToStopAnswersWhatIsInWorkAndTakesNothingNew) {
  std::unique_ptr<Echo> echo;
  start_pair(*this, echo);
  std::string in_work;
  std::optional<CallFailed> refused;
  bool saw_it = false;
  const auto ask = [&](Context& context) -> Task<void> {
    Request request("GET", "/slow");
    const Response response = co_await context.http.call("b", std::move(request), 5s);
    in_work = response.body;
  };
  const auto ask_late = [&](Context& context) -> Task<void> {
    try {
      Request request("GET", "/slow");
      co_await context.http.call("b", std::move(request), 5s);
    } catch (const CallFailed& error) {
      refused = error;
    }
  };
  const auto loop = [&](Context& context) -> Task<void> {
    while (!context.stopping()) co_await context.clock.sleep(5ms);
    saw_it = true;
  };
  this->bench.spawn("b", loop);
  this->bench.spawn("a", ask);
  this->bench.run("a", [&](Context& context) -> Task<void> {
    co_await context.clock.sleep(100ms);
    this->bench.ask_to_stop("b");
    Task<void> asking = ask_late(context);
    co_await std::move(asking);
  });
  EXPECT_EQ(in_work, "late");
  ASSERT_TRUE(refused.has_value());
  EXPECT_FALSE(refused->may_have_happened());
  EXPECT_TRUE(saw_it);
}

TYPED_TEST(Conformance, AServiceThatStopsIsGivenNoFurtherMessages) {
  std::unique_ptr<Consumer> consumer;
  this->start({{"a", service([](Context&) {})},
               {"b", service([&](Context& context) {
                  consumer = std::make_unique<Consumer>(context, subscription_of("topic", "group"), nullptr);
                })}});
  this->bench.run("a", [&](Context& context) -> Task<void> {
    std::vector<std::pair<std::string, std::string>> before = {{"m1", ""}};
    co_await publish_all(context, std::move(before));
    co_await until(context, [&] { return consumer->came.size() == 1; });
    co_await context.clock.sleep(200ms);
    this->bench.ask_to_stop("b");
    co_await context.clock.sleep(200ms);
    std::vector<std::pair<std::string, std::string>> after = {{"m2", ""}};
    co_await publish_all(context, std::move(after));
    co_await context.clock.sleep(1s);
  });
  EXPECT_EQ(consumer->came, std::vector<std::string>{"m1 1"});
}

}  // namespace
}  // namespace orrery::conformance
