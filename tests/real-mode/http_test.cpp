#include <gtest/gtest.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "real-mode/http.hpp"

namespace orrery::real {
namespace {

const Address kLoopback{"127.0.0.1", 0};

/// A server and a client of it in one process, over real sockets.
class HttpTest : public ::testing::Test {
 public:
  HttpTest() {
    limits_.header_time = 200ms;
    limits_.body_time = 200ms;
    limits_.idle_time = 400ms;
  }

  void start() {
    server_ = std::make_unique<HttpServer>(loop_, random_, tracer_, recorder_, mishaps_, "echo", limits_);
    server_->on("POST /echo", [this](Request request) { return echo(std::move(request)); });
    server_->on("GET /slow", [this](Request request) { return slow(std::move(request)); });
    server_->on("POST /small", [this](Request request) { return echo(std::move(request)); });
    server_->on("GET /fails", [this](Request request) { return fails(std::move(request)); });
    server_->limit_body("POST /small", 10);
    port_ = server_->listen(kLoopback);
    client_ = std::make_unique<HttpClient>(
        loop_, random_, tracer_, recorder_, mishaps_,
        HttpClient::Peers{{"echo", {Address{"127.0.0.1", port_}}}, {"nobody", {Address{"127.0.0.1", 1}}}});
  }
  ~HttpTest() override { loop_.end_tasks(); }

  Task<Response> echo(Request request) {
    ++served_;
    last_deadline_ = request.deadline;
    Response response(200, request.body);
    response.headers.set("X-Method", request.method);
    co_return response;
  }
  Task<Response> slow(Request) {
    co_await clock_.sleep(300ms);
    co_return Response(200, "late");
  }
  Task<Response> fails(Request) {
    co_await clock_.sleep(1ms);
    throw Failure(Effect::did_not_happen, "no");
  }

  /// What the server answers to these bytes until it closes or is silent for 300 ms.
  std::string say(std::vector<std::string> pieces, Duration between = {}) {
    return complete(loop_, saying(std::move(pieces), between));
  }
  Task<std::string> saying(std::vector<std::string> pieces, Duration between) {
    Socket socket = co_await connect(loop_, Address{"127.0.0.1", port_}, loop_.now() + 1s);
    std::string answer;
    try {
      for (const std::string& piece : pieces) {
        if (&piece != &pieces.front() && between > Duration::zero()) co_await clock_.sleep(between);
        co_await socket.write(piece, loop_.now() + 1s);
      }
      for (;;) {
        std::array<char, 4096> chunk;
        const std::size_t got = co_await socket.read(chunk.data(), chunk.size(), loop_.now() + 300ms);
        if (got == 0) break;
        answer.append(chunk.data(), got);
      }
      closed_ = true;
    } catch (const SocketError& error) {
      closed_ = error.reason() != SocketError::Reason::timed_out;
    }
    co_return answer;
  }

  static int status_of(const std::string& answer) {
    return answer.starts_with("HTTP/1.1 ") ? std::stoi(answer.substr(9, 3)) : 0;
  }
  static int answers_in(const std::string& text) {
    int count = 0;
    for (std::size_t at = text.find("HTTP/1.1 "); at != std::string::npos; at = text.find("HTTP/1.1 ", at + 1)) ++count;
    return count;
  }

