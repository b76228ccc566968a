#pragma once

#include "sim/database/plan.hpp"

namespace orrery::sim::database {

/// True if a call in the expression may give another value each time, or has an effect.
[[nodiscard]] bool is_volatile(const Expr& expr);

/// A right side that reads nothing of the left one, apart from equalities among its conditions, is hashed: without an
/// index the join would read it again for each left row.
void hash_if_possible(FromNode& join);

}  // namespace orrery::sim::database
