#include "viz/words.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "properties/describe.hpp"
#include "properties/property.hpp"

namespace orrery::viz {
namespace {

constexpr std::size_t kMostText = 90;

/// What a commit changed, as the stories say it.
std::string changes_of(const Event& event) {
  const std::string words = describe(event);
  const std::size_t colon = words.find(": ");
  return colon == std::string::npos ? words : words.substr(colon + 2);
}

/// "mail POST /messages" without the service, which the arrow shows.
std::string call_of(const Event& event) {
  const std::size_t space = event.subject.find(' ');
  return shortened(space == std::string::npos ? event.subject : event.subject.substr(space + 1), kMostText);
}

void erase_all(std::string& text, const std::string& part) {
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at)) text.erase(at, part.size());
}

/// The duration that follows a word, in three digits.
void round_after(std::string& text, std::string_view word) {
  const std::size_t at = text.find(word);
  if (at == std::string::npos) return;
  const std::size_t from = at + word.size();
  const std::size_t to = std::min(text.find(' ', from), text.size());
  const auto duration = parse_duration(std::string_view(text).substr(from, to - from));
  if (!duration) return;
  const bool negative = *duration < Duration::zero();
  text.replace(from, to - from, (negative ? "-" : "") + span_text(negative ? -*duration : *duration));
}

/// "crash at outbox-relay before commit #3 for 571 ms" of "crash user-1 at user-1/outbox-relay before commit #3 for
/// 571337.407us": without what the lane and the axis say.
std::string fault_words(const Event& event) {
  std::string text = event.text.empty() ? event.subject + " " + event.host : event.text;
  if (event.key.find('/') == std::string::npos) erase_all(text, " at " + event.key);
  if (!event.host.empty() && event.host.find_first_of(">|") == std::string::npos) {
    erase_all(text, event.host + "/");
    if (text.starts_with(event.subject + " " + event.host)) text.erase(event.subject.size(), event.host.size() + 1);
  }
  round_after(text, " for ");
  round_after(text, " by ");
  return text;
}

}  // namespace

Mark mark_of(const Event& event) {
  switch (event.kind) {
    case EventKind::operation_invoked:
      return Mark::operation;
    case EventKind::operation_ended:
      return event.number == 0 || event.number >= 500 ? Mark::failed : Mark::operation;
    case EventKind::transaction_committed:
      return Mark::commit;
    case EventKind::commit_unknown:
      return Mark::unknown;
    case EventKind::commit_failed:
    case EventKind::publish_failed:
    case EventKind::message_refused:
    case EventKind::message_dead_lettered:
    case EventKind::service_failed:
    case EventKind::statement_failed:
      return Mark::failed;
    case EventKind::request_ended:
      return event.number == 0 ? Mark::failed : Mark::dot;
    case EventKind::fault_injected:
      return Mark::fault;
    case EventKind::host_crashed:
    case EventKind::host_stopped:
      return Mark::crash;
    case EventKind::host_started:
      return Mark::start;
    case EventKind::phase:
    case EventKind::message_sent:
    case EventKind::message_arrived:
    case EventKind::message_dropped:
      return Mark::none;
    default:
      return Mark::dot;
  }
}

std::string label_of(const Event& event) {
  const std::string id = short_id(event.key);
  switch (event.kind) {
    case EventKind::operation_invoked:
      return fmt::format("{} ({})", event.subject, id);
    case EventKind::operation_ended:
      return event.number != 0 ? fmt::format("{}: {}", event.subject, event.number)
                               : fmt::format("{}: no answer, {}", event.subject, shortened(event.text, kMostText));
    case EventKind::request_sent:
      return fmt::format("{} [{}]", call_of(event), id);
    case EventKind::request_received:
      return fmt::format("handles [{}]", id);
    case EventKind::request_answered:
      return fmt::format("answers {} [{}]", event.number, id);
    case EventKind::request_ended:
      return event.number != 0 ? fmt::format("hears {} [{}]", event.number, id)
                               : fmt::format("{} [{}]", event.text.empty() ? "no answer" : shortened(event.text, kMostText), id);
    case EventKind::transaction_committed:
      return fmt::format("commit {}: {}", event.number, changes_of(event));
    case EventKind::commit_unknown:
      return fmt::format("COMMIT on {}: outcome unknown", event.subject);
    case EventKind::commit_failed:
      return fmt::format("COMMIT on {} failed: {}", event.subject, shortened(event.text, kMostText));
    case EventKind::publish_started:
      return fmt::format("publish {}", id);
    case EventKind::message_stored:
      return fmt::format("store {} at {}/{}", id, event.subject, event.number);
    case EventKind::publish_confirmed:
      return fmt::format("{} confirmed", id);
    case EventKind::publish_failed:
      return fmt::format("publish {} failed: {}", id, shortened(event.text, kMostText));
    case EventKind::message_delivered:
      return event.number > 1 ? fmt::format("receive {}, attempt {}", id, event.number) : fmt::format("receive {}", id);
    case EventKind::message_acknowledged:
      return fmt::format("acknowledge {}", id);
    case EventKind::message_refused:
      return fmt::format("refuse {}: {}", id, shortened(event.text, kMostText));
    case EventKind::message_settled:
      return fmt::format("settle {}", id);
    case EventKind::message_dead_lettered:
      return fmt::format("dead-letter {} after {} deliveries", id, event.number);
    case EventKind::fault_injected:
      return fault_words(event);
    case EventKind::fault_healed:
      return fmt::format("{} over", event.subject);
    case EventKind::host_crashed:
      return event.text == "stopped" ? "stopped" : "crashed";
    case EventKind::host_stopped:
      return "stops";
    case EventKind::host_started:
      return event.number > 1 ? "starts again" : "starts";
    case EventKind::host_paused:
      return "paused";
    case EventKind::host_resumed:
      return "goes on";
    case EventKind::message_sent:
      return event.text.starts_with("COMMIT") ? "COMMIT" : shortened(event.text, kMostText);
    case EventKind::message_dropped:
      return fmt::format("{}: {}", event.detail.empty() ? "lost" : event.detail, shortened(event.text, kMostText));
    case EventKind::message_arrived:
    case EventKind::phase:
      return {};
    default:
      return describe(event);
  }
}

std::string_view lane_of(const Event& event) {
  if (event.kind == EventKind::message_sent || event.kind == EventKind::message_dropped) {
    return std::string_view(event.subject).substr(0, event.subject.find('>'));
  }
  const std::string_view host = event.host;
  if (event.kind != EventKind::fault_injected && event.kind != EventKind::fault_healed) return host;
  const std::string_view from = host.substr(0, host.find_first_of(">|"));
  return from == "*" ? host.substr(std::min(host.size(), from.size() + 1)) : from;
}

std::string clock_text(Instant at) {
  const std::int64_t ms = std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch()).count();
  return fmt::format("{}.{:03} s", ms / 1000, ms % 1000);
}

std::string span_text(Duration duration) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
  const auto digits = [](double value, const char* unit) {
    return fmt::format("{:.{}f} {}", value, value < 10 ? 2 : value < 100 ? 1 : 0, unit);
  };
  if (us < 1000) return fmt::format("{} µs", us);
  if (us < 1'000'000) return digits(static_cast<double>(us) / 1e3, "ms");
  if (us < 600'000'000) return digits(static_cast<double>(us) / 1e6, "s");
  return digits(static_cast<double>(us) / 60e6, "min");
}

}  // namespace orrery::viz
