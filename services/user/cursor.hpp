#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace orrery::services {

/// A place in the list of users, newest first: after this user. Opaque to clients, so that it may change; checked when
/// it comes back.
class Cursor {
 public:
  Cursor() = default;
  Cursor(std::int64_t created_us, std::string id) : created_us(created_us), id(std::move(id)) {}

  std::int64_t created_us = 0;  // microseconds since 1970
  std::string id;

  [[nodiscard]] std::string encode() const;
  /// nullopt: not one of ours.
  [[nodiscard]] static std::optional<Cursor> decode(std::string_view text);
};

}  // namespace orrery::services
