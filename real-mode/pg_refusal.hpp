#pragma once

#include <string>

#include "real-mode/socket.hpp"

namespace orrery::real {

/// Plays the server that refuses a session of PostgreSQL's protocol 3.0 (manual, section 55.2.1): declines encryption, waits for
/// the start-up message, and ends the connection with a FATAL error. A client that says something else, or nothing before
/// `deadline`, is hung up on.
[[nodiscard]] Task<void> refuse_session(Socket client, std::string sqlstate, std::string message, Instant deadline);

}  // namespace orrery::real
