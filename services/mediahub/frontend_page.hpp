#pragma once

#include <string>

namespace orrery::services {

/// The debug page: HTML, CSS and JavaScript in one. "@GATEWAY@" stands for the gateway's origin and "@NONCE@" for the nonce of
/// the one script (Content Security Policy 3, section 2.4.1).
[[nodiscard]] std::string frontend_page();

}  // namespace orrery::services
