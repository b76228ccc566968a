#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/failure.hpp"
#include "runtime/task.hpp"
#include "runtime/time.hpp"

namespace orrery {

/// Header fields; names compare without case (RFC 9110, section 5.1) and keep their order.
class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<std::pair<std::string, std::string>> fields) : fields_(fields) {}
  /// The first value; empty if absent.
  [[nodiscard]] std::string_view get(std::string_view name) const noexcept;
  [[nodiscard]] bool has(std::string_view name) const noexcept;
  void set(std::string_view name, std::string value);
  /// A field as it comes in: values of one name are joined to a list (RFC 9110, section 5.3).
  void append(std::string_view name, std::string_view value);
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& fields() const noexcept { return fields_; }
  friend bool operator==(const Headers&, const Headers&) = default;

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

/// Not an aggregate on purpose: see the g++ 12 hazards in docs/decisions/0001-task.md.
class Request {
 public:
  Request() = default;
  Request(std::string method, std::string target, std::string body = {}, Headers headers = {})
      : method(std::move(method)), target(std::move(target)), headers(std::move(headers)), body(std::move(body)) {}

  std::string method = "GET";
  std::string target = "/";  // path and query, as on the request line
  Headers headers;
  std::string body;
  /// When the caller stops waiting; a handler passes it on to its own calls.
  Instant deadline = Instant::max();
  /// Filled by the server from the route: `{id}` in "GET /users/{id}".
  std::map<std::string, std::string, std::less<>> path_parameters;

  /// The path without the query.
  [[nodiscard]] std::string_view path() const noexcept;
  /// A query parameter, percent-decoded; nullopt if absent.
  [[nodiscard]] std::optional<std::string> query(std::string_view name) const;
  /// A path parameter; empty if the route has none of that name.
  [[nodiscard]] std::string_view parameter(std::string_view name) const noexcept;
};

class Response {
 public:
  Response() = default;
  explicit Response(int status, std::string body = {}, Headers headers = {})
      : status(status), headers(std::move(headers)), body(std::move(body)) {}

  int status = 200;
  Headers headers;
  std::string body;

  [[nodiscard]] bool ok() const noexcept { return status >= 200 && status < 300; }
};

/// A call that brought no answer.
class CallFailed : public Failure {
 public:
  enum class Reason {
    refused,     // nobody listens: did not happen
    timed_out,   // the deadline came first: may have happened
    reply_lost,  // the connection broke after the request was sent: may have happened
  };
  CallFailed(Reason reason, const std::string& what)
      : Failure(reason == Reason::refused ? Effect::did_not_happen : Effect::may_have_happened, what),
        reason_(reason) {}
  [[nodiscard]] Reason reason() const noexcept { return reason_; }

 private:
  Reason reason_;
};

/// Serves and calls HTTP. Requests are served concurrently, each by a task of its own; a handler that throws answers
/// 500 and the exception is recorded. A crash in a handler leaves what the handler had made durable; the caller sees
/// `reply_lost` or `timed_out`.
class Http {
 public:
  using Handler = std::function<Task<Response>(Request)>;

  /// `route` is a method and a path pattern: "POST /users", "GET /users/{id}". The lambda given here must not be a
  /// coroutine itself (its captures would dangle): let it forward to a member function that is.
  virtual void on(std::string_view route, Handler handler) = 0;

  /// Calls a service by its name; a replica is chosen for each call. Any status is an answer. Throws CallFailed.
  virtual Task<Response> call(std::string service, Request request, Duration timeout) = 0;

 protected:
  ~Http() = default;
};

/// A route table, shared by both worlds. Patterns are matched segment by segment; a literal wins over a parameter.
class Routes {
 public:
  /// CHECKs that the pattern is well formed and not there yet.
  void add(std::string_view route, Http::Handler handler);
  struct Match {
    const Http::Handler* handler = nullptr;  // null: no such path, or the path knows other methods only
    bool path_known = false;                 // 405 instead of 404
    std::string_view pattern;                // the route's text, for metrics and traces
  };
  /// Fills the request's path parameters on a match.
  [[nodiscard]] Match find(Request& request) const;

 private:
  struct Entry {
    std::string pattern;
    std::string method;
    std::string path;
    std::vector<std::string> segments;
    bool is_literal = false;  // no parameter
    Http::Handler handler;
  };
  std::vector<Entry> entries_;
};

/// RFC 3986 percent decoding; `+` stays a plus. Malformed escapes are kept as they are.
[[nodiscard]] std::string percent_decode(std::string_view text);
[[nodiscard]] std::string percent_encode(std::string_view text);

}  // namespace orrery
