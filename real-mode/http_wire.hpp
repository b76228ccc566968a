#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/http.hpp"

namespace orrery::real {

/// How far a message was read.
enum class Reading {
  more,    // feed it more bytes
  header,  // the header is whole; said once
  whole,
  bad,
};

/// Reads a connection's HTTP/1 requests (RFC 9112), one after the other, from bytes as they come; strict where leniency lets requests be smuggled.
class RequestReader {
 public:
  explicit RequestReader(std::size_t header_limit);
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;
  ~RequestReader();

  /// Takes what belongs to the request from the front of `bytes`.
  [[nodiscard]] Reading feed(std::string& bytes);
  /// After `bad`: the status to answer, and why.
  [[nodiscard]] int refusal() const noexcept { return refusal_; }
  [[nodiscard]] const std::string& why() const noexcept { return why_; }

  // After the header:
  [[nodiscard]] Request& request() noexcept { return request_; }
  [[nodiscard]] bool keeps_alive() const noexcept;
  [[nodiscard]] bool expects_continue() const noexcept;
  /// A longer body is refused with 413, before it is read if its length was announced.
  [[nodiscard]] Reading limit_body(std::uint64_t bytes);
  /// The rest did not come in time: 408.
  [[nodiscard]] Reading give_up() { return refuse(408, "the request did not come in time"); }

  // After the whole:
  /// What is fed from now on is the next request.
  [[nodiscard]] Request take();

 private:
  struct Parser;
  void begin();
  [[nodiscard]] Reading refuse(int status, std::string why);
  [[nodiscard]] Reading check_header();

  const std::size_t header_limit_;
  std::unique_ptr<Parser> parser_;
  Request request_;
  int refusal_ = 0;
  std::string why_;
};

/// Reads one HTTP/1 response.
class ResponseReader {
 public:
  ResponseReader(std::size_t header_limit, std::uint64_t body_limit);
  ~ResponseReader();
  [[nodiscard]] Reading feed(std::string& bytes);
  /// The connection ended: `whole` if that ends the body, `bad` otherwise.
  [[nodiscard]] Reading end();
  [[nodiscard]] const std::string& why() const noexcept { return why_; }
  [[nodiscard]] bool keeps_alive() const noexcept;
  [[nodiscard]] Response take();

 private:
  struct Parser;
  std::size_t header_limit_;
  std::uint64_t body_limit_;
  std::unique_ptr<Parser> parser_;
  bool header_told_ = false;
  std::string why_;
};

/// The bytes of a message. A header field that would break out of its line (CR, LF, NUL) is left out, and said so by
/// `is_field`; Content-Length, Transfer-Encoding and Connection are written by these functions alone.
void append_wire(const Response& response, bool keep_alive, std::string& to);
[[nodiscard]] std::string to_wire(const Request& request, std::string_view host);
[[nodiscard]] bool is_field(std::string_view name, std::string_view value) noexcept;

/// "Not Found" of 404.
[[nodiscard]] std::string_view reason_of(int status) noexcept;

}  // namespace orrery::real
