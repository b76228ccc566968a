#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <set>
#include <utility>
#include <vector>

#include "sim/database/storage/ordered_index.hpp"

namespace orrery::sim::database {
namespace {

/// An index on one bigint column beside a set of (key, place in the heap), which is what it should hold.
class Indexed {
 public:
  VersionId add(const std::optional<std::int64_t>& key) {
    const VersionId version = put(key);
    index_.add(version);
    expected_.emplace(rank(key), version);
    return version;
  }
  void remove(VersionId version) {
    index_.remove(version);
    expected_.erase({rank_of(version), version});
    heap_.remove(version);
  }
  /// As clean-up does after an update that left the key alone.
  VersionId replace(VersionId version) {
    const VersionId by = put(key_of(version));
    index_.replace(version, by);
    expected_.erase({rank_of(version), version});
    expected_.emplace(rank_of(by), by);
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
  /// How many entries lie between the places before and behind a key.
  [[nodiscard]] std::size_t count(std::int64_t key) const {
    const std::vector<Value> wanted{Value::integer(key)};
    std::size_t count = 0;
    for (auto place = index_.seek(wanted, false); place != index_.seek(wanted, true); index_.advance(place)) ++count;
    return count;
  }
  [[nodiscard]] std::size_t expected_count(std::int64_t key) const {
    std::size_t count = 0;
    for (const auto& entry : expected_) count += entry.first == rank(key) ? 1 : 0;
    return count;
  }

 private:
  using Rank = std::pair<bool, std::int64_t>;  // NULLs last

  static Rank rank(const std::optional<std::int64_t>& key) { return {!key, key.value_or(0)}; }
  [[nodiscard]] std::optional<std::int64_t> key_of(VersionId version) const {
    const Value& value = heap_[version].row[0];
    if (value.is_null()) return std::nullopt;
    return value.integer();
  }
  [[nodiscard]] Rank rank_of(VersionId version) const { return rank(key_of(version)); }
  VersionId put(const std::optional<std::int64_t>& key) {
    Value* row = heap_.new_row();
    if (key) row[0] = Value::integer(*key);
    return heap_.add(row, kFirstXid, 0);
  }

  Heap heap_{1};
  OrderedIndex index_{heap_, {KeyColumn{0, TypeRef{Type::int8}, compare_function(TypeRef{Type::int8}), false, false}}};
  std::set<std::pair<Rank, VersionId>> expected_;
};

// Few distinct keys, so that most are shared by many rows, the ends of the type among them, and NULL.
rc::Gen<std::optional<std::int64_t>> any_key() {
  return rc::gen::oneOf(rc::gen::map(rc::gen::inRange<std::int64_t>(0, 3), [](std::int64_t key) { return std::optional(key); }),
                        rc::gen::just(std::optional<std::int64_t>()),
                        rc::gen::just(std::optional<std::int64_t>(INT64_MAX)),
                        rc::gen::just(std::optional<std::int64_t>(INT64_MIN)));
}

RC_GTEST_PROP(OrderedIndex, HoldsEqualKeysInTheOrderOfTheHeapWhateverComesAndGoes, ()) {
  Indexed indexed;
  std::vector<VersionId> live;
  const std::size_t steps = *rc::gen::inRange<std::size_t>(0, 600);
  for (std::size_t i = 0; i < steps; ++i) {
    const int what = *rc::gen::inRange(0, 4);
    if (what <= 1 || live.empty()) {
      live.push_back(indexed.add(*any_key()));
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
  for (const std::int64_t key : {std::int64_t{0}, std::int64_t{1}, std::int64_t{2}, INT64_MAX, INT64_MIN}) {
    RC_ASSERT(indexed.count(key) == indexed.expected_count(key));
  }
}

}  // namespace
}  // namespace orrery::sim::database
