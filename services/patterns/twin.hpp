#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace orrery::services {

/// Which broken twin of the system runs: the same code with one documented mistake in it, listed in
/// services/catalog.cpp. Every place that differs is marked `// twin: <name>`. Empty: the correct system.
class Twin {
 public:
  Twin() = default;
  explicit Twin(std::string name) : name_(std::move(name)) {}
  [[nodiscard]] bool is(std::string_view name) const noexcept { return name_ == name; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  std::string name_;
};

}  // namespace orrery::services
