#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "runtime/failure.hpp"
#include "runtime/task.hpp"
#include "runtime/time.hpp"

namespace orrery {

/// A command that the cache did not carry out, or of which no answer came.
class CacheFailed : public Failure {
 public:
  using Failure::Failure;
};

/// The number that a value stands for when it is counted on; nothing: it is no 64-bit integer.
[[nodiscard]] inline std::optional<std::int64_t> counted(std::string_view text) noexcept {
  std::int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stopped != end || text.empty()) return std::nullopt;
  return value;
}

/// A volatile key-value store: anything may be gone at any time (eviction, a flush, a failover). Each command is atomic. Times
/// to live are positive and counted in milliseconds, rounded up. All throw CacheFailed.
class Cache {
 public:
  /// nullopt: there is none, or no more.
  virtual Task<std::optional<std::string>> get(std::string key) = 0;
  virtual Task<void> set(std::string key, std::string value, Duration time_to_live) = 0;
  /// False: there is a value, which stays as it is, and as long.
  virtual Task<bool> set_if_absent(std::string key, std::string value, Duration time_to_live) = 0;
  /// False: there was none.
  virtual Task<bool> remove(std::string key) = 0;
  /// The sum. Without a value the key is created with `by`, and only then the time to live is set. A value that is no 64-bit
  /// integer, or a sum that is none, is refused (did not happen).
  virtual Task<std::int64_t> increment(std::string key, std::int64_t by, Duration time_to_live) = 0;

 protected:
  ~Cache() = default;
};

}  // namespace orrery
