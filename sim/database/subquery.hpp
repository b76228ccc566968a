#pragma once

#include "sim/database/execution.hpp"

namespace orrery::sim::database {

/// A scalar, EXISTS, IN/ANY/ALL or ARRAY subquery; an uncorrelated one runs once in a statement. Throws 21000.
[[nodiscard]] Value evaluate_subquery(const Expr& expr, Execution& execution);

/// The rows of an uncorrelated subquery.
[[nodiscard]] SubqueryCache& cached_rows(const Expr& expr, Execution& execution);

}  // namespace orrery::sim::database
