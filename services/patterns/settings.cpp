#include "services/patterns/settings.hpp"

#include <charconv>
#include <optional>
#include <utility>

namespace orrery::services {
namespace {

std::optional<Duration> parse_duration(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || count < 0) return std::nullopt;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  static constexpr std::pair<std::string_view, Duration> kUnits[] = {{"us", std::chrono::microseconds(1)},
                                                                     {"ms", std::chrono::milliseconds(1)},
                                                                     {"s", std::chrono::seconds(1)},
                                                                     {"m", std::chrono::minutes(1)},
                                                                     {"h", std::chrono::hours(1)}};
  for (const auto& [name, length] : kUnits) {
    if (unit == name && count <= Duration::max() / length) return count * length;
  }
  return std::nullopt;
}

}  // namespace

Settings::Settings(const Json& config, std::string path) : config_(&config), path_(std::move(path)) {
  if (!config.is_object()) throw SettingsError(path_ + ": expected an object");
}

Duration Settings::duration(std::string_view name, Duration standard, Duration low) {
  const Json* value = take(name);
  if (value == nullptr) return standard;
  const auto parsed = value->is_string() ? parse_duration(value->get_ref<const std::string&>()) : std::nullopt;
  if (!parsed) refuse(name, "expected a duration such as \"250ms\", \"30s\" or \"5m\"");
  if (*parsed < low) refuse(name, "must be at least " + to_string(low));
  return *parsed;
}

std::int64_t Settings::integer(std::string_view name, std::int64_t standard, std::int64_t low, std::int64_t high) {
  const Json* value = take(name);
  if (value == nullptr) return standard;
  if (!value->is_number_integer()) refuse(name, "expected an integer");
  const auto number = value->get<std::int64_t>();
  if (number < low || number > high) {
    refuse(name, "must be in " + std::to_string(low) + ".." + std::to_string(high));
  }
  return number;
}

bool Settings::flag(std::string_view name, bool standard) {
  const Json* value = take(name);
  if (value == nullptr) return standard;
  if (!value->is_boolean()) refuse(name, "expected true or false");
  return value->get<bool>();
}

std::string Settings::text(std::string_view name, std::string standard) {
  const Json* value = take(name);
  if (value == nullptr) return standard;
  if (!value->is_string()) refuse(name, "expected a string");
  return value->get<std::string>();
}

Settings Settings::section(std::string_view name) {
  static const Json kEmpty = Json::object();
  const Json* value = take(name);
  return {value == nullptr ? kEmpty : *value, path_ + "." + std::string(name)};
}

void Settings::refuse_unknown() const {
  for (const auto& [name, value] : config_->items()) {
    if (!known_.contains(name)) refuse(name, "there is no such setting");
  }
}

const Json* Settings::take(std::string_view name) {
  known_.emplace(name);
  const auto found = config_->find(name);
  return found == config_->end() ? nullptr : &*found;
}

void Settings::refuse(std::string_view name, std::string_view why) const {
  throw SettingsError(path_ + "." + std::string(name) + ": " + std::string(why));
}

}  // namespace orrery::services
