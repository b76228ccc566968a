#include "real-mode/proxy.hpp"

#include <gtest/gtest.h>

#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "real-mode/http.hpp"

namespace orrery::real {
namespace {

/// A client "a" and a server "b" that sends back what it gets, with the proxy between them.
class ProxyTest : public ::testing::Test {
 public:
  ProxyTest() {
    way_ = proxy_.carry("a", "b", Address{"127.0.0.1", listener_.port()}, Proxy::Protocol::http);
    proxy_.open("b");
    loop_.spawn("echo", accept());
  }
  ~ProxyTest() override { loop_.end_tasks(); }

  Task<void> accept() {
    for (;;) {
      Task<Socket> accepting = listener_.accept();
      Socket socket = co_await std::move(accepting);
      if (!socket) co_return;
      loop_.spawn("echo one", echo(std::move(socket)));
    }
  }
  Task<void> echo(Socket socket) {
    char bytes[4096];
    try {
      for (;;) {
        Task<std::size_t> reading = socket.read(bytes, sizeof bytes, Instant::max());
        const std::size_t got = co_await std::move(reading);
        if (got == 0) break;
        served_.emplace_back(bytes, got);
        Task<void> writing = socket.write({bytes, got}, loop_.now() + 5s);
        co_await std::move(writing);
      }
      ++ended_;
    } catch (const SocketError&) {
      ++broken_;
    }
  }

  Socket connected() { return complete(loop_, connect(loop_, way_, loop_.now() + 5s)); }
  void send(Socket& socket, std::string text) {
    const auto work = [](Loop& loop, Socket& to, std::string what) -> Task<void> {
      Task<void> writing = to.write(what, loop.now() + 5s);
      co_await std::move(writing);
    };
    complete(loop_, work(loop_, socket, std::move(text)));
  }
  /// What comes: "" at the end, "reset", or "nothing" in that time.
  std::string receive(Socket& socket, Duration within = 5s) {
    const auto work = [](Loop& loop, Socket& from, Duration time) -> Task<std::string> {
      char bytes[4096];
      std::string result;
      try {
        Task<std::size_t> reading = from.read(bytes, sizeof bytes, loop.now() + time);
        const std::size_t got = co_await std::move(reading);
        result.assign(bytes, got);
      } catch (const SocketError& error) {
        result = error.reason() == SocketError::Reason::timed_out ? "nothing" : "reset";
      }
      co_return result;
    };
    return complete(loop_, work(loop_, socket, within));
  }
  std::string ask(Socket& socket, std::string text, Duration within = 5s) {
    send(socket, std::move(text));
    return receive(socket, within);
  }
  /// False if it did not come to pass in ten seconds.
  bool until(const std::function<bool()>& it_is_so) { return loop_.run(it_is_so, loop_.now() + 10s); }
  static Fault decision(FaultKind kind, std::string link, std::uint64_t ordinal, std::int64_t amount = 0) {
    Fault fault;
    fault.kind = kind;
    fault.target = std::move(link);
    fault.ordinal = ordinal;
    fault.amount = amount;
    return fault;
  }
  std::vector<std::string> struck() {
    const std::scoped_lock lock(mutex_);
    return struck_;
  }

