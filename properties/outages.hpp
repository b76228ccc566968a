#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "properties/history_index.hpp"

namespace orrery {

/// From one event to another, both included; `to` is the largest id if it never ended.
struct EventSpan {
  EventId from = 0;
  EventId to = 0;

  [[nodiscard]] bool overlaps(EventSpan other) const noexcept { return from <= other.to && other.from <= to; }
};

/// What was wrong with hosts and links, and when. Shared by all checks of a run.
struct Outages {
  struct Fault {
    const Event* injected;
    std::string_view kind;    // "partition"
    std::string_view target;  // "user-1", "user-1>user_db", "user-1|broker"
    EventSpan span;                // faults that strike once: that event alone
  };
  std::map<std::string_view, std::vector<EventSpan>> down;    // by host: from crash or stop to the next start
  std::map<std::string_view, std::vector<EventSpan>> paused;  // by host
  std::vector<Fault> faults;

  /// The host crashed or stopped within the span, or was down when it began.
  [[nodiscard]] bool was_down(std::string_view host, EventSpan span) const;
  [[nodiscard]] bool was_paused(std::string_view host, EventSpan span) const;
};

[[nodiscard]] const Outages& outages_of(const HistoryIndex& index);

/// A fault's target is a host ("user-1"), or a link that the host is an end of ("user-1>user_db", "user-1|*").
[[nodiscard]] bool strikes_host(std::string_view target, std::string_view host);
/// A fault's target is the link between the hosts, in either direction; "*" is everybody else.
[[nodiscard]] bool strikes_link(std::string_view target, std::string_view a, std::string_view b);

/// The host whose database session this is: "user-1" of "user-1.2#3", the third session of its second incarnation.
[[nodiscard]] std::string_view host_of_session(std::string_view session);

}  // namespace orrery
