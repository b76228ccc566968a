#pragma once

#include <memory>

#include "sim/database/errors.hpp"
#include "sim/database/expression.hpp"

namespace orrery::sim::database {

/// An expression of which only what every kind has is said.
[[nodiscard]] inline std::shared_ptr<Expr> make_expr(ExprKind kind, TypeRef type, std::int32_t location) {
  auto expr = std::make_shared<Expr>();
  expr->kind = kind;
  expr->type = type;
  expr->position = position_of(location);
  return expr;
}

}  // namespace orrery::sim::database
