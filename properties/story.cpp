#include "properties/story.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "properties/describe.hpp"
#include "properties/told.hpp"

namespace orrery {
namespace {

/// One, and several.
struct Noun {
  std::string_view one, several;
  auto operator<=>(const Noun& other) const { return several <=> other.several; }
};

Noun noun_of(EventKind kind) {
  if (is_fault(kind)) return {"fault", "faults"};
  if (is_blow(kind)) return {"crash or restart", "crashes and restarts"};
  if (is_request(kind)) return {"request", "requests"};
  switch (kind) {
    case EventKind::transaction_committed:
    case EventKind::transaction_lost:
      return {"commit", "commits"};
    case EventKind::message_delivered:
    case EventKind::message_acknowledged:
    case EventKind::message_refused:
    case EventKind::message_settled:
      return {"delivery", "deliveries"};
    case EventKind::publish_started:
    case EventKind::publish_confirmed:
    case EventKind::publish_failed:
    case EventKind::message_stored:
      return {"publish", "publishes"};
    case EventKind::operation_invoked:
    case EventKind::operation_ended:
      return {"operation", "operations"};
    default:
      return {"other", "others"};
  }
}

/// "12.345s": milliseconds, so that the columns stay straight.
std::string time_of(const Event& event) {
  const std::int64_t ms = std::chrono::duration_cast<std::chrono::milliseconds>(event.at.time_since_epoch()).count();
  return fmt::format("{}.{:03}s", ms / 1000, ms % 1000);
}

std::vector<std::string> render(const ToldEvents& lines, const std::set<EventId>& told) {
  std::size_t width = 0;
  for (const EventId id : told) width = std::max(width, actor_of(*lines.at(id).event).size());
  std::vector<std::string> text;
  std::map<Noun, std::size_t> folded;
  const auto unfold = [&] {
    if (folded.empty()) return;
    std::size_t sum = 0;
    std::string nouns;
    for (const auto& [noun, count] : folded) {
      sum += count;
      nouns += fmt::format("{}{} {}", nouns.empty() ? "" : ", ", count, count == 1 ? noun.one : noun.several);
    }
    text.push_back(fmt::format("{:>14}  … {} more: {}", "", sum, nouns));
    folded.clear();
  };
  for (const auto& [id, line] : lines) {
    const Event& event = *line.event;
    if (!told.contains(id)) {
      ++folded[noun_of(event.kind)];
      continue;
    }
    unfold();
    const bool struck = event.kind == EventKind::fault_injected || event.kind == EventKind::host_crashed;
    const char* mark = struck ? "!!" : line.rank == ToldRank::evidence ? " *" : "  ";
    text.push_back(
        fmt::format("  {} {:>10}  {:<{}}  {}", mark, time_of(event), actor_of(event), width, describe(event)));
  }
  unfold();
  return text;
}

/// "3f2a77c1 is 3f2a77c1-…": the ids that the conclusion shortens, in full as the evidence has them.
std::string ids_in_full(const std::string& what, const std::vector<const Event*>& evidence) {
  constexpr std::size_t kMost = 3;
  std::vector<std::string> found;
  const auto look_at = [&](const std::string& id) {
    const std::string brief = short_id(id);
    if (brief.size() != 8 || id.size() == 8 || what.find(brief) == std::string::npos || found.size() == kMost) return;
    const std::string line = brief + " is " + id;
    if (std::find(found.begin(), found.end(), line) == found.end()) found.push_back(line);
  };
  for (const Event* event : evidence) {
    look_at(event->key);
    look_at(event->detail);
    for (const RowChange& change : event->changes) {
      for (const SqlValue& value : change.operation == RowOperation::remove ? change.before : change.after) {
        if (std::holds_alternative<std::string>(value.variant())) look_at(value.text());
      }
    }
  }
  std::string text;
  for (const std::string& line : found) text += (text.empty() ? "" : "; ") + line;
  return text;
}

}  // namespace

std::string story(const Violation& violation, const History& history, const StoryOptions& options) {
  const ToldEvents lines = told_events(violation, history);
  const std::size_t most = std::max<std::size_t>(options.max_lines, 2);
  std::vector<std::string> text;
  for (std::size_t told = std::min(lines.size(), most);; --told) {
    text = render(lines, most_important(lines, told));
    if (text.size() <= most || told == 0) break;
  }
  std::string result;
  for (const std::string& line : text) result += line + "\n";
  result += "  => " + violation.what + "\n";
  std::vector<const Event*> evidence;
  for (const auto& [id, line] : lines) {
    if (line.rank == ToldRank::evidence) evidence.push_back(line.event);
  }
  const std::string ids = ids_in_full(violation.what, evidence);
  if (!ids.empty()) result += "     (ids are shortened to 8 characters: " + ids + ")\n";
  return result;
}

}  // namespace orrery
