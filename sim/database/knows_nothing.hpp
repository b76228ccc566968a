#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sim/database/types/value.hpp"

namespace orrery::sim::database {

/// Thrown where the value of an expression depends on more than the expression.
struct NotConstant {};

/// An evaluation context (`Base`) without time, settings and transaction: what can be computed in it is constant.
template <class Base>
class KnowsNothing : public Base {
 public:
  using Base::Base;
  [[nodiscard]] std::int64_t transaction_time() const override { throw NotConstant{}; }
  [[nodiscard]] std::int64_t statement_time() const override { throw NotConstant{}; }
  [[nodiscard]] std::int64_t clock_time() const override { throw NotConstant{}; }
  [[nodiscard]] std::uint64_t next_random() const override { throw NotConstant{}; }
  [[nodiscard]] std::uint64_t current_transaction_id() const override { throw NotConstant{}; }
  [[nodiscard]] std::uint64_t current_transaction_id_if_assigned() const override { throw NotConstant{}; }
  [[nodiscard]] std::string current_snapshot() const override { throw NotConstant{}; }
  [[nodiscard]] std::optional<std::string> setting(std::string_view) const override { throw NotConstant{}; }
  [[nodiscard]] Value object_named(Type, std::string_view) const override { throw NotConstant{}; }
  [[nodiscard]] Value object_numbered(Type, std::uint32_t) const override { throw NotConstant{}; }
};

}  // namespace orrery::sim::database
