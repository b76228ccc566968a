#pragma once

#include "sim/database/plan.hpp"

namespace orrery::sim::database {

/// Computes the constant parts of a statement's expressions, as PostgreSQL's planner does (eval_const_expressions): what
/// fails there fails now, even where no row would come to need it; a strict call with a constant NULL is NULL, whatever its
/// other arguments are; AND, OR, CASE and COALESCE are cut short. Throws SqlError.
void fold_constants(StatementPlan& plan);

}  // namespace orrery::sim::database
