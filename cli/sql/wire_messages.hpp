#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "sim/database/engine.hpp"

namespace orrery::cli::sql {

/// A packet that is not as the protocol says (PostgreSQL manual, chapter 55.7): FATAL 08P01, and the connection is closed.
class ProtocolError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A message of the client. The first ones, before the session has begun, have no type.
struct FrontendMessage {
  static constexpr char kStartup = '\0';
  char type = kStartup;
  std::string body;
};

/// Cuts a stream of bytes into messages.
class MessageReader {
 public:
  /// PostgreSQL's own limit.
  static constexpr std::size_t kMaxStartup = 10'000;
  static constexpr std::size_t kMaxMessage = 16U << 20U;

  void feed(std::string_view bytes) { buffer_ += bytes; }
  /// Nothing: more bytes are needed. Throws ProtocolError as soon as a message's length or type is seen to be wrong.
  std::optional<FrontendMessage> next();
  /// From now on messages have a type.
  void end_startup() noexcept { in_startup_ = false; }
  [[nodiscard]] std::size_t buffered() const noexcept { return buffer_.size() - at_; }

 private:
  std::string buffer_;
  std::size_t at_ = 0;
  bool in_startup_ = true;
};

/// Reads a message's body. All throw ProtocolError at its end.
class BodyReader {
 public:
  explicit BodyReader(std::string_view body) : body_(body) {}
  [[nodiscard]] std::uint8_t byte();
  [[nodiscard]] std::int16_t int16();
  [[nodiscard]] std::int32_t int32();
  [[nodiscard]] std::int64_t int64();
  /// Up to a zero byte, which is taken too.
  [[nodiscard]] std::string_view string();
  [[nodiscard]] std::string_view bytes(std::size_t count);
  [[nodiscard]] std::size_t left() const noexcept { return body_.size(); }
  /// Throws if something is left.
  void expect_end() const;

 private:
  [[nodiscard]] std::uint64_t big_endian(std::size_t count);
  std::string_view body_;
};

void append_int16(std::string& out, std::int16_t number);
void append_int32(std::string& out, std::int32_t number);
void append_int64(std::string& out, std::int64_t number);

/// Writes messages of the server, one after the other.
class MessageWriter {
 public:
  /// Begins a message; it ends with the next one, or when the output is taken.
  MessageWriter& begin(char type);
  MessageWriter& byte(char value);
  MessageWriter& int16(std::int16_t number);
  MessageWriter& int32(std::int32_t number);
  /// With a zero byte behind it.
  MessageWriter& string(std::string_view text);
  MessageWriter& bytes(std::string_view bytes);
  /// The one byte that answers SSLRequest and GSSENCRequest.
  void refuse_encryption() { end(); out_ += 'N'; }

  /// An ErrorResponse with every field that is known; `severity`: ERROR or FATAL.
  void error(std::string_view severity, const sim::database::SqlError& error);
  void notice(const sim::database::SqlNotice& notice);
  void parameter_status(std::string_view name, std::string_view value);
  void ready_for_query(sim::database::TransactionStatus status);

  [[nodiscard]] std::string take();
  [[nodiscard]] bool is_empty() const noexcept { return out_.empty(); }

 private:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  void end();
  std::string out_;
  std::size_t length_at_ = kNone;
};

/// True for text in UTF-8 without zero bytes; otherwise `offending` says which bytes, as PostgreSQL prints them.
[[nodiscard]] bool is_valid_utf8(std::string_view text, std::string& offending);

}  // namespace orrery::cli::sql
