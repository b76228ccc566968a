#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "services/catalog.hpp"

namespace orrery::services {

/// The services of MediaHub (001): "media-gateway", "media-command", "media-query", "media-album", "media-events",
/// "media-saga", "media-notification".
[[nodiscard]] std::vector<ServiceEntry> mediahub_services();
/// What people see of it: "media-frontend", a debug page. No part of a run: nothing depends on it.
[[nodiscard]] std::vector<ServiceEntry> mediahub_pages();
/// Its broken twins.
[[nodiscard]] std::vector<DefectEntry> mediahub_defects();
/// "event_db", "query_db", "album_db", "saga_db", "notice_db".
[[nodiscard]] std::vector<std::string> mediahub_databases();
/// The schema of one of them, statements ending with ';'. A few twins lack a constraint. CHECKs that it is known.
[[nodiscard]] std::string mediahub_schema(std::string_view database, std::string_view defect = {});

}  // namespace orrery::services
