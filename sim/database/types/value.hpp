#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/time.hpp"
#include "sim/database/types/type.hpp"

namespace orrery::sim::database {

class Value;

/// PostgreSQL's interval: three parts that are not interchangeable, since months and days vary in length.
struct Interval {
  std::int64_t microseconds = 0;
  std::int32_t days = 0;
  std::int32_t months = 0;

  friend bool operator==(const Interval&, const Interval&) = default;  // part by part; SQL's = is compare_values
};

struct ArrayData;
struct RecordData;

/// An SQL value without its type, which expressions know from their plan. 16 bytes; copying counts a reference (not
/// atomic: a database lives in one thread), heap data is immutable.
///
/// What a type holds:
///  - boolean, int2, int4, int8, oid, xid, xid8 (its 64 bits), date (days since 2000-01-01), time (µs), timestamp and
///    timestamptz (µs since 2000-01-01 00:00 UTC, PostgreSQL's epoch; INT64_MIN and INT64_MAX are -infinity and
///    infinity), tid (block << 16 | offset): `integer()`;
///  - float8, float4 (exactly its value): `real()`;
///  - text, varchar, bpchar, name, unknown, json, bytea, regtype, regclass, pg_snapshot (its text): `bytes()`; bpchar
///  is
///    stored with its padding;
///  - uuid: `bytes()`, 16 of them; jsonb: `bytes()` in the form of jsonb.hpp; interval: `interval()`;
///  - numeric: see numeric.hpp; an enum: `label()`; arrays: `array()`; records: `record()`; void: the empty text.
class Value {
 public:
  /// NULL.
  Value() noexcept { clear(); }
  Value(const Value& other) noexcept {
    std::memcpy(raw_, other.raw_, sizeof raw_);
    if (tag() >= Tag::heap_bytes) ++*reference_count();
  }
  Value(Value&& other) noexcept {
    std::memcpy(raw_, other.raw_, sizeof raw_);
    other.clear();
  }
  Value& operator=(const Value& other) noexcept {
    if (other.tag() >= Tag::heap_bytes) ++*other.reference_count();
    char copy[sizeof raw_];  // `other` may lie in what is released
    std::memcpy(copy, other.raw_, sizeof raw_);
    if (tag() >= Tag::heap_bytes) release();
    std::memcpy(raw_, copy, sizeof raw_);
    return *this;
  }
  Value& operator=(Value&& other) noexcept {
    if (this != &other) {
      if (tag() >= Tag::heap_bytes) release();
      std::memcpy(raw_, other.raw_, sizeof raw_);
      other.clear();
    }
    return *this;
  }
  ~Value() {
    if (tag() >= Tag::heap_bytes) release();
  }
  void swap(Value& other) noexcept {
    char copy[sizeof raw_];
    std::memcpy(copy, raw_, sizeof raw_);
    std::memcpy(raw_, other.raw_, sizeof raw_);
    std::memcpy(other.raw_, copy, sizeof raw_);
  }

  [[nodiscard]] static Value integer(std::int64_t number) noexcept { return Value(Tag::word, number); }
  [[nodiscard]] static Value boolean(bool truth) noexcept { return Value(Tag::word, truth ? 1 : 0); }
  [[nodiscard]] static Value real(double number) noexcept {
    return Value(Tag::word, std::bit_cast<std::int64_t>(number));
  }
  [[nodiscard]] static Value label(const EnumLabel& label) noexcept {
    return Value(Tag::word, std::bit_cast<std::int64_t>(&label));
  }
  /// Text or any other bytes; up to 14 of them need no allocation.
  [[nodiscard]] static Value bytes(std::string_view bytes);
  /// `size` bytes that `fill(char*)` writes at once.
  template <class Fill>
  [[nodiscard]] static Value bytes_filled_by(std::size_t size, Fill&& fill) {
    Value value;
    fill(value.make_room(size));
    return value;
  }
  [[nodiscard]] static Value interval(const Interval& interval);
  [[nodiscard]] static Value array(ArrayData array);
  [[nodiscard]] static Value record(RecordData record);
  /// coefficient × 10^-scale, exactly; numeric.hpp makes those that are too large for it.
  [[nodiscard]] static Value small_numeric(std::int64_t coefficient, std::uint16_t scale) noexcept {
    Value value(Tag::numeric, coefficient);
    std::memcpy(value.raw_ + 8, &scale, sizeof scale);
    return value;
  }

