#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "runtime/json.hpp"
#include "runtime/time.hpp"

namespace orrery {

/// A plan that cannot be read. what() is one line: the path inside the document, and what is wrong there.
class MalformedPlan : public std::invalid_argument {
 public:
  MalformedPlan(const std::string& path, const std::string& what)
      : std::invalid_argument(path.empty() ? what : path + ": " + what) {}
};

/// Parses a document; MalformedPlan says line and column.
[[nodiscard]] Json parse_json(std::string_view text);

/// "faults[3]" of "faults" and 3.
[[nodiscard]] std::string element_path(std::string_view path, std::size_t index);

/// The members of a JSON object, read by name and type. Each error is a MalformedPlan with the member's path.
class JsonFields {
 public:
  /// Refuses what is no object, and members that are not among `known`: a member that is misspelt would be passed over.
  JsonFields(const Json& object, std::string path, std::initializer_list<std::string_view> known);

  [[nodiscard]] bool has(std::string_view name) const { return object_.contains(name); }
  [[nodiscard]] std::string path_of(std::string_view name) const;

  // A missing member is an error, too; the second form gives `otherwise` for it.
  [[nodiscard]] const Json& array(std::string_view name) const;
  [[nodiscard]] std::string text(std::string_view name) const;
  [[nodiscard]] std::string text(std::string_view name, std::string_view otherwise) const;
  /// Written "250ms", "-1.5s".
  [[nodiscard]] Duration duration(std::string_view name) const;
  [[nodiscard]] std::int64_t integer(std::string_view name) const;
  /// Below 2^64. Also as text in decimal: most programs that read JSON cannot hold more than 53 bits.
  [[nodiscard]] std::uint64_t natural(std::string_view name) const;

  [[noreturn]] void fail(std::string_view name, const std::string& what) const;

 private:
  [[nodiscard]] const Json& member(std::string_view name) const;
  const Json& object_;
  std::string path_;
};

}  // namespace orrery
