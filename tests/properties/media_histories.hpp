#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/properties/media_script.hpp"

namespace orrery::testing {

using Writes = std::function<void(Hub&)>;

/// For one property: histories that it must accept, having judged something, and histories that it must refuse, each with the shape of
/// a violation that it must name. Of a `sometimes`: `accepts` are those in which it happens, `refuses` those in which it does not.
struct Histories {
  std::vector<Writes> accepts;
  struct Refused {
    std::string shape;
    Writes writes;
  };
  std::vector<Refused> refuses;
};
using HistoriesByProperty = std::map<std::string, Histories>;

[[nodiscard]] HistoriesByProperty histories_of_events();
[[nodiscard]] HistoriesByProperty histories_of_sagas();
[[nodiscard]] HistoriesByProperty histories_of_clients();
[[nodiscard]] HistoriesByProperty histories_of_sometimes();

}  // namespace orrery::testing
