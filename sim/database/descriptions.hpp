#pragma once

#include <vector>

#include "sim/database/catalog.hpp"
#include "sim/database/engine.hpp"

namespace orrery::sim::database {

/// Committed relations by schema and name.
[[nodiscard]] std::vector<RelationDescription> describe_relations(const Catalog& catalog);

}  // namespace orrery::sim::database
