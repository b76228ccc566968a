#include "scenarios/scenario.hpp"
#include "scenarios/user_notification.hpp"

namespace orrery {

Catalog built_in_catalog() {
  Catalog catalog;
  catalog.scenarios.push_back(user_notification());
  return catalog;
}

}  // namespace orrery
