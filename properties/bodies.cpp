#include "properties/bodies.hpp"

namespace orrery {

Json parse_body(std::string_view body) { return Json::parse(body, nullptr, false); }

std::string member_text(const Json& object, const char* name) {
  if (!object.is_object()) return {};
  const auto found = object.find(name);
  if (found == object.end()) return {};
  return found->is_string() ? found->get<std::string>() : found->dump();
}

}  // namespace orrery
