#include "real-mode/gathering.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace orrery::real {
namespace {

Event event_of(EventKind kind, Duration at) {
  Event event;
  event.kind = kind;
  event.host = "mail-1";
  event.at = Instant(at);
  return event;
}

TEST(Gathering, AHostThatStartsOnceMoreHadCrashedUnlessItStopped) {
  std::vector<Event> events = {event_of(EventKind::host_started, 1s), event_of(EventKind::request_sent, 2s),
                               event_of(EventKind::host_started, 4s), event_of(EventKind::host_stopped, 5s),
                               event_of(EventKind::host_started, 6s), event_of(EventKind::host_started, 7s)};
  tell_crashes(events);
  std::vector<EventKind> kinds;
  for (const Event& event : events) kinds.push_back(event.kind);
  EXPECT_EQ(kinds, (std::vector<EventKind>{EventKind::host_started, EventKind::request_sent, EventKind::host_crashed,
                                           EventKind::host_started, EventKind::host_stopped, EventKind::host_started,
                                           EventKind::host_crashed, EventKind::host_started}));
  EXPECT_EQ(events[2].host, "mail-1");
  EXPECT_EQ(events[2].at, Instant(4s));
  const History history = in_order(std::move(events), Beginning{}, Instant(10s));
  EXPECT_EQ(history.events()[2].kind, EventKind::host_crashed) << "before the start of the same moment";
}

}  // namespace
}  // namespace orrery::real
