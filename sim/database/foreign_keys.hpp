#pragma once

#include <cstdint>
#include <vector>

#include "runtime/task.hpp"
#include "sim/database/catalog.hpp"
#include "sim/database/session_impl.hpp"

namespace orrery::sim::database {

/// Throws 23503 unless the row of the child has its parent, which stays locked FOR KEY SHARE.
Task<> check_child(SessionImpl& session, const ForeignKey& key, const Value* row);
/// Children of a parent that is gone, or has another key: refused (23503), removed with it, or cut off.
Task<> check_parent(SessionImpl& session, const ForeignKey& key, const WriteRecord& write);
/// Throws 23503 unless each row of the child has its parent.
void check_children(SessionImpl& session, const ForeignKey& key);

/// Whether two rows agree in these columns; NULL is the same as NULL.
[[nodiscard]] bool same_key(const Table& table, const std::vector<std::uint32_t>& columns, const Value* a, const Value* b);
/// What the key does about such a change of the parent.
[[nodiscard]] KeyAction key_action(const ForeignKey& key, const WriteRecord& write);

}  // namespace orrery::sim::database
