#pragma once

#include <cstdint>
#include <limits>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>

#include "runtime/json.hpp"
#include "runtime/time.hpp"

namespace orrery::services {

/// A setting that cannot be used; `what()` names its path: "user.relay.lease: expected a duration such as \"10s\"".
class SettingsError : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

/// Reads a service's settings, each with its default. A value of the wrong kind or out of range, and a name that nobody
/// asked for, are refused with their path.
class Settings {
 public:
  /// `config` must outlive the reader. Throws SettingsError if it is not an object.
  Settings(const Json& config, std::string path);

  /// "250ms", "30s", "5m", "24h": always with a unit. At least `low`.
  [[nodiscard]] Duration duration(std::string_view name, Duration standard, Duration low = 1us);
  [[nodiscard]] std::int64_t integer(std::string_view name, std::int64_t standard, std::int64_t low,
                                     std::int64_t high = std::numeric_limits<std::int64_t>::max());
  [[nodiscard]] bool flag(std::string_view name, bool standard);
  [[nodiscard]] std::string text(std::string_view name, std::string standard);
  /// A nested object; an empty one if absent.
  [[nodiscard]] Settings section(std::string_view name);

  /// To be called when everything was read: throws SettingsError for a name that was not asked for.
  void refuse_unknown() const;

 private:
  [[nodiscard]] const Json* take(std::string_view name);
  [[noreturn]] void refuse(std::string_view name, std::string_view why) const;

  const Json* config_;
  std::string path_;
  std::set<std::string, std::less<>> known_;
};

}  // namespace orrery::services
