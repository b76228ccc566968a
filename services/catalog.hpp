#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/context.hpp"

namespace orrery::services {

/// A service by its name, and the databases it opens.
struct ServiceEntry {
  std::string name;
  ServiceFactory factory;
  std::vector<std::string> databases;
};

/// A broken twin: selected with the setting "defect" of every service of its system, and built on `database_schema`.
struct DefectEntry {
  std::string name;
  int number = 0;        // in the literature list of docs/defects.md; 0: not listed there
  std::string mistake;   // one sentence
  std::string violates;  // the name of the property that is expected to find it
};

/// The services of the user/notification system (000): "user", "notification", "mail".
[[nodiscard]] std::vector<ServiceEntry> user_notification_services();
/// Its broken twins.
[[nodiscard]] std::vector<DefectEntry> user_notification_defects();

/// The schema of "user_db" or "notification_db", statements ending with ';'. A few twins lack a constraint.
/// CHECKs that the database is known.
[[nodiscard]] std::string database_schema(std::string_view database, std::string_view defect = {});

}  // namespace orrery::services
