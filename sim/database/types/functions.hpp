#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/sql.hpp"
#include "sim/database/engine.hpp"
#include "sim/database/types/type.hpp"
#include "sim/database/types/value.hpp"

namespace orrery::sim::database {

/// What functions may ask of the running statement. Times are timestamptz values (µs since 2000-01-01 UTC).
class EvalContext {
 public:
  [[nodiscard]] virtual std::int64_t transaction_time() const = 0;
  [[nodiscard]] virtual std::int64_t statement_time() const = 0;
  [[nodiscard]] virtual std::int64_t clock_time() const = 0;
  /// 64 uniform bits, for random() and gen_random_uuid().
  [[nodiscard]] virtual std::uint64_t next_random() const = 0;
  /// Assigns a transaction id if there is none yet.
  [[nodiscard]] virtual std::uint64_t current_transaction_id() const = 0;
  /// 0: none is assigned.
  [[nodiscard]] virtual std::uint64_t current_transaction_id_if_assigned() const = 0;
  /// "xmin:xmax:xip,…", the text of pg_current_snapshot().
  [[nodiscard]] virtual std::string current_snapshot() const = 0;
  /// current_setting(name); nothing: there is no such setting.
  [[nodiscard]] virtual std::optional<std::string> setting(std::string_view name) const = 0;
  /// A regclass, regtype, … by its text, and by its OID (see object_names.hpp). Throws 42P01, 42704, ….
  [[nodiscard]] virtual Value object_named(Type type, std::string_view text) const = 0;
  [[nodiscard]] virtual Value object_numbered(Type type, std::uint32_t oid) const = 0;

 protected:
  ~EvalContext() = default;
};

// ---------------------------------------------------------------------------------------------- text and SqlValue

/// A type's input function with its typmod applied as an explicit cast of a literal does. Throws SqlError (22P02,
/// 22007, 22008, 22003, …) with PostgreSQL's text. Without a context, 'now', 'today' and the like are refused.
[[nodiscard]] Value input_text(TypeRef type, std::string_view text, const EvalContext* context = nullptr);
/// The type's output function (bytea as hex, times in ISO style and UTC). Not for NULL.
[[nodiscard]] std::string output_text(TypeRef type, const Value& value);
void append_output_text(std::string& out, TypeRef type, const Value& value);

/// The text that a cast to text gives, which of a boolean is "true" and not "t". Not for NULL.
[[nodiscard]] std::string text_of(TypeRef type, const Value& value);

/// A parameter as the type that the analyzer gave it. An int64 is range-checked for int2 and int4 (22003); text goes
/// through the type's input function; a number or a boolean for another type is taken by its text.
[[nodiscard]] Value from_sql_value(const SqlValue& parameter, TypeRef type, const EvalContext* context = nullptr);
/// A result cell: boolean, int2/4/8 and float4/8 as typed alternatives, void as NULL-like empty text, all else as text.
[[nodiscard]] SqlValue to_sql_value(const Value& value, TypeRef type);
/// The same as one more cell.
void append_sql_value(const Value& value, const TypeRef& type, std::vector<SqlValue>& cells);

// ----------------------------------------------------------------------------------------------------------- casts

enum class CastContext : std::uint8_t {
  implicit,    // anywhere in an expression
  assignment,  // INSERT, UPDATE
  explicit_,   // CAST, ::
};

struct Cast;
using CastImplementation = Value (*)(const Value& value, const Cast& cast, const EvalContext* context);

/// How to turn a value of one type into another, typmod included.
struct Cast {
  TypeRef from;
  TypeRef to;
  CastContext context = CastContext::implicit;
  CastImplementation call = nullptr;         // null: the value is the same
  CastImplementation typmod_call = nullptr;  // after `call`: brings it into the typmod; null: nothing to do
  std::shared_ptr<const Cast> element;       // of an array cast

