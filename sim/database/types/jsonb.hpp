#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/database/types/value.hpp"

namespace orrery::sim::database {

enum class JsonKind : std::uint8_t { null, string, number, boolean, array, object };

/// A node of a parsed jsonb document: a view into one flat run of bytes, without pointers, so that any node can be
/// copied out as a document of its own.
///
/// Form: a head word (kind in the low 4 bits, then a count or truth value); a string: then its bytes; a number: then
/// the numeric's bytes; an array or object: a word with the node's whole size, the children's nodes (an object's keys
/// between them), and at the end a table of offsets from the node's start: a word for each element, or three words for
/// each pair (key, its length, value) in the order of PostgreSQL: shorter keys first, then by bytes.
class JsonbView {
 public:
  explicit JsonbView(const Value& jsonb) noexcept : node_(jsonb.bytes().data()) {}
  explicit JsonbView(Value&&) = delete;
  explicit JsonbView(const char* node) noexcept : node_(node) {}

  [[nodiscard]] JsonKind kind() const noexcept { return static_cast<JsonKind>(head() & 15); }
  [[nodiscard]] bool is_container() const noexcept { return kind() >= JsonKind::array; }
  [[nodiscard]] bool truth() const noexcept { return (head() >> 4) != 0; }
  [[nodiscard]] std::string_view string() const noexcept { return {node_ + 4, head() >> 4}; }
  [[nodiscard]] Value number() const;
  /// Elements of an array, pairs of an object.
  [[nodiscard]] std::uint32_t count() const noexcept { return head() >> 4; }
  [[nodiscard]] JsonbView element(std::uint32_t index) const noexcept {
    return JsonbView(node_ + word(size() - 4 * (count() - index)));
  }
  [[nodiscard]] std::string_view key(std::uint32_t index) const noexcept {
    const std::uint32_t entry = size() - 12 * (count() - index);
    return {node_ + word(entry), word(entry + 4)};
  }
  [[nodiscard]] JsonbView value(std::uint32_t index) const noexcept {
    return JsonbView(node_ + word(size() - 12 * (count() - index) + 8));
  }
  /// Of an object.
  [[nodiscard]] std::optional<JsonbView> find(std::string_view key) const noexcept;
  /// The bytes of this node, which are a document of their own.
  [[nodiscard]] std::string_view bytes() const noexcept { return {node_, size()}; }

 private:
  [[nodiscard]] std::uint32_t word(std::uint32_t offset) const noexcept {
    std::uint32_t word;
    std::memcpy(&word, node_ + offset, sizeof word);
    return word;
  }
  [[nodiscard]] std::uint32_t head() const noexcept { return word(0); }
  [[nodiscard]] std::uint32_t size() const noexcept;

  const char* node_;
};

/// Writes a document from its beginning to its end. Of equal keys the last one counts.
class JsonbBuilder {
 public:
  void null();
  void boolean(bool truth);
  void string(std::string_view text);
  void number(const Value& numeric);
  void copy(JsonbView node);
  void begin_array();
  void end_array();
  void begin_object();
  /// Before each value of an object.
  void key(std::string_view key);
  void end_object();

  [[nodiscard]] Value finish() { return Value::bytes(out_); }

 private:
  struct Entry {
    std::uint32_t key = 0;
    std::uint32_t key_size = 0;
    std::uint32_t value = 0;
  };
  struct Level {
    std::uint32_t start;
    bool is_object;
    std::vector<Entry> entries;
  };
  void begin_value();
  void begin_container(bool is_object);
  void end_container();
  void append_word(std::uint32_t word);
  void set_word(std::uint32_t place, std::uint32_t word);

  std::string out_;
  std::vector<Level> levels_;
};

/// Throws 22P02 `invalid input syntax for type json` with PostgreSQL's detail, 22P05 for \u0000.
[[nodiscard]] Value parse_jsonb(std::string_view text);
/// As PostgreSQL prints jsonb: `{"a": 1, "b": [1, 2]}`.
void append_jsonb(std::string& out, JsonbView node);
/// jsonb_pretty's form.
void append_jsonb_pretty(std::string& out, JsonbView node);
/// A JSON string in quotes with what must be escaped escaped.
void append_json_string(std::string& out, std::string_view text);

/// btree order of whole documents.
[[nodiscard]] int compare_jsonb_documents(JsonbView left, JsonbView right);
[[nodiscard]] std::uint64_t hash_jsonb_node(JsonbView node);
/// `left @> right`.
[[nodiscard]] bool jsonb_contains(JsonbView left, JsonbView right);

[[nodiscard]] const char* json_kind_name(JsonKind kind) noexcept;

/// A value as an object's key. Throws 22023 for what is not a scalar. Not for NULL.
[[nodiscard]] std::string json_key_text(TypeRef type, const Value& value);
/// Any value as jsonb, as to_jsonb() does. NULL becomes JSON null.
void append_to_jsonb(JsonbBuilder& builder, TypeRef type, const Value& value);
/// Any value as JSON text, as to_json() does.
void append_to_json(std::string& out, TypeRef type, const Value& value);

}  // namespace orrery::sim::database
