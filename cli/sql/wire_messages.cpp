#include "cli/sql/wire_messages.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace orrery::cli::sql {
namespace {

/// Parse, Bind, Execute, Query, Describe, Close, Sync, Flush, Terminate, function call, and the three of COPY.
constexpr std::string_view kTypes = "PBEQDCSHXFdcf";

std::uint32_t big_endian_32(std::string_view bytes) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) number = number << 8U | static_cast<unsigned char>(bytes[i]);
  return number;
}

void append_big_endian(std::string& out, std::uint64_t number, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(number >> (8 * i) & 0xFFU);
}

}  // namespace

std::optional<FrontendMessage> MessageReader::next() {
  const std::string_view rest = std::string_view(buffer_).substr(at_);
  const std::size_t header = in_startup_ ? 4 : 5;
  if (!in_startup_ && !rest.empty() && kTypes.find(rest[0]) == std::string_view::npos) {
    throw ProtocolError(fmt::format("invalid frontend message type {}", static_cast<unsigned char>(rest[0])));
  }
  if (rest.size() < header) return std::nullopt;
  const std::uint32_t length = big_endian_32(rest.substr(header - 4));
  if (in_startup_ && (length < 8 || length > kMaxStartup)) throw ProtocolError("invalid length of startup packet");
  if (!in_startup_ && (length < 4 || length > kMaxMessage)) throw ProtocolError("invalid message length");
  if (rest.size() < header - 4 + length) return std::nullopt;
  FrontendMessage message;
  if (!in_startup_) message.type = rest[0];
  message.body = rest.substr(header, length - 4);
  at_ += header - 4 + length;
  // What was read is dropped now and then, so that it costs nothing for each message.
  if (at_ == buffer_.size() || at_ > (1U << 16U)) {
    buffer_.erase(0, at_);
    at_ = 0;
  }
  return message;
}

std::uint64_t BodyReader::big_endian(std::size_t count) {
  std::uint64_t number = 0;
  for (const char c : bytes(count)) number = number << 8U | static_cast<unsigned char>(c);
  return number;
}

std::uint8_t BodyReader::byte() { return static_cast<std::uint8_t>(big_endian(1)); }
std::int16_t BodyReader::int16() { return static_cast<std::int16_t>(big_endian(2)); }
std::int32_t BodyReader::int32() { return static_cast<std::int32_t>(big_endian(4)); }
std::int64_t BodyReader::int64() { return static_cast<std::int64_t>(big_endian(8)); }

std::string_view BodyReader::string() {
  const std::size_t end = body_.find('\0');
  if (end == std::string_view::npos) throw ProtocolError("invalid string in message");
  const std::string_view text = body_.substr(0, end);
  body_.remove_prefix(end + 1);
  return text;
}

std::string_view BodyReader::bytes(std::size_t count) {
  if (count > body_.size()) throw ProtocolError("insufficient data left in message");
  const std::string_view taken = body_.substr(0, count);
  body_.remove_prefix(count);
  return taken;
}

void BodyReader::expect_end() const {
  if (!body_.empty()) throw ProtocolError("invalid message format");
}

void append_int16(std::string& out, std::int16_t number) { append_big_endian(out, static_cast<std::uint16_t>(number), 2); }
void append_int32(std::string& out, std::int32_t number) { append_big_endian(out, static_cast<std::uint32_t>(number), 4); }
void append_int64(std::string& out, std::int64_t number) { append_big_endian(out, static_cast<std::uint64_t>(number), 8); }

MessageWriter& MessageWriter::begin(char type) {
  end();
  out_ += type;
  length_at_ = out_.size();
  append_int32(out_, 0);
  return *this;
}

void MessageWriter::end() {
  if (length_at_ == kNone) return;
  std::string length;
  append_int32(length, static_cast<std::int32_t>(out_.size() - length_at_));
  out_.replace(length_at_, 4, length);
  length_at_ = kNone;
}

MessageWriter& MessageWriter::byte(char value) {
  out_ += value;
  return *this;
}
MessageWriter& MessageWriter::int16(std::int16_t number) {
  append_int16(out_, number);
  return *this;
}
MessageWriter& MessageWriter::int32(std::int32_t number) {
  append_int32(out_, number);
  return *this;
}
MessageWriter& MessageWriter::string(std::string_view text) {
  out_ += text.substr(0, text.find('\0'));  // a zero would end it early
  out_ += '\0';
  return *this;
}
MessageWriter& MessageWriter::bytes(std::string_view bytes) {
  out_ += bytes;
  return *this;
}

void MessageWriter::error(std::string_view severity, const sim::database::SqlError& error) {
  begin('E').byte('S').string(severity).byte('V').string(severity).byte('C').string(error.sqlstate);
  byte('M').string(error.message);
  if (!error.detail.empty()) byte('D').string(error.detail);
  if (!error.hint.empty()) byte('H').string(error.hint);
  if (error.position > 0) byte('P').string(std::to_string(error.position));
  if (!error.context.empty()) byte('W').string(error.context);
  if (!error.constraint.empty()) byte('n').string(error.constraint);
  byte('\0');
}

void MessageWriter::notice(const sim::database::SqlNotice& notice) {
  begin('N').byte('S').string(notice.severity).byte('V').string(notice.severity).byte('C').string(notice.sqlstate);
  byte('M').string(notice.message).byte('\0');
}

void MessageWriter::parameter_status(std::string_view name, std::string_view value) {
  begin('S').string(name).string(value);
}

void MessageWriter::ready_for_query(sim::database::TransactionStatus status) {
  using enum sim::database::TransactionStatus;
  begin('Z').byte(status == idle ? 'I' : status == failed ? 'E' : 'T');
}

std::string MessageWriter::take() {
  end();
  return std::exchange(out_, {});
}

bool is_valid_utf8(std::string_view text, std::string& offending) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t size = lead == 0 ? 0 : lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
    bool valid = size > 0 && i + size <= text.size();
    for (std::size_t k = 1; valid && k < size; ++k) valid = (static_cast<unsigned char>(text[i + k]) & 0xC0U) == 0x80U;
    if (valid && size > 2) {  // neither too long for what it says, nor a surrogate, nor beyond U+10FFFF
      const auto second = static_cast<unsigned char>(text[i + 1]);
      valid = !(lead == 0xE0 && second < 0xA0) && !(lead == 0xED && second > 0x9F) && !(lead == 0xF0 && second < 0x90) &&
              !(lead == 0xF4 && second > 0x8F);
    }
    if (!valid) {
      const std::size_t shown = lead < 0xC0 || lead >= 0xF8 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
      offending.clear();
      for (std::size_t k = i; k < std::min(text.size(), i + shown); ++k) {
        offending += fmt::format("{}0x{:02x}", offending.empty() ? "" : " ", static_cast<unsigned char>(text[k]));
      }
      return false;
    }
    i += size;
  }
  return true;
}

}  // namespace orrery::cli::sql
