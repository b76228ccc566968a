#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/history.hpp"

namespace orrery {

/// A history, sorted once for all the checks of a run: by kind, by kind and subject, by table. Views that several
/// checks need (the life of each row, the attempts of each job) are made by the first that asks and shared with the
/// others. It lives no longer than its history, and says nothing that the history does not.
class HistoryIndex {
 public:
  using Events = std::vector<const Event*>;
  using Changes = std::vector<History::Change>;

  /// Implicit, so that a check can be called with a bare history.
  HistoryIndex(const History& history);
  HistoryIndex(const HistoryIndex&) = delete;
  HistoryIndex& operator=(const HistoryIndex&) = delete;

  [[nodiscard]] const History& history() const noexcept { return history_; }
  /// Implicit, so that a check may be written over a bare history.
  operator const History&() const noexcept { return history_; }

  /// The events of a kind, in order.
  [[nodiscard]] const Events& of(EventKind kind) const noexcept { return by_kind_[static_cast<std::size_t>(kind)]; }
  [[nodiscard]] const Events& of(EventKind kind, std::string_view subject) const;
  /// The events of a kind with a key (a request, an operation, a message), in order.
  [[nodiscard]] const Events& with_key(EventKind kind, std::string_view key) const;
  /// All committed changes of "database.table", in commit order.
  [[nodiscard]] const Changes& committed(std::string_view database_and_table) const;

  /// When the faults were taken away; Instant::max() if they were not.
  [[nodiscard]] Instant healed_at() const noexcept { return healed_at_; }
  /// When the last event happened.
  [[nodiscard]] Instant end_at() const noexcept;
  /// The last event: what is still so at the end is proven by it. 0 of an empty history.
  [[nodiscard]] EventId end() const noexcept;

  /// The view called `name`, made by `build(index)` when it is first asked for. Equal names must mean equal views.
  template <class View, class Build>
  [[nodiscard]] const View& shared(std::string_view name, const Build& build) const {
    auto found = views_.find(name);
    if (found == views_.end()) {
      found = views_.emplace(std::string(name), std::make_shared<const View>(build(*this))).first;
    }
    return *static_cast<const View*>(found->second.get());
  }

 private:
  using ByText = std::map<std::string_view, Events>;
  const History& history_;
  Instant healed_at_;
  std::array<Events, static_cast<std::size_t>(EventKind::count_)> by_kind_;
  mutable std::array<std::unique_ptr<ByText>, static_cast<std::size_t>(EventKind::count_)> by_subject_;
  mutable std::array<std::unique_ptr<ByText>, static_cast<std::size_t>(EventKind::count_)> by_key_;
  std::map<std::string, Changes, std::less<>> by_table_;
  mutable std::map<std::string, std::shared_ptr<const void>, std::less<>> views_;
};

}  // namespace orrery