  [[nodiscard]] bool is_identity() const noexcept { return call == nullptr && typmod_call == nullptr; }
  /// NULL stays NULL.
  [[nodiscard]] Value operator()(Value value, const EvalContext* evaluation = nullptr) const {
    if (value.is_null()) return value;
    if (call != nullptr) value = call(value, *this, evaluation);
    if (typmod_call != nullptr) value = typmod_call(value, *this, evaluation);
    return value;
  }
};

/// Throws 0A000 if PostgreSQL has such a cast and the simulation has not.
void refuse_unsimulated_cast(TypeRef from, TypeRef to);
/// Nothing: there is no such cast in this context (the caller reports 42846 for explicit ones, 42804 for assignments).
/// `from` may be unknown: then it is the input function. A cast to the same type applies the typmod, if that differs.
[[nodiscard]] std::optional<Cast> find_cast(TypeRef from, TypeRef to, CastContext context);
/// True of a cast that PostgreSQL calls stable: its result may depend on settings (time zone, date style), so that it is no
/// constant, even if its operand is one.
[[nodiscard]] bool is_stable_cast(TypeRef from, TypeRef to) noexcept;

// ------------------------------------------------------------------------------------------------------- functions

enum class Volatility : std::uint8_t { immutable, stable, volatile_ };
enum class FunctionKind : std::uint8_t { scalar, set_returning, aggregate, ordered_set_aggregate };

/// What is known about a call when it is compiled: polymorphic and variadic functions look up here what they work on.
struct CallSite {
  std::vector<TypeRef> arguments;  // of each argument, after coercion
  TypeRef result;                  // of set-returning functions with several columns: record
};

/// For a strict function no argument is NULL (the caller answers NULL by itself).
using ScalarImplementation = Value (*)(std::span<const Value> arguments, const CallSite& site,
                                       const EvalContext& context);
/// Appends rows, cell after cell.
using SetImplementation = void (*)(std::span<const Value> arguments, const CallSite& site, const EvalContext& context,
                                   std::vector<Value>& cells);

/// The state of one aggregate over one group.
class Aggregator {
 public:
  virtual ~Aggregator() = default;
  /// One row's arguments, NULLs included (the aggregate skips them itself, if it does). None for count(*).
  virtual void add(std::span<const Value> arguments) = 0;
  /// The result over what was added so far; more may be added afterwards (running sums of window functions).
  [[nodiscard]] virtual Value result() const = 0;
};
/// `direct`: the direct arguments of an ordered-set aggregate, as the fraction of percentile_cont; the caller adds rows
/// in the order of WITHIN GROUP (ORDER BY …). FILTER, DISTINCT and ORDER BY are the caller's.
using AggregateFactory = std::unique_ptr<Aggregator> (*)(const CallSite& site, std::span<const Value> direct);

struct Function {
  std::string_view name;  // "lower", or of an operator "->>"
  FunctionKind kind = FunctionKind::scalar;
  bool is_strict = true;
  Volatility volatility = Volatility::immutable;
  bool is_variadic = false;           // the last argument type repeats (its element type, if it is an array)
  std::uint8_t direct_arguments = 0;  // of an ordered-set aggregate: the first ones in `arguments`
  /// So many of the last arguments may be left out. They are passed as NULL, also to a strict function, which takes
  /// that for its default.
  std::uint8_t default_arguments = 0;
  std::vector<TypeRef> arguments;
  TypeRef result;
  std::vector<std::string_view> argument_names;  // for named notation (make_interval); may be empty
  std::vector<std::string_view> column_names;    // of a set-returning function with several columns
  std::vector<TypeRef> column_types;
  ScalarImplementation call = nullptr;
  SetImplementation call_set = nullptr;
  AggregateFactory aggregate = nullptr;
};

/// A chosen function. The caller coerces argument i to `site.arguments[i]` with find_cast(…, implicit), or input_text
/// for a literal of unknown type; a parameter of unknown type takes that type.
struct ResolvedCall {
  const Function* function = nullptr;
  CallSite site;
  /// In named notation: given argument i stands at places[i]. Empty: each at its own place.
  std::vector<std::size_t> places;
  std::vector<std::string> column_names;  // of a set-returning function
  std::vector<TypeRef> column_types;
};

/// Chooses by PostgreSQL's rules (manual, chapter 10.2). A prefix operator has no left type. Throws SqlError:
/// 42883 `operator does not exist: text = integer`, 42725 when several fit equally well.
[[nodiscard]] ResolvedCall resolve_operator(std::string_view name, std::optional<TypeRef> left, TypeRef right);

/// Chooses by PostgreSQL's rules (manual, chapter 10.3). `argument_names`: empty, or as long as `arguments`, with ""
/// for arguments that were given by position. An ordered-set aggregate gets its direct arguments first and then the
/// sort expressions. count(*) is count without arguments. Throws SqlError: 42883 `function foo(integer) does not
/// exist`, 42725.
[[nodiscard]] ResolvedCall resolve_function(std::string_view name, std::span<const TypeRef> arguments,
                                            std::span<const std::string> argument_names = {});
/// True if there is any function of this name.
[[nodiscard]] bool function_exists(std::string_view name) noexcept;

/// The common type of CASE, UNION, VALUES, ARRAY[], COALESCE, GREATEST and IN lists (manual, chapter 10.5). Unknown
/// only: text. `construct` is the word in the error: `CASE types integer and text cannot be matched` (42804).
[[nodiscard]] TypeRef common_type(std::span<const TypeRef> types, std::string_view construct);

}  // namespace orrery::sim::database
