#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/database/storage/ordered_index.hpp"

namespace orrery::sim::database {
namespace {

using Key = std::optional<std::size_t>;  // place among the distinct keys; nothing: NULL

/// An index on one column beside a set of (key, place in the heap), which is what it should hold.
class Indexed {
 public:
  /// `keys` in their order.
  Indexed(TypeRef type, std::vector<Value> keys, bool descending, bool nulls_first)
      : keys_(std::move(keys)),
        column_{0, type, compare_function(type), descending, nulls_first},
        index_(heap_, std::vector<KeyColumn>{column_}) {}

  VersionId add(Key key) {
    const VersionId version = put(key);
    index_.add(version);
    expected_.emplace(rank(key), version);
    return version;
  }
  void remove(VersionId version) {
    index_.remove(version);
    expected_.erase({rank(key_of_.at(version)), version});
    heap_.remove(version);
  }
  /// As clean-up does after an update that left the key alone.
  VersionId replace(VersionId version) {
    const Key key = key_of_.at(version);
    const VersionId by = put(key);
    index_.replace(version, by);
    expected_.erase({rank(key), version});
    expected_.emplace(rank(key), by);
    heap_.remove(version);
    return by;
  }

  [[nodiscard]] std::vector<VersionId> found() const {
    std::vector<VersionId> versions;
    for (auto place = index_.begin(); place != index_.end(); index_.advance(place)) versions.push_back(index_.at(place));
    return versions;
  }
  [[nodiscard]] std::vector<VersionId> expected() const {
    std::vector<VersionId> versions;
    for (const auto& [key, version] : expected_) versions.push_back(version);
    return versions;
  }
  /// How many entries lie between the places before and behind a key, all of which must have it.
  [[nodiscard]] std::size_t count(std::size_t key) const {
    const std::vector<Value> wanted{keys_[key]};
    const auto end = index_.seek(wanted, true);
    std::size_t count = 0;
    auto place = index_.seek(wanted, false);
    for (; place != end; index_.advance(place)) {
      RC_ASSERT(index_.has_key(place, wanted));
      ++count;
    }
    const bool is_all = place == index_.end() || !index_.has_key(place, wanted);
    RC_ASSERT(is_all);
    return count;
  }
  [[nodiscard]] std::size_t expected_count(std::size_t key) const {
    std::size_t count = 0;
    for (const auto& entry : expected_) count += entry.first == rank(key) ? 1 : 0;
    return count;
  }
  [[nodiscard]] std::size_t keys() const noexcept { return keys_.size(); }

 private:
  using Rank = std::pair<int, std::int64_t>;

  [[nodiscard]] Rank rank(Key key) const {
    if (!key) return {column_.nulls_first ? -1 : 1, 0};
    const auto place = static_cast<std::int64_t>(*key);
    return {0, column_.descending ? -place : place};
  }
  VersionId put(Key key) {
    Value* row = heap_.new_row();
    if (key) row[0] = keys_[*key];
    const VersionId version = heap_.add(row, kFirstXid, 0);
    key_of_[version] = key;
    return version;
  }

  std::vector<Value> keys_;
  KeyColumn column_;
  Heap heap_{1};
  OrderedIndex index_;
  std::map<VersionId, Key> key_of_;
  std::set<std::pair<Rank, VersionId>> expected_;
};

/// Adds, removes, replaces and looks up; few distinct keys, so that most are shared by many rows.
void comes_and_goes(Indexed& indexed) {
  std::vector<VersionId> live;
  const std::size_t steps = *rc::gen::inRange<std::size_t>(0, 600);
  for (std::size_t i = 0; i < steps; ++i) {
    const int what = *rc::gen::inRange(0, 5);
    const std::size_t key = *rc::gen::inRange<std::size_t>(0, indexed.keys() + 1);
    if (what == 4) {
      if (key < indexed.keys()) RC_ASSERT(indexed.count(key) == indexed.expected_count(key));
      continue;
    }
    if (what <= 1 || live.empty()) {
      live.push_back(indexed.add(key < indexed.keys() ? Key(key) : Key()));
      continue;
    }
    const std::size_t which = *rc::gen::inRange<std::size_t>(0, live.size());
    if (what == 2) {
      indexed.remove(live[which]);
      live.erase(live.begin() + static_cast<std::ptrdiff_t>(which));
    } else {
      live[which] = indexed.replace(live[which]);
    }
  }
  RC_ASSERT(indexed.found() == indexed.expected());
  for (std::size_t key = 0; key < indexed.keys(); ++key) RC_ASSERT(indexed.count(key) == indexed.expected_count(key));
}

RC_GTEST_PROP(OrderedIndex, HoldsEqualKeysInTheOrderOfTheHeapWhateverComesAndGoes, (bool descending, bool nulls_first)) {
  std::vector<Value> keys;
  for (const std::int64_t key : {INT64_MIN, std::int64_t{0}, std::int64_t{1}, std::int64_t{2}, INT64_MAX}) {
    keys.push_back(Value::integer(key));  // the ends of the type could be taken for NULL
  }
  Indexed indexed(TypeRef{Type::int8}, std::move(keys), descending, nulls_first);
  comes_and_goes(indexed);
}

RC_GTEST_PROP(OrderedIndex, TellsTextsApartThatBeginAlike, (bool descending, bool nulls_first)) {
  std::vector<Value> keys;
  for (const char* key : {"", "a", "new", "newer", "pending", "pending1", "pending12", "pending2"}) keys.push_back(Value::bytes(key));
  Indexed indexed(TypeRef{Type::text}, std::move(keys), descending, nulls_first);
  comes_and_goes(indexed);
}

TEST(OrderedIndex, TakesBytesOfZeroForBytes) {
  Indexed indexed(TypeRef{Type::bytea}, {Value::bytes("a"), Value::bytes(std::string_view("a\0", 2))}, false, false);
  for (int i = 0; i < 200; ++i) indexed.add(static_cast<std::size_t>(i % 2));
  EXPECT_EQ(indexed.found(), indexed.expected());
}

}  // namespace
}  // namespace orrery::sim::database
