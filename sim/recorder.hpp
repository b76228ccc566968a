#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "runtime/history.hpp"
#include "sim/decide.hpp"

namespace orrery::sim {

/// Numbers the events of a run, rolls them into the trace hash and keeps those that are wanted. The hash covers every
/// event, kept or not, so that a campaign's run and its full replay have the same.
class Recorder {
 public:
  /// `full` keeps traces beside facts.
  explicit Recorder(bool full) : full_(full) {}

  [[nodiscard]] bool full() const noexcept { return full_; }
  void set_now(Instant now) noexcept { now_ = now; }

  /// One trace event; `a` and `b` say which. What follows in the same step of the run is caused by it.
  EventId tick(EventKind kind, std::uint64_t a, std::uint64_t b) noexcept {
    hash_ = mix(hash_ ^ (static_cast<std::uint64_t>(now_.time_since_epoch().count()) * 0x9E3779B97F4A7C15ULL),
                mix(a + static_cast<std::uint64_t>(kind), b));
    cause_before_ = cause_;
    return cause_ = ++last_;
  }
  /// Words for the tick just made; call it only if `full()`.
  void describe(EventKind kind, std::string_view host, std::string_view subject, std::string_view key,
                std::int64_t number, std::string_view text, std::string_view detail = {});

  /// One fact: hashed with all its fields and kept.
  EventId fact(EventKind kind, std::string_view host, std::string_view subject, std::string_view key = {},
               std::int64_t number = 0, std::string_view text = {}, std::string_view detail = {});
  /// A commit with the rows that it changed, or one that was lost with those that undo it.
  EventId commit(std::string_view host, std::string_view database, std::string_view session,
                 std::uint64_t transaction_id, std::vector<RowChange> changes,
                 EventKind kind = EventKind::transaction_committed);

  /// The event that is being carried out: the cause of what comes next.
  [[nodiscard]] EventId cause() const noexcept { return cause_; }
  void set_cause(EventId cause) noexcept { cause_ = cause; }

  [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }
  [[nodiscard]] std::uint64_t events() const noexcept { return last_; }
  [[nodiscard]] const History& history() const noexcept { return history_; }
  [[nodiscard]] History take_history() noexcept { return std::move(history_); }

 private:
  void absorb(std::string_view text) noexcept;

  bool full_;
  Instant now_{};
  std::uint64_t hash_ = 0x6F727265727921ULL;
  EventId last_ = 0;
  EventId cause_ = 0;
  EventId cause_before_ = 0;
  History history_;
};

}  // namespace orrery::sim