  Loop loop_;
  Listener listener_{loop_, Address{"127.0.0.1", 0}};
  std::mutex mutex_;
  std::vector<std::string> struck_;
  std::vector<std::string> served_;
  int ended_ = 0;
  int broken_ = 0;
  Proxy proxy_{[this](const Fault& fault) {
    const std::scoped_lock lock(mutex_);
    struck_.push_back(to_string(fault));
  }};
  Address way_;
};

TEST_F(ProxyTest, CarriesBytesBothWaysAndEndsWhenASideEnds) {
  Socket socket = connected();
  EXPECT_EQ(ask(socket, "one"), "one");
  EXPECT_EQ(ask(socket, "two"), "two");
  socket.end_sending();
  EXPECT_EQ(receive(socket), "");
  EXPECT_EQ(ended_, 1);
  EXPECT_TRUE(until([&] { return proxy_.connections() == 0; }));
}

TEST_F(ProxyTest, RefusesConnectionsToAHostThatIsClosed) {
  proxy_.close("b");
  try {
    (void)connected();
    FAIL() << "it connected";
  } catch (const SocketError& error) {
    EXPECT_EQ(error.reason(), SocketError::Reason::refused);
  }
  proxy_.open("b");
  Socket socket = connected();
  EXPECT_EQ(ask(socket, "again"), "again");
}

TEST_F(ProxyTest, MayBeClosedAndOpenedAgainAtOnce) {
  for (int times = 0; times < 50; ++times) {
    proxy_.close("b");
    proxy_.open("b");
  }
  Socket socket = connected();
  EXPECT_EQ(ask(socket, "again"), "again");
}

TEST_F(ProxyTest, APartitionHoldsWhatExistingConnectionsCarryUntilItEnds) {
  Socket socket = connected();
  EXPECT_EQ(ask(socket, "before"), "before");
  proxy_.block("a", "b");
  EXPECT_EQ(ask(socket, "held", 200ms), "nothing");
  EXPECT_EQ(served_, std::vector<std::string>{"before"});
  proxy_.unblock("a", "b");
  EXPECT_EQ(receive(socket), "held");
}

TEST_F(ProxyTest, APartitionCutsOneWayOnly) {
  Socket socket = connected();
  EXPECT_EQ(ask(socket, "before"), "before");
  proxy_.block("b", "*");
  EXPECT_EQ(ask(socket, "arrives", 200ms), "nothing");
  EXPECT_EQ(served_.back(), "arrives");
  proxy_.unblock("b", "*");
  EXPECT_EQ(receive(socket), "arrives");
}

TEST_F(ProxyTest, WhatIsGivenUpDuringAPartitionIsLost) {
  {
    Socket socket = connected();
    EXPECT_EQ(ask(socket, "before"), "before");
    proxy_.block("a", "b");
    send(socket, "lost");
  }
  loop_.run({}, loop_.now() + 50ms);
  proxy_.unblock("a", "b");
  EXPECT_TRUE(until([&] { return ended_ + broken_ == 1 && proxy_.connections() == 0; }));
  EXPECT_EQ(served_, std::vector<std::string>{"before"});
}

TEST_F(ProxyTest, PartitionsThatOverlapEndWithTheLast) {
  Socket socket = connected();
  proxy_.block("a", "b");
  proxy_.block("*", "b");
  send(socket, "held");
  proxy_.unblock("a", "b");
  EXPECT_EQ(receive(socket, 200ms), "nothing");
  proxy_.unblock("*", "b");
  EXPECT_EQ(receive(socket), "held");
}

TEST_F(ProxyTest, ASlowLinkMakesEachMessageLater) {
  Socket socket = connected();
  EXPECT_EQ(ask(socket, "fast"), "fast");
  proxy_.slow("a", "b", 150ms);
  const Instant before = loop_.now();
  EXPECT_EQ(ask(socket, "slow"), "slow");
  EXPECT_GE(loop_.now() - before, Duration(150ms));
  EXPECT_LT(loop_.now() - before, Duration(5s));
}

TEST_F(ProxyTest, ALimitSpreadsBytesOverTime) {
  proxy_.limit("a", "b", 100'000);
  Socket socket = connected();
  const Instant before = loop_.now();
  const std::string much(20'000, 'x');
  send(socket, much);
  std::size_t came = 0;
  while (came < much.size()) came += receive(socket).size();
  send(socket, "last");  // waits for what was sent before
  EXPECT_EQ(receive(socket), "last");
  EXPECT_GE(loop_.now() - before, Duration(190ms));
}

TEST_F(ProxyTest, ADroppedMessageHangsAndSoDoesItsConnection) {
  proxy_.arm({decision(FaultKind::drop, "a>b", 2)});
  Socket socket = connected();
  EXPECT_EQ(ask(socket, "first"), "first");
  EXPECT_EQ(ask(socket, "second", 200ms), "nothing");
  EXPECT_EQ(ask(socket, "third", 200ms), "nothing");
  EXPECT_EQ(served_, std::vector<std::string>{"first"});
  Socket other = connected();
  EXPECT_EQ(ask(other, "another"), "another");
  EXPECT_EQ(struck(), std::vector<std::string>{"drop a>b, occasion 2"});
}

TEST_F(ProxyTest, ADelayedMessageIsOvertakenOnAnotherConnection) {
  proxy_.arm({decision(FaultKind::delay, "a>b", 1, 300'000)});
  Socket late = connected();
  Socket early = connected();
  send(late, "late");
  loop_.run({}, loop_.now() + 50ms);
  EXPECT_EQ(ask(early, "early"), "early");
  EXPECT_EQ(receive(late), "late");
  EXPECT_EQ(served_, (std::vector<std::string>{"early", "late"}));
}

TEST_F(ProxyTest, ACopyIsTheWholeRequestWithAnIdOfItsOwn) {
  proxy_.arm({decision(FaultKind::duplicate, "a>b", 1)});
  Socket socket = connected();
  const std::string request = "POST /x HTTP/1.1\r\nX-Request-Id: 0123456789abcdef\r\nContent-Length: 4\r\n\r\nbody";
  EXPECT_EQ(ask(socket, request), request);
  ASSERT_TRUE(until([&] { return served_.size() == 2; }));
  const std::size_t id = request.find("0123456789abcdef");
  EXPECT_EQ(served_[1].substr(0, id), request.substr(0, id));
  EXPECT_EQ(served_[1].substr(id + 16), request.substr(id + 16));
  EXPECT_NE(served_[1].substr(id, 16), "0123456789abcdef");
}

TEST_F(ProxyTest, AResetBreaksTheConnectionsOfTwoHosts) {
  Socket socket = connected();
  EXPECT_EQ(ask(socket, "one"), "one");
  proxy_.reset("b", "a");
  EXPECT_EQ(receive(socket), "reset");
  Socket other = connected();
  EXPECT_EQ(ask(other, "two"), "two");
}

TEST_F(ProxyTest, ADatabaseThatIsFullRefusesSessionsInItsOwnWords) {
  Socket first = connected();
  EXPECT_EQ(ask(first, "one"), "one");
  proxy_.limit_connections("b", 2);
  proxy_.limit_connections("b", 1);
  Socket second = connected();
  EXPECT_EQ(ask(second, std::string("\0\0\0\x08\x04\xD2\x16\x2F", 8)), "N");  // it asks for TLS
  send(second, std::string("\0\0\0\x12\0\x03\0\0us", 10));
  EXPECT_EQ(ask(second, std::string("er\0ada\0\0", 8)),
            std::string("E\0\0\0\x3BSFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0\0", 60));
  Socket confused = connected();
  EXPECT_EQ(ask(confused, "GET / HTTP/1.1\r\n\r\n"), "");
  EXPECT_EQ(ask(first, "two"), "two") << "what is open goes on";
  proxy_.unlimit_connections("b", 1);
  Socket third = connected();
  EXPECT_EQ(ask(third, "three"), "three");
}

TEST_F(ProxyTest, HealingTakesEverythingBack) {
  FaultRates rates;
  rates[FaultKind::drop].per_million = 1'000'000;
  proxy_.draw(rates);
  proxy_.block("*", "b");
  proxy_.slow("a", "b", 10s);
  proxy_.limit("a", "b", 1);
  proxy_.limit_connections("b", 0);
  proxy_.arm({decision(FaultKind::drop, "a>b", 1)});
  proxy_.heal();
  Socket socket = connected();
  EXPECT_EQ(ask(socket, "well"), "well");
  EXPECT_TRUE(struck().empty());
}

TEST_F(ProxyTest, NewConnectionsGoWhereAHostMovedTo) {
  Listener elsewhere(loop_, Address{"127.0.0.1", 0});
  bool came = false;
  const auto take = [](Listener& at, bool& did) -> Task<void> {
    Task<Socket> accepting = at.accept();
    const Socket socket = co_await std::move(accepting);
    did = true;
  };
  loop_.spawn("elsewhere", take(elsewhere, came));
  proxy_.move("b", Address{"127.0.0.1", elsewhere.port()});
  Socket socket = connected();
  EXPECT_TRUE(until([&] { return came; }));
}


TEST_F(ProxyTest, ALogIsAsFarBehindAsItsLinkIsSlowAndWhatIsUnderWayIsLostWithAReset) {
  const Address way = proxy_.carry("standby", "b", Address{"127.0.0.1", listener_.port()}, Proxy::Protocol::log);
  proxy_.open("b");
  proxy_.slow("b", "standby", 300ms);
  Socket socket = complete(loop_, connect(loop_, way, loop_.now() + 5s));
  for (int times = 0; times < 2; ++times) {  // each piece, not only the first in a row
    const Instant before = loop_.now();
    EXPECT_EQ(ask(socket, "piece"), "piece");
    EXPECT_GE(loop_.now() - before, 300ms);
  }
  send(socket, "last");
  ASSERT_TRUE(until([&] { return served_.size() == 3; }));
  proxy_.reset("b", "standby");
  EXPECT_EQ(receive(socket), "reset");
}

}  // namespace
}  // namespace orrery::real
