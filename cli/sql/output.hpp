#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sim/database/engine.hpp"

namespace orrery::cli::sql {

/// A table as psql prints it (aligned, border 1), without the line that counts its rows. Cells may have several lines.
[[nodiscard]] std::string aligned_table(const std::vector<std::string>& header,
                                        const std::vector<std::vector<std::string>>& rows,
                                        const std::vector<bool>& right_aligned);

/// A statement's result as psql prints it: its rows with `(N rows)`, or its command tag; notices before.
[[nodiscard]] std::string result_text(const sim::database::StatementResult& result);

/// An error as libpq words it: "ERROR:  …", the line with a caret, DETAIL, HINT.
[[nodiscard]] std::string error_text(const sim::database::SqlError& error, std::string_view statement);

/// Characters, not bytes, of UTF-8 text.
[[nodiscard]] std::size_t width_of(std::string_view text) noexcept;

}  // namespace orrery::cli::sql
