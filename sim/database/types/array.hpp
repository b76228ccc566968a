#pragma once

#include <string>
#include <string_view>

#include "sim/database/types/functions.hpp"

namespace orrery::sim::database {

/// PostgreSQL's `{1,NULL,"a b"}`, also of several dimensions. Throws 22P02 `malformed array literal`.
[[nodiscard]] Value array_from_text(TypeRef element, std::string_view text, const EvalContext* context);
void append_array(std::string& out, const ArrayData& array);
/// `(1,"a b",)`
void append_record(std::string& out, const RecordData& record);

}  // namespace orrery::sim::database
