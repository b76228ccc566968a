#include "properties/judge.hpp"

namespace orrery {

std::vector<JudgedProperty> judge(const std::vector<Property>& properties, const History& history) {
  const HistoryIndex index(history);
  std::vector<JudgedProperty> judged;
  judged.reserve(properties.size());
  for (const Property& property : properties) {
    judged.push_back({std::make_shared<const Property>(property), property.check(index)});
  }
  return judged;
}

}  // namespace orrery
