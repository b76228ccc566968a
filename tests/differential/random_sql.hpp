#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::testing {

/// Random statements of one session over the supported surface: types, expressions, changes, constraints, transactions,
/// and mistakes. A seed always gives the same ones.
class RandomSql {
 public:
  explicit RandomSql(std::uint64_t seed) : state_(seed) { state_ = draw(); }

  /// Tables and their first rows.
  std::vector<std::string> schema();
  std::string statement();

 private:
  enum class Kind { integer, bigint, numeric, real, text, boolean, date, timestamptz, interval, jsonb, uuid, array };
  struct Column {
    std::string_view name;
    Kind kind;
  };

  std::uint64_t draw();
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(draw() % bound); }
  bool one_in(std::size_t n) { return below(n) == 0; }
  std::string_view pick(std::initializer_list<std::string_view> choices) { return choices.begin()[below(choices.size())]; }
  Kind any_kind() { return static_cast<Kind>(below(12)); }

  /// An expression of a kind; with columns of the table a where `has_row`.
  std::string expression(Kind kind, int depth, bool has_row);
  std::string literal(Kind kind);
  std::string call(Kind kind, int depth, bool has_row);
  std::string condition(bool has_row);
  /// Whatever operator on whatever operands.
  std::string wild(bool has_row);
  std::string select();
  std::string grouped();
  std::string insert();
  std::string update();
  std::string remove();
  std::string merge();
  std::string transaction();

  std::uint64_t state_;
};

}  // namespace orrery::testing
