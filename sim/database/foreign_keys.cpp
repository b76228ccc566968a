#include <algorithm>

#include "sim/database/constraints.hpp"
#include "sim/database/errors.hpp"
#include "sim/database/row_locks.hpp"
#include "sim/database/row_writes.hpp"
#include "sim/database/utility.hpp"

namespace orrery::sim::database {

void add_foreign_key(SessionImpl& session, Table& table, const PgQuery__Constraint& constraint,
                     const std::string& only_column) {
  (void)session;
  (void)table;
  (void)only_column;
  fail_unsupported("FOREIGN KEY", position_of(constraint.location));
}

Task<> check_foreign_keys(SessionImpl& session, std::size_t first_write) {
  (void)session;
  (void)first_write;
  co_return;
}

Task<> check_deferred(SessionImpl& session) {
  (void)session;
  co_return;
}

}  // namespace orrery::sim::database
