#pragma once

#include <cstdint>
#include <string_view>

#include "sim/database/types/value.hpp"

namespace orrery::sim::database {

/// What extract() gives for a word such as "year"; null if an infinite time has no such part. Throw 22023 for a word that is
/// none, 0A000 for one that the type has not.
[[nodiscard]] Value extract_timestamp(std::string_view name, std::int64_t timestamp, bool with_zone);
[[nodiscard]] Value extract_date(std::string_view name, std::int64_t days);
[[nodiscard]] Value extract_time(std::string_view name, std::int64_t time);
[[nodiscard]] Value extract_interval(std::string_view name, const Interval& interval);

/// date_trunc(). `type` is the one that errors name.
[[nodiscard]] std::int64_t truncate_timestamp(std::string_view name, std::int64_t timestamp, std::string_view type);
[[nodiscard]] Value truncate_interval(std::string_view name, Interval interval);

}  // namespace orrery::sim::database