  /// The very same bits, or heap data: equal whatever the type. (Equal values need not be identical.)
  [[nodiscard]] bool is_identical(const Value& other) const noexcept { return std::memcmp(raw_, other.raw_, sizeof raw_) == 0; }
  [[nodiscard]] bool is_null() const noexcept { return tag() == Tag::null; }
  [[nodiscard]] std::int64_t integer() const noexcept {
    std::int64_t number;
    std::memcpy(&number, raw_, sizeof number);
    return number;
  }
  [[nodiscard]] bool boolean() const noexcept { return raw_[0] != 0; }
  [[nodiscard]] double real() const noexcept { return std::bit_cast<double>(integer()); }
  [[nodiscard]] const EnumLabel& label() const noexcept { return *std::bit_cast<const EnumLabel*>(integer()); }
  /// Valid as long as this very Value object: short bytes lie inside of it.
  [[nodiscard]] std::string_view bytes() const& noexcept {
    if (tag() == Tag::short_bytes) return {raw_, static_cast<unsigned char>(raw_[14])};
    const char* heap = std::bit_cast<const char*>(integer());
    std::uint32_t size;
    std::memcpy(&size, heap + 4, sizeof size);
    return {heap + 8, size};
  }
  std::string_view bytes() const&& = delete;
  [[nodiscard]] Interval interval() const noexcept {
    Interval interval;
    std::memcpy(&interval, bytes().data(), sizeof interval);
    return interval;
  }
  [[nodiscard]] const ArrayData& array() const noexcept { return *std::bit_cast<const ArrayData*>(integer()); }
  [[nodiscard]] const RecordData& record() const noexcept { return *std::bit_cast<const RecordData*>(integer()); }
  /// True of a numeric whose coefficient fits 64 bits: `integer()` is the coefficient.
  [[nodiscard]] bool is_small_numeric() const noexcept { return tag() == Tag::numeric; }
  [[nodiscard]] std::uint16_t small_numeric_scale() const noexcept {
    std::uint16_t scale;
    std::memcpy(&scale, raw_ + 8, sizeof scale);
    return scale;
  }
  /// Bytes on the heap that this value alone or together with others holds, for memory accounts.
  [[nodiscard]] std::size_t heap_size() const noexcept;

 private:
  enum class Tag : unsigned char { null, word, short_bytes, numeric, heap_bytes, heap_array, heap_record };
  static constexpr std::size_t kShort = 14;

  Value(Tag tag, std::int64_t word) noexcept {
    clear();
    std::memcpy(raw_, &word, sizeof word);
    raw_[15] = static_cast<char>(tag);
  }
  [[nodiscard]] Tag tag() const noexcept { return static_cast<Tag>(raw_[15]); }
  [[nodiscard]] std::uint32_t* reference_count() const noexcept { return std::bit_cast<std::uint32_t*>(integer()); }
  void clear() noexcept { std::memset(raw_, 0, sizeof raw_); }
  char* make_room(std::size_t size);  // of a NULL
  void release() noexcept;

  // [0, 8): word, coefficient or pointer; [0, 14): short bytes, [14] their number; [8, 10): scale; [15]: tag
  alignas(8) char raw_[16];
};
static_assert(sizeof(Value) == 16);

/// An array's content. PostgreSQL's arrays carry their element type, and so do these.
struct ArrayData {
  struct Dimension {
    std::int32_t length;
    std::int32_t lower_bound = 1;
    friend bool operator==(const Dimension&, const Dimension&) = default;
  };
  std::uint32_t references = 1;  // must stay first
  TypeRef element;
  std::vector<Dimension> dimensions;  // none: the empty array
  std::vector<Value> elements;        // row by row
};

/// Names and types of a record's fields.
struct RecordShape {
  std::vector<std::string> names;
  std::vector<TypeRef> types;
};

struct RecordData {
  std::uint32_t references = 1;  // must stay first
  std::shared_ptr<const RecordShape> shape;
  std::vector<Value> fields;
};

/// A one-dimensional array ({} of no elements).
[[nodiscard]] Value make_array(TypeRef element, std::vector<Value> elements);

/// btree order of a type: negative, 0, positive. Neither side is NULL. Text compares byte by byte (C collation).
using CompareFunction = int (*)(const Value&, const Value&);
/// Values that the type's `=` calls equal have equal hashes; the same in every build.
using HashFunction = std::uint64_t (*)(const Value&);

/// Null: the type has no order (json, xid, point…).
[[nodiscard]] CompareFunction compare_function(TypeRef type) noexcept;
/// Null: the type has no equality (json).
[[nodiscard]] HashFunction hash_function(TypeRef type) noexcept;
/// Equality alone; for most types faster than a comparison. Null: there is none (json).
using EqualFunction = bool (*)(const Value&, const Value&);
[[nodiscard]] EqualFunction equal_function(TypeRef type) noexcept;

/// For places that are not hot. CHECKs that the type has an order.
[[nodiscard]] int compare_values(TypeRef type, const Value& left, const Value& right);

/// Spreads 64 bits; for combining hashes: `mix_hash(seed ^ hash)`.
[[nodiscard]] constexpr std::uint64_t mix_hash(std::uint64_t x) noexcept {
  x ^= x >> 32;
  x *= 0x9e3779b97f4a7c15ULL;
  x ^= x >> 29;
  x *= 0xbf58476d1ce4e5b9ULL;
  x ^= x >> 32;
  return x;
}

/// µs between PostgreSQL's epoch (2000-01-01) and Unix's.
inline constexpr std::int64_t kPostgresEpochUs = 946'684'800'000'000;
[[nodiscard]] inline Value timestamptz_value(SystemTime time) noexcept {
  return Value::integer(time.time_since_epoch().count() - kPostgresEpochUs);
}
[[nodiscard]] inline SystemTime system_time_of(const Value& timestamptz) noexcept {
  return SystemTime(std::chrono::microseconds(timestamptz.integer() + kPostgresEpochUs));
}

}  // namespace orrery::sim::database
