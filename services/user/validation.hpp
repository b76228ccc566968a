#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/json.hpp"

namespace orrery::services {

/// Input that is not acceptable; `what` says which part and why, for the caller.
class Invalid {
 public:
  std::string what;
};

/// Either a value or why there is none.
template <class T>
class Checked {
 public:
  Checked(T value) : value_(std::move(value)) {}
  Checked(Invalid invalid) : invalid_(std::move(invalid)) {}
  [[nodiscard]] explicit operator bool() const noexcept { return value_.has_value(); }
  [[nodiscard]] const T& operator*() const { return *value_; }
  [[nodiscard]] const T* operator->() const { return &*value_; }
  [[nodiscard]] const std::string& why() const noexcept { return invalid_.what; }

 private:
  std::optional<T> value_;
  Invalid invalid_;
};

/// Not an aggregate, as all that is handed to a coroutine: see the g++ 12 hazards in docs/decisions/0001-task.md.
class NewUser {
 public:
  NewUser() = default;

  std::string email;  // in lower case: two spellings of one address are one user
  std::string name;
};

inline constexpr std::size_t kMaxRequestBody = 64 * 1024;

/// {"email": …, "name": …}, and no other members.
[[nodiscard]] Checked<NewUser> parse_new_user(std::string_view body);
/// {"name": …}, and no other members.
[[nodiscard]] Checked<std::string> parse_new_name(std::string_view body);
/// A JSON object, all of whose members are among the two names.
[[nodiscard]] Checked<Json> parse_object(std::string_view body, std::string_view member, std::string_view other = {});

/// As the HTML standard has it (a practical part of RFC 5322), with the lengths of RFC 5321, 4.5.3.1: at most 254
/// octets, 64 before the @. ASCII only.
[[nodiscard]] bool is_email(std::string_view text) noexcept;
/// 1..200 code points of valid UTF-8, no control characters, not only spaces.
[[nodiscard]] bool is_name(std::string_view text) noexcept;
/// The 36-character form, in any case.
[[nodiscard]] bool is_uuid(std::string_view text) noexcept;
/// 1..255 visible ASCII characters, as in a header field.
[[nodiscard]] bool is_idempotency_key(std::string_view text) noexcept;
/// A decimal integer within the bounds.
[[nodiscard]] std::optional<std::int64_t> parse_integer(std::string_view text, std::int64_t low,
                                                        std::int64_t high) noexcept;

}  // namespace orrery::services
