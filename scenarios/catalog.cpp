#include "scenarios/media_upload.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/user_notification.hpp"

namespace orrery {

Catalog built_in_catalog() {
  Catalog catalog;
  catalog.scenarios.push_back(user_notification());
  catalog.scenarios.push_back(media_upload());
  return catalog;
}

}  // namespace orrery
