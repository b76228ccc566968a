#include "properties/outages.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "runtime/controls.hpp"

namespace orrery {
namespace {

constexpr EventId kNever = std::numeric_limits<EventId>::max();

bool any_overlaps(const std::map<std::string_view, std::vector<EventSpan>>& spans, std::string_view host, EventSpan span) {
  const auto found = spans.find(host);
  return found != spans.end() &&
         std::any_of(found->second.begin(), found->second.end(), [span](EventSpan other) { return other.overlaps(span); });
}

/// The second word of "crash user-1 at 12.5s".
std::string_view target_in_words(std::string_view words) {
  const std::size_t space = words.find(' ');
  if (space == std::string_view::npos) return {};
  words.remove_prefix(space + 1);
  return words.substr(0, words.find_first_of(" ,"));
}

/// The ends of a link; the second is empty if the target is a host.
std::pair<std::string_view, std::string_view> ends_of(std::string_view target) {
  const std::size_t middle = target.find_first_of(">|");
  if (middle == std::string_view::npos) return {target, {}};
  return {target.substr(0, middle), target.substr(middle + 1)};
}

Outages collect(const HistoryIndex& index) {
  Outages outages;
  const auto end_last = [](std::vector<EventSpan>& spans, EventId at) {
    if (!spans.empty() && spans.back().to == kNever) spans.back().to = at;
  };
  std::map<std::pair<std::string_view, std::string_view>, std::vector<std::size_t>> open;  // faults by kind and address
  std::map<std::string_view, std::vector<std::size_t>> downs;  // faults that are over when their host starts
  for (const Event& event : index.history().events()) {
    switch (event.kind) {
      case EventKind::host_crashed:
      case EventKind::host_stopped: {
        std::vector<EventSpan>& spans = outages.down[event.host];
        if (spans.empty() || spans.back().to != kNever) spans.push_back({event.id, kNever});
        end_last(outages.paused[event.host], event.id);
        break;
      }
      case EventKind::host_started:
        end_last(outages.down[event.host], event.id);
        for (const std::size_t fault : std::exchange(downs[event.host], {})) outages.faults[fault].span.to = event.id;
        break;
      case EventKind::host_paused:
        outages.paused[event.host].push_back({event.id, kNever});
        break;
      case EventKind::host_resumed:
        end_last(outages.paused[event.host], event.id);
        break;
      case EventKind::fault_injected: {
        const std::string_view target = event.host.empty() ? target_in_words(event.text) : event.host;
        const auto kind = fault_kind(event.subject);
        const bool lasts = kind.has_value() && is_episode(*kind);
        if (kind == FaultKind::crash || kind == FaultKind::stop || kind == FaultKind::failover || kind == FaultKind::switchover) {
          downs[target].push_back(outages.faults.size());
        } else if (lasts) {
          open[{event.subject, event.key}].push_back(outages.faults.size());
        }
        outages.faults.push_back({&event, event.subject, target, {event.id, lasts ? kNever : event.id}});
        break;
      }
      case EventKind::fault_healed: {
        std::vector<std::size_t>& faults = open[{event.subject, event.key}];
        if (faults.empty()) break;
        outages.faults[faults.front()].span.to = event.id;
        faults.erase(faults.begin());
        break;
      }
      default:
        break;
    }
  }
  return outages;
}

}  // namespace

bool Outages::was_down(std::string_view host, EventSpan span) const { return any_overlaps(down, host, span); }

bool Outages::was_paused(std::string_view host, EventSpan span) const { return any_overlaps(paused, host, span); }

const Outages& outages_of(const HistoryIndex& index) { return index.shared<Outages>("outages", collect); }

bool strikes_host(std::string_view target, std::string_view host) {
  const auto [one, other] = ends_of(target);
  return one == host || other == host;
}

bool strikes_link(std::string_view target, std::string_view a, std::string_view b) {
  const auto [one, other] = ends_of(target);
  if (other.empty()) return false;
  const auto fits = [](std::string_view end, std::string_view host) { return end == host || end == "*"; };
  return (fits(one, a) && fits(other, b)) || (fits(one, b) && fits(other, a));
}

std::string_view host_of_session(std::string_view session) {
  const std::size_t hash = session.find('#');
  std::string_view host = session.substr(0, hash);
  if (hash == std::string_view::npos) return host;
  const std::size_t dot = host.rfind('.');
  const bool names_incarnation = dot != std::string_view::npos && dot + 1 < host.size() &&
                                 host.find_first_not_of("0123456789", dot + 1) == std::string_view::npos;
  return names_incarnation ? host.substr(0, dot) : host;
}

}  // namespace orrery
