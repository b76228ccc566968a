// Functions about the server and its transactions, and the making of UUIDs (manual, 9.14 and 9.26).

#include <algorithm>
#include <charconv>

#include "sim/database/types/errors.hpp"
#include "sim/database/types/object_names.hpp"
#include "sim/database/types/postgres_names.hpp"
#include "sim/database/types/registry.hpp"

namespace orrery::sim::database {
namespace {

using Site = CallSite;
using Context = EvalContext;

[[noreturn]] void raise_unknown_setting(const std::string& name) {
  if (postgres_has_setting(name)) raise_unsupported("setting " + name);
  raise("42704", "unrecognized configuration parameter \"" + name + "\"");
}

/// RFC 4122 version 4.
Value random_uuid(Arguments, const Site&, const Context& context) {
  const std::uint64_t words[2] = {context.next_random(), context.next_random()};
  return Value::bytes_filled_by(16, [&](char* room) {
    for (std::size_t i = 0; i < 16; ++i) room[i] = static_cast<char>(words[i / 8] >> (8 * (7 - i % 8)));
    room[6] = static_cast<char>((room[6] & 0x0f) | 0x40);
    room[8] = static_cast<char>((room[8] & 0x3f) | 0x80);
  });
}

struct Snapshot {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  std::vector<std::uint64_t> running;
};

Snapshot read_snapshot(std::string_view text) {
  Snapshot snapshot;
  const char* const end = text.data() + text.size();
  const char* at = std::from_chars(text.data(), end, snapshot.low).ptr;
  at = std::from_chars(at + 1, end, snapshot.high).ptr;
  while (++at < end) {
    std::uint64_t id = 0;
    at = std::from_chars(at, end, id).ptr;
    snapshot.running.push_back(id);
  }
  return snapshot;
}

Value id_value(std::uint64_t id) { return Value::integer(static_cast<std::int64_t>(id)); }

}  // namespace

void register_system(Registry& registry) {
  registry.function("gen_random_uuid() -> uuid", random_uuid, kVolatile);
  const ScalarImplementation transaction_id = [](Arguments, const Site&, const Context& context) {
    return id_value(context.current_transaction_id());
  };
  const ScalarImplementation transaction_id_if_assigned = [](Arguments, const Site&, const Context& context) {
    const std::uint64_t id = context.current_transaction_id_if_assigned();
    return id == 0 ? Value() : id_value(id);
  };
  registry.function("pg_current_xact_id() -> xid8", transaction_id, kStable);
  registry.function("txid_current() -> int8", transaction_id, kStable);
  registry.function("pg_current_xact_id_if_assigned() -> xid8", transaction_id_if_assigned, kStable);
  registry.function("txid_current_if_assigned() -> int8", transaction_id_if_assigned, kStable);
  registry.function(
      "pg_current_snapshot() -> pg_snapshot",
      [](Arguments, const Site&, const Context& context) { return Value::bytes(context.current_snapshot()); }, kStable);
  registry.function("pg_snapshot_xmin(pg_snapshot) -> xid8",
                    [](Arguments a, const Site&, const Context&) { return id_value(read_snapshot(a[0].bytes()).low); });
  registry.function("pg_snapshot_xmax(pg_snapshot) -> xid8", [](Arguments a, const Site&, const Context&) {
    return id_value(read_snapshot(a[0].bytes()).high);
  });
  registry.set_function("pg_snapshot_xip(pg_snapshot) -> setof xid8",
                        [](Arguments a, const Site&, const Context&, std::vector<Value>& cells) {
                          for (const std::uint64_t id : read_snapshot(a[0].bytes()).running)
                            cells.push_back(id_value(id));
                        });
  registry.function("pg_visible_in_snapshot(xid8, pg_snapshot) -> bool", [](Arguments a, const Site&, const Context&) {
    const auto id = static_cast<std::uint64_t>(a[0].integer());
    const Snapshot snapshot = read_snapshot(a[1].bytes());
    if (id < snapshot.low) return Value::boolean(true);
    if (id >= snapshot.high) return Value::boolean(false);
    return Value::boolean(std::find(snapshot.running.begin(), snapshot.running.end(), id) == snapshot.running.end());
  });
  registry.function(
      "version() -> text",
      [](Arguments, const Site&, const Context&) { return Value::bytes("PostgreSQL 15.0 (simulated by Orrery)"); },
      kStable);
  registry.function(
      "current_setting(text) -> text",
      [](Arguments a, const Site&, const Context& context) {
        const std::optional<std::string> setting = context.setting(a[0].bytes());
        if (!setting) raise_unknown_setting(std::string(a[0].bytes()));
        return Value::bytes(*setting);
      },
      kStable);
  registry.function(
      "current_setting(text, bool) -> text",
      [](Arguments a, const Site&, const Context& context) {
        const std::optional<std::string> setting = context.setting(a[0].bytes());
        if (!setting && (!a[1].boolean() || postgres_has_setting(a[0].bytes()))) raise_unknown_setting(std::string(a[0].bytes()));
        return setting ? Value::bytes(*setting) : Value();
      },
      kStable);
  registry.function(
      "pg_typeof(any) -> regtype",
      [](Arguments, const Site& site, const Context& context) {
        const std::uint32_t oid = builtin_oid(site.arguments[0]);
        if (oid == 0) return context.object_named(Type::regtype, type_name(site.arguments[0]));
        return object_value(oid, type_name(site.arguments[0]));
      },
      kStable | kNullable);
  registry.function(
      "num_nulls(variadic any) -> int4",
      [](Arguments a, const Site&, const Context&) {
        return Value::integer(std::count_if(a.begin(), a.end(), [](const Value& v) { return v.is_null(); }));
      },
      kNullable);
  registry.function(
      "num_nonnulls(variadic any) -> int4",
      [](Arguments a, const Site&, const Context&) {
        return Value::integer(std::count_if(a.begin(), a.end(), [](const Value& v) { return !v.is_null(); }));
      },
      kNullable);
}

}  // namespace orrery::sim::database
