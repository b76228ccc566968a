#include "real-mode/pg_refusal.hpp"

#include <array>
#include <cstdint>
#include <string>

namespace orrery::real {
namespace {

constexpr std::uint32_t kEncryptionRequests[] = {80877103, 80877104};  // SSLRequest, GSSENCRequest
constexpr std::size_t kLongestStartup = 10'000;                        // as the server has it

std::uint32_t number_at(std::string_view bytes, std::size_t at) {
  std::uint32_t number = 0;
  for (std::size_t i = at; i < at + 4; ++i) number = number << 8 | static_cast<unsigned char>(bytes[i]);
  return number;
}

/// A packet that begins with its length, or nothing if the client gives up or sends none.
Task<std::string> read_packet(Socket& client, Instant deadline) {
  std::string packet;
  std::array<char, 512> chunk;
  for (;;) {
    if (packet.size() >= 4) {
      const std::uint32_t length = number_at(packet, 0);
      if (length < 8 || length > kLongestStartup) co_return std::string();
      if (packet.size() >= length) co_return packet;
    }
    Task<std::size_t> reading = client.read(chunk.data(), chunk.size(), deadline);
    const std::size_t got = co_await std::move(reading);
    if (got == 0) co_return std::string();
    packet.append(chunk.data(), got);
  }
}

std::string fatal(std::string_view sqlstate, std::string_view message) {
  std::string fields;
  const auto add = [&](char type, std::string_view value) { fields.append(1, type).append(value).push_back('\0'); };
  add('S', "FATAL");
  add('V', "FATAL");
  add('C', sqlstate);
  add('M', message);
  fields.push_back('\0');
  const auto length = static_cast<std::uint32_t>(fields.size() + 4);
  std::string packet = "E";
  for (const int shift : {24, 16, 8, 0}) packet.push_back(static_cast<char>(length >> shift & 0xFF));
  return packet + fields;
}

}  // namespace

Task<void> refuse_session(Socket client, std::string sqlstate, std::string message, Instant deadline) {
  const std::string answer = fatal(sqlstate, message);
  try {
    for (;;) {
      Task<std::string> reading = read_packet(client, deadline);
      const std::string packet = co_await std::move(reading);
      if (packet.empty()) co_return;
      const std::uint32_t code = number_at(packet, 4);
      if (code != kEncryptionRequests[0] && code != kEncryptionRequests[1]) break;
      Task<void> declining = client.write("N", deadline);
      co_await std::move(declining);
    }
    Task<void> refusing = client.write(answer, deadline);
    co_await std::move(refusing);
    Task<void> lingering = client.linger(1s);
    co_await std::move(lingering);
  } catch (const SocketError&) {
    // The client went away by itself.
  }
}

}  // namespace orrery::real
