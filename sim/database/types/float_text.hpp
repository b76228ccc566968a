#pragma once

#include <string>
#include <string_view>

namespace orrery::sim::database {

/// Shortest text that reads back as the same number, in PostgreSQL's form: `0.1`, `1e+20`, `Infinity`.
void append_float8(std::string& out, double number);
void append_float4(std::string& out, float number);

/// Throws 22P02 on bad syntax, 22003 `"1e999" is out of range for type double precision`.
[[nodiscard]] double float8_from_text(std::string_view text);
[[nodiscard]] float float4_from_text(std::string_view text);

}  // namespace orrery::sim::database
