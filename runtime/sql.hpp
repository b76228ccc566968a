#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/check.hpp"
#include "runtime/failure.hpp"

namespace orrery {

/// A parameter or a result cell. Types without an alternative of their own (uuid, jsonb, timestamptz, numeric, bytea, …)
/// travel as PostgreSQL's text form of them, as they do through libpq. A text parameter takes the type that the
/// statement gives it.
class SqlValue {
 public:
  using Variant = std::variant<std::monostate, bool, std::int64_t, double, std::string>;

  SqlValue() = default;  // NULL
  SqlValue(std::nullptr_t) {}
  SqlValue(bool value) : value_(value) {}
  template <class T>
    requires(std::is_integral_v<T> && !std::is_same_v<T, bool>)
  SqlValue(T value) : value_(static_cast<std::int64_t>(value)) {}
  SqlValue(double value) : value_(value) {}
  SqlValue(std::string value) : value_(std::move(value)) {}
  SqlValue(std::string_view value) : value_(std::string(value)) {}
  SqlValue(const char* value) : value_(std::string(value)) {}

  [[nodiscard]] bool is_null() const noexcept { return value_.index() == 0; }
  [[nodiscard]] const Variant& variant() const noexcept { return value_; }
  [[nodiscard]] Variant& variant() noexcept { return value_; }

  /// The value as PostgreSQL prints it ("t", "42", "2024-01-02 03:04:05+00"); NULL gives "".
  [[nodiscard]] std::string text() const;
  /// CHECKs that the cell is an integer (or text that is one).
  [[nodiscard]] std::int64_t integer() const;
  [[nodiscard]] double real() const;
  [[nodiscard]] bool boolean() const;

  friend bool operator==(const SqlValue&, const SqlValue&) = default;

 private:
  Variant value_;
};

/// bytea's hex form, `\x…`, for a parameter.
[[nodiscard]] std::string sql_bytes(std::string_view bytes);

struct RowShape {
  std::vector<std::string> columns;
  /// CHECKs that the column exists.
  [[nodiscard]] std::size_t index_of(std::string_view column) const;
};

/// One row of a result; valid as long as its Rows.
class Row {
 public:
  Row(const RowShape& shape, const SqlValue* cells) : shape_(&shape), cells_(cells) {}
  [[nodiscard]] const SqlValue& operator[](std::size_t column) const { return cells_[column]; }
  [[nodiscard]] const SqlValue& operator[](std::string_view column) const { return cells_[shape_->index_of(column)]; }
  [[nodiscard]] const RowShape& shape() const { return *shape_; }

 private:
  const RowShape* shape_;
  const SqlValue* cells_;
};

/// The result of one statement.
class Rows {
 public:
  Rows() = default;
  Rows(std::shared_ptr<const RowShape> shape, std::vector<SqlValue> cells, std::int64_t affected)
      : shape_(std::move(shape)), cells_(std::move(cells)), affected_(affected) {}

  [[nodiscard]] std::size_t size() const noexcept {
    return shape_ == nullptr || shape_->columns.empty() ? 0 : cells_.size() / shape_->columns.size();
  }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] Row operator[](std::size_t row) const {
    CHECK(row < size(), "row out of range");
    return Row(*shape_, cells_.data() + row * shape_->columns.size());
  }
  /// Rows inserted, updated, deleted, locked or returned: the number in PostgreSQL's command tag.
  [[nodiscard]] std::int64_t affected() const noexcept { return affected_; }
  [[nodiscard]] const std::shared_ptr<const RowShape>& shape() const noexcept { return shape_; }

  class Iterator {
   public:
    Iterator(const Rows* rows, std::size_t row) : rows_(rows), row_(row) {}
    Row operator*() const { return (*rows_)[row_]; }
    Iterator& operator++() {
      ++row_;
      return *this;
    }
    bool operator==(const Iterator&) const = default;

   private:
    const Rows* rows_;
    std::size_t row_;
  };
  [[nodiscard]] Iterator begin() const { return {this, 0}; }
  [[nodiscard]] Iterator end() const { return {this, size()}; }

 private:
  std::shared_ptr<const RowShape> shape_;
  std::vector<SqlValue> cells_;
  std::int64_t affected_ = 0;
};

/// An error of the database or of the way to it. `sqlstate()` is PostgreSQL's five characters; a connection that broke
/// is 08006, a refused one 08001, and after a COMMIT was sent a break has Effect::may_have_happened.
class DatabaseError : public Failure {
 public:
  DatabaseError(Effect effect, std::string sqlstate, const std::string& message, std::string constraint = {})
      : Failure(effect, message), sqlstate_(std::move(sqlstate)), constraint_(std::move(constraint)) {}
  [[nodiscard]] const std::string& sqlstate() const noexcept { return sqlstate_; }
  /// The constraint or unique index that was violated; empty otherwise.
  [[nodiscard]] const std::string& constraint() const noexcept { return constraint_; }
  [[nodiscard]] bool is_unique_violation() const noexcept { return sqlstate_ == "23505"; }
  /// 40001 or 40P01: the transaction was rolled back and may be run again from its start.
  [[nodiscard]] bool is_transient_conflict() const noexcept { return sqlstate_ == "40001" || sqlstate_ == "40P01"; }
  /// The connection is gone (class 08, 57P01–57P03).
  [[nodiscard]] bool is_connection_loss() const noexcept {
    return sqlstate_.starts_with("08") || sqlstate_.starts_with("57P0");
  }

 private:
  std::string sqlstate_;
  std::string constraint_;
};

}  // namespace orrery
