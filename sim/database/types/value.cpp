#include "sim/database/types/value.hpp"

#include <cstdlib>
#include <new>

#include "runtime/check.hpp"
#include "sim/database/types/errors.hpp"

namespace orrery::sim::database {
namespace {

constexpr std::size_t kHeader = 8;                            // heap bytes: a reference count, a size, the bytes
constexpr std::size_t kLargest = (std::size_t{1} << 30) - 4;  // PostgreSQL's largest value

}  // namespace

char* Value::make_room(std::size_t size) {
  if (size <= kShort) {
    raw_[14] = static_cast<char>(size);
    raw_[15] = static_cast<char>(Tag::short_bytes);
    return raw_;
  }
  if (size > kLargest) raise("54000", "invalid memory alloc request size " + std::to_string(size));
  char* heap = static_cast<char*>(std::malloc(kHeader + size));
  if (heap == nullptr) throw std::bad_alloc();
  const std::uint32_t head[2] = {1, static_cast<std::uint32_t>(size)};
  std::memcpy(heap, head, sizeof head);
  std::memcpy(raw_, &heap, sizeof heap);
  raw_[15] = static_cast<char>(Tag::heap_bytes);
  return heap + kHeader;
}

Value Value::bytes(std::string_view bytes) {
  Value value;
  char* room = value.make_room(bytes.size());
  if (!bytes.empty()) std::memcpy(room, bytes.data(), bytes.size());
  return value;
}

Value Value::interval(const Interval& interval) {
  static_assert(sizeof(Interval) == 16);
  Value value;
  std::memcpy(value.make_room(sizeof interval), &interval, sizeof interval);
  return value;
}

Value Value::array(ArrayData array) {
  array.references = 1;
  return Value(Tag::heap_array, std::bit_cast<std::int64_t>(new ArrayData(std::move(array))));
}

Value Value::record(RecordData record) {
  record.references = 1;
  return Value(Tag::heap_record, std::bit_cast<std::int64_t>(new RecordData(std::move(record))));
}

void Value::release() noexcept {
  if (--*reference_count() != 0) return;
  switch (tag()) {
    case Tag::heap_bytes:
      std::free(std::bit_cast<void*>(integer()));
      break;
    case Tag::heap_array:
      delete std::bit_cast<ArrayData*>(integer());
      break;
    case Tag::heap_record:
      delete std::bit_cast<RecordData*>(integer());
      break;
    default:
      CHECK(false, "a value without heap data was released");
  }
}

std::size_t Value::heap_size() const noexcept {
  std::size_t size = 0;
  switch (tag()) {
    case Tag::heap_bytes:
      return kHeader + bytes().size();
    case Tag::heap_array:
      size = sizeof(ArrayData) + array().elements.size() * sizeof(Value);
      for (const Value& element : array().elements) size += element.heap_size();
      return size;
    case Tag::heap_record:
      size = sizeof(RecordData) + record().fields.size() * sizeof(Value);
      for (const Value& field : record().fields) size += field.heap_size();
      return size;
    default:
      return 0;
  }
}

Value make_array(TypeRef element, std::vector<Value> elements) {
  ArrayData array;
  array.element = element.without_typmod();
  if (!elements.empty()) array.dimensions.push_back({static_cast<std::int32_t>(elements.size()), 1});
  array.elements = std::move(elements);
  return Value::array(std::move(array));
}

int compare_values(TypeRef type, const Value& left, const Value& right) {
  const CompareFunction compare = compare_function(type);
  CHECK(compare != nullptr, "the type has no order");
  return compare(left, right);
}

}  // namespace orrery::sim::database
