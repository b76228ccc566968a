#pragma once

#include <string>

#include "services/patterns/twin.hpp"

namespace orrery::services {

/// The tables of "notification_db": processed_messages, notification_jobs. Statements end with ';'.
[[nodiscard]] std::string notification_schema(const Twin& twin);

}  // namespace orrery::services
