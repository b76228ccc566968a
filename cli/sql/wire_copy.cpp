#include <fmt/format.h>

#include "cli/sql/wire_session.hpp"

// COPY (PostgreSQL manual, 55.2.6).

namespace orrery::cli::sql {

void WireSession::begin_copy(char type, std::size_t columns) {
  out_.begin(type).byte(0).int16(static_cast<std::int16_t>(columns));
  for (std::size_t i = 0; i < columns; ++i) out_.int16(0);  // as text
}

void WireSession::begin_input(std::size_t columns) { begin_copy('G', columns); }
void WireSession::begin_output(std::size_t columns) { begin_copy('H', columns); }
void WireSession::write(std::string_view line) { out_.begin('d').bytes(line); }
void WireSession::end_output() { out_.begin('c'); }

Task<std::optional<std::string>> WireSession::read() {
  while (true) {
    Task<std::optional<FrontendMessage>> reading = next_message();
    std::optional<FrontendMessage> message = co_await std::move(reading);
    if (!message) fail("08006", "unexpected EOF on client connection with an open transaction");
    switch (message->type) {
      case 'd':
        co_return std::move(message->body);
      case 'c':
        co_return std::nullopt;
      case 'f': {
        BodyReader body(message->body);
        fail("57014", fmt::format("COPY from stdin failed: {}", body.string()));
      }
      case 'H':
      case 'S':  // they mean nothing before the data has ended
        break;
      default:
        fail("08P01", fmt::format("unexpected message type 0x{:02X} during COPY from stdin", static_cast<unsigned char>(message->type)));
    }
  }
}

}  // namespace orrery::cli::sql
