#pragma once

#include <deque>
#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "sim/database/types/functions.hpp"

namespace orrery::sim::database {

// How the files of this folder offer their functions and operators. Nothing outside of the folder needs it.

using Arguments = std::span<const Value>;

enum FunctionFlags : unsigned {
  kImmutable = 0,
  kStable = 1,
  kVolatile = 2,
  kNullable = 4,  // not strict: it is called with NULLs too
};

/// All functions and operators, by name. Signatures are written as `name(type, …) -> type`; `?` after a type: it has a
/// default; `variadic` before the last: it repeats; `setof type` or `setof (name type, …)`: it gives rows. An argument
/// may carry a name (`secs float8?`). Operators: `type + type -> type` and `- type -> type`.
class Registry {
 public:
  Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  void function(std::string_view signature, ScalarImplementation call, unsigned flags = kImmutable);
  void set_function(std::string_view signature, SetImplementation call, unsigned flags = kImmutable);
  void aggregate(std::string_view signature, AggregateFactory factory);
  /// `direct`: how many of the arguments stand before WITHIN GROUP.
  void ordered_set_aggregate(std::string_view signature, std::uint8_t direct, AggregateFactory factory);
  void op(std::string_view signature, ScalarImplementation call, unsigned flags = kImmutable);

  [[nodiscard]] std::span<const Function* const> functions(std::string_view name) const;
  [[nodiscard]] std::span<const Function* const> operators(std::string_view name) const;

  [[nodiscard]] static const Registry& get();

 private:
  using Index = std::map<std::string_view, std::vector<const Function*>>;
  Function& add(std::string_view signature, unsigned flags);

  std::deque<Function> all_;
  Index functions_;
  Index operators_;
};

// One for each group of types; registry.cpp calls them.
void register_comparisons(Registry& registry);
void register_integers(Registry& registry);
void register_floats(Registry& registry);
void register_numeric(Registry& registry);
void register_text(Registry& registry);
void register_like(Registry& registry);
void register_bytes(Registry& registry);
void register_datetime(Registry& registry);
void register_intervals(Registry& registry);
void register_json(Registry& registry);
void register_jsonb(Registry& registry);
void register_json_builders(Registry& registry);
void register_arrays(Registry& registry);
void register_series(Registry& registry);
void register_aggregates(Registry& registry);
void register_json_aggregates(Registry& registry);
void register_statistics(Registry& registry);
void register_system(Registry& registry);
void register_catalogs(Registry& registry);  // of catalogs/functions.cpp

/// True if an expression of type `from` may stand where `to` is wanted, without a cast being written.
[[nodiscard]] bool coerces_implicitly(TypeRef from, TypeRef to);

}  // namespace orrery::sim::database