  HttpLimits limits_;
  Loop loop_;
  RealClock clock_{loop_};
  RealRandom random_;
  Tracer tracer_{loop_, clock_, random_};
  Recorder recorder_{"host-1"};
  Mishaps mishaps_{loop_, recorder_};
  std::unique_ptr<HttpServer> server_;
  std::unique_ptr<HttpClient> client_;
  std::uint16_t port_ = 0;
  int served_ = 0;
  Instant last_deadline_{};
  bool closed_ = false;
};

TEST_F(HttpTest, ACallIsAnsweredAndItsConnectionUsedAgain) {
  start();
  for (const std::string body : {"one", "two", ""}) {
    const Response response = complete(loop_, client_->call("echo", Request("POST", "/echo", body), 2s));
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, body);
    EXPECT_EQ(response.headers.get("x-method"), "POST");
  }
  EXPECT_EQ(server_->connections(), 1u);
}

TEST_F(HttpTest, ALargeBodyArrivesWhole) {
  start();
  std::string body(900'000, 'x');
  body += "end";
  EXPECT_EQ(complete(loop_, client_->call("echo", Request("POST", "/echo", body), 5s)).body, body);
}

TEST_F(HttpTest, TheDeadlineIsPassedOn) {
  start();
  const Instant before = loop_.now();
  complete(loop_, client_->call("echo", Request("POST", "/echo", "x"), 2s));
  EXPECT_LE(last_deadline_, loop_.now() + 2s);
  EXPECT_GE(last_deadline_, before + 1900ms);
}

TEST_F(HttpTest, NobodyListensIsRefusedAndDidNotHappen) {
  start();
  try {
    complete(loop_, client_->call("nobody", Request("GET", "/"), 1s));
    FAIL() << "a call to nobody was answered";
  } catch (const CallFailed& failed) {
    EXPECT_EQ(failed.reason(), CallFailed::Reason::refused);
    EXPECT_FALSE(failed.may_have_happened());
  }
}

TEST_F(HttpTest, ALateAnswerIsATimeOutAndMayHaveHappened) {
  start();
  try {
    complete(loop_, client_->call("echo", Request("GET", "/slow"), 50ms));
    FAIL() << "the answer cannot have come";
  } catch (const CallFailed& failed) {
    EXPECT_EQ(failed.reason(), CallFailed::Reason::timed_out);
    EXPECT_TRUE(failed.may_have_happened());
  }
}

TEST_F(HttpTest, AServerThatDiesWithTheRequestIsAReplyLost) {
  start();
  // A listener that accepts, reads and hangs up stands for a process that is killed.
  Listener listener(loop_, kLoopback);
  HttpClient client(loop_, random_, tracer_, recorder_, mishaps_, {{"dies", {Address{"127.0.0.1", listener.port()}}}});
  const auto hang_up = [](Listener& at, Loop& loop) -> Task<void> {
    Socket socket = co_await at.accept();
    std::array<char, 4096> chunk;
    const std::size_t got = co_await socket.read(chunk.data(), chunk.size(), loop.now() + 1s);
    EXPECT_GT(got, 0u);
  };
  loop_.spawn("dies", hang_up(listener, loop_));
  try {
    complete(loop_, client.call("dies", Request("POST", "/", "x"), 2s));
    FAIL() << "nobody can have answered";
  } catch (const CallFailed& failed) {
    EXPECT_EQ(failed.reason(), CallFailed::Reason::reply_lost);
  }
}

TEST_F(HttpTest, AHandlerThatThrowsAnswers500AndTheConnectionLives) {
  start();
  EXPECT_EQ(complete(loop_, client_->call("echo", Request("GET", "/fails"), 1s)).status, 500);
  EXPECT_EQ(complete(loop_, client_->call("echo", Request("POST", "/echo", "x"), 1s)).status, 200);
}

TEST_F(HttpTest, UnknownPathsAndMethodsAreTold) {
  start();
  EXPECT_EQ(complete(loop_, client_->call("echo", Request("GET", "/nowhere"), 1s)).status, 404);
  EXPECT_EQ(complete(loop_, client_->call("echo", Request("GET", "/echo"), 1s)).status, 405);
}

TEST_F(HttpTest, AChunkedRequestIsPutTogether) {
  start();
  const std::string answer =
      say({"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", "lo\r\n6;a=b\r\n world\r\n",
           "0\r\n\r\n"},
          5ms);
  EXPECT_EQ(status_of(answer), 200);
  EXPECT_TRUE(answer.ends_with("\r\n\r\nhello world")) << answer;
}

TEST_F(HttpTest, AChunkedResponseIsPutTogether) {
  start();
  Listener listener(loop_, kLoopback);
  HttpClient client(loop_, random_, tracer_, recorder_, mishaps_, {{"chunks", {Address{"127.0.0.1", listener.port()}}}});
  const auto answer = [](Listener& at, Loop& loop) -> Task<void> {
    Socket socket = co_await at.accept();
    std::array<char, 4096> chunk;
    const std::size_t got = co_await socket.read(chunk.data(), chunk.size(), loop.now() + 1s);
    EXPECT_GT(got, 0u);
    co_await socket.write("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
                          loop.now() + 1s);
    co_await socket.write("2\r\nde\r\n0\r\n\r\n", loop.now() + 1s);
  };
  loop_.spawn("chunks", answer(listener, loop_));
  EXPECT_EQ(complete(loop_, client.call("chunks", Request("POST", "/", "x"), 2s)).body, "abcde");
}

TEST_F(HttpTest, PipelinedRequestsAreAnsweredInOrder) {
  start();
  const std::string one = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n";
  const std::string answer = say({one + "one" + one + "two"});
  EXPECT_EQ(answers_in(answer), 2);
  EXPECT_LT(answer.find("one"), answer.find("two"));
}

TEST_F(HttpTest, ExpectContinueIsHeeded) {
  start();
  const std::string answer =
      say({"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n", "ok"}, 20ms);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200")) << answer;
}

TEST_F(HttpTest, HTTP10ClosesAfterItsAnswer) {
  start();
  EXPECT_EQ(status_of(say({"POST /echo HTTP/1.0\r\nContent-Length: 1\r\n\r\nx"})), 200);
  EXPECT_TRUE(closed_);
}

struct Hostile {
  const char* name;
  std::string bytes;
  int status;
};
class HostileRequest : public HttpTest, public ::testing::WithParamInterface<Hostile> {};

TEST_P(HostileRequest, IsRefusedAndReachesNoHandler) {
  start();
  const std::string answer = say({GetParam().bytes});
  EXPECT_EQ(status_of(answer), GetParam().status) << answer;
  EXPECT_EQ(answers_in(answer), 1) << answer;
  EXPECT_TRUE(closed_);
  EXPECT_EQ(served_, 0);
}

std::string with(const std::string& fields, const std::string& body = "") {
  return "POST /echo HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n" + body;
}

INSTANTIATE_TEST_SUITE_P(
    Corpus, HostileRequest,
    ::testing::Values(
        Hostile{"noise", "\x16\x03\x01\x02garbage\r\n\r\n", 400}, Hostile{"no_version", "GET /\r\n\r\n", 400},
        Hostile{"another_version", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
        Hostile{"no_host", "POST /echo HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 400},
        Hostile{"two_hosts", with("Host: b\r\nContent-Length: 0\r\n"), 400},
        Hostile{"no_path", "POST echo HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        Hostile{"space_in_target", "POST /echo x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        Hostile{"large_header", with("X: " + std::string(20'000, 'x') + "\r\n"), 431},
        Hostile{"endless_target", "GET /" + std::string(20'000, 'x'), 431},
        Hostile{"length_and_chunked", with("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400},
        Hostile{"chunked_and_length", with("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "0\r\n\r\n"), 400},
        Hostile{"two_lengths", with("Content-Length: 1\r\nContent-Length: 2\r\n", "xx"), 400},
        Hostile{"length_list", with("Content-Length: 1, 1\r\n", "x"), 400},
        Hostile{"negative_length", with("Content-Length: -1\r\n"), 400},
        Hostile{"signed_length", with("Content-Length: +1\r\n", "x"), 400},
        Hostile{"hex_length", with("Content-Length: 0x1\r\n", "x"), 400},
        Hostile{"huge_length", with("Content-Length: 99999999999999999999999\r\n"), 400},
        Hostile{"chunked_twice", with("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"), 501},
        Hostile{"chunked_in_two_fields", with("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
                501},
        Hostile{"gzip", with("Transfer-Encoding: gzip\r\n"), 501},
        Hostile{"obscured_chunked", with("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), 501},
        Hostile{"space_before_colon", with("Content-Length : 1\r\n", "x"), 400},
        Hostile{"bare_line_feed", "POST /echo HTTP/1.1\nHost: a\nContent-Length: 0\n\n\r\n\r\n", 400},
        Hostile{"bad_chunk_size", with("Transfer-Encoding: chunked\r\n", "zz\r\nx\r\n0\r\n\r\n"), 400},
        Hostile{"signed_chunk_size", with("Transfer-Encoding: chunked\r\n", "-1\r\nx\r\n0\r\n\r\n"), 400},
        Hostile{"long_chunk", with("Transfer-Encoding: chunked\r\n", "1\r\nxx\r\n0\r\n\r\n"), 400},
        Hostile{"huge_chunk", with("Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\nx\r\n0\r\n\r\n"), 400},
        Hostile{"announced_too_large", with("Content-Length: 2000000\r\n"), 413},
        Hostile{"too_large_for_its_route",
                "POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n01234567890", 413},
        Hostile{"chunks_too_large_for_their_route",
                "POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n", 413},
        Hostile{"zero_byte_in_field", with(std::string("X: a\0b\r\n", 8)), 400},
        Hostile{"return_in_field", with("X: a\rb\r\n"), 400}),
    [](const auto& info) { return info.param.name; });

TEST_F(HttpTest, ASlowHeaderIsGivenUp) {
  start();
  const std::string answer = say({"POST /echo HTTP/1.1\r\n", "Host: a\r\n", "X: 1\r\n", "Y: 2\r\n\r\n"}, 100ms);
  EXPECT_EQ(status_of(answer), 408) << answer;
  EXPECT_TRUE(closed_);
  EXPECT_EQ(served_, 0);
}

TEST_F(HttpTest, ASlowBodyIsGivenUp) {
  start();
  const std::string answer = say({with("Content-Length: 4\r\n"), "a", "b", "c", "d"}, 100ms);
  EXPECT_EQ(status_of(answer), 408) << answer;
  EXPECT_EQ(served_, 0);
}

TEST_F(HttpTest, ATruncatedRequestReachesNoHandler) {
  start();
  {
    const auto truncate = [](HttpTest& test) -> Task<void> {
      Socket socket = co_await connect(test.loop_, Address{"127.0.0.1", test.port_}, test.loop_.now() + 1s);
      co_await socket.write("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf", test.loop_.now() + 1s);
    };
    complete(loop_, truncate(*this));
  }
  loop_.run({}, loop_.now() + 50ms);
  EXPECT_EQ(served_, 0);
  EXPECT_EQ(server_->connections(), 0u);
}

TEST_F(HttpTest, AnIdleConnectionIsClosed) {
  limits_.idle_time = 50ms;
  start();
  EXPECT_EQ(say({}), "");
  EXPECT_TRUE(closed_);
}

TEST_F(HttpTest, AStopFinishesWhatIsInWorkAndRefusesTheRest) {
  start();
  complete(loop_, client_->call("echo", Request("POST", "/echo", "x"), 1s));  // leaves an idle connection
  int status = 0;
  const auto ask = [](HttpTest& test, int& answered) -> Task<void> {
    const Response response = co_await test.client_->call("echo", Request("GET", "/slow"), 2s);
    answered = response.status;
  };
  loop_.spawn("ask", ask(*this, status));
  loop_.run([&] { return server_->in_work() == 1; }, loop_.now() + 1s);
  server_->stop();
  try {
    complete(loop_, client_->call("echo", Request("POST", "/echo", "y"), 1s));
    FAIL() << "a server that stops took a request";
  } catch (const CallFailed& failed) {
    EXPECT_EQ(failed.reason(), CallFailed::Reason::refused);
  }
  loop_.run([&] { return status != 0; }, loop_.now() + 1s);
  EXPECT_EQ(status, 200);
  EXPECT_EQ(server_->connections(), 0u);
}

TEST_F(HttpTest, AFieldThatWouldBreakOutOfItsLineIsNotSent) {
  start();
  Request request("POST", "/echo", "x");
  request.headers.set("X-Bad", "a\r\nX-Smuggled: b");
  EXPECT_EQ(complete(loop_, client_->call("echo", request, 1s)).status, 200);
  EXPECT_EQ(served_, 1);
}

}  // namespace
}  // namespace orrery::real
