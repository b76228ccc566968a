#include "properties/describe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

#include "properties/outages.hpp"
#include "properties/property.hpp"

namespace orrery {
namespace {

constexpr std::size_t kMostOfText = 100;

bool is_id_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

/// The columns that name a row, the best first.
std::string name_of(const Row& row) {
  for (const char* column : {"event_id", "id", "message_id", "key"}) {
    const auto& columns = row.shape().columns;
    const auto found = std::find(columns.begin(), columns.end(), column);
    if (found != columns.end()) return short_id(row[static_cast<std::size_t>(found - columns.begin())].text());
  }
  return row.shape().columns.empty() ? std::string() : short_id(row[std::size_t{0}].text());
}

/// "status sending -> sent, claimed_by -> null": the first cells that changed; times are left out.
std::string difference(const RowChange& change) {
  constexpr std::size_t kMostCells = 3;
  std::string text;
  std::size_t shown = 0;
  for (std::size_t i = 0; i < change.shape->columns.size() && i < change.before.size(); ++i) {
    const std::string& column = change.shape->columns[i];
    if (change.before[i] == change.after[i] || column.ends_with("_at") || column.ends_with("_until")) continue;
    if (shown++ == kMostCells) return text + ", …";
    if (!text.empty()) text += ", ";
    text += column;
    if (column == "status") text += " " + change.before[i].text();
    text += " -> " + (change.after[i].is_null() ? "null" : shortened(change.after[i].text(), 40));
  }
  return text;
}

std::string describe_changes(const Event& event) {
  constexpr std::size_t kMostRows = 4;
  if (event.changes.size() > kMostRows) {
    std::map<std::string, std::size_t> tables;
    for (const RowChange& change : event.changes) ++tables[change.table];
    std::string text;
    for (const auto& [table, rows] : tables) text += fmt::format("{}{} {} rows", text.empty() ? "" : ", ", table, rows);
    return text;
  }
  std::string text;
  std::vector<std::string> inserted;
  for (const RowChange& change : event.changes) {
    if (change.operation != RowOperation::remove) {
      // What became of a new row before the commit is nobody's business.
      std::string row = change.table + " " + name_of(change.new_row());
      if (std::find(inserted.begin(), inserted.end(), row) != inserted.end()) continue;
      if (change.operation == RowOperation::insert) inserted.push_back(std::move(row));
    }
    if (!text.empty()) text += "; ";
    text += change.table;
    switch (change.operation) {
      case RowOperation::insert:
        text += " + " + name_of(change.new_row());
        break;
      case RowOperation::remove:
        text += " - " + name_of(change.old_row());
        break;
      case RowOperation::update: {
        const std::string cells = difference(change);
        text += " " + name_of(change.new_row()) + (cells.empty() ? " touched" : ": " + cells);
        break;
      }
    }
  }
  return text;
}

std::string without_answer(const Event& event, std::string_view what) {
  if (event.number != 0) return fmt::format("hears {} to {}", event.number, what);
  return fmt::format("hears nothing to {}: {}", what, shortened(event.text, kMostOfText));
}

std::string phase_in_words(std::string_view phase) {
  if (phase == "faults") return "the run begins";
  if (phase == "healed") return "all faults are healed";
  if (phase == "end") return "the run ends";
  return fmt::format("phase {}", phase);
}

}  // namespace

std::string shortened(std::string_view text, std::size_t most) {
  std::string result;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i;
    while (end < text.size() && is_id_character(text[end])) ++end;
    if (end == i) {
      result += static_cast<unsigned char>(text[i]) < 0x20 ? ' ' : text[i];
      ++i;
      continue;
    }
    const std::string_view word = text.substr(i, end - i);
    const bool is_id = word.size() >= 16 && word.find_first_not_of("0123456789abcdefABCDEF-") == std::string_view::npos;
    result += is_id ? word.substr(0, 8) : word;
    i = end;
  }
  if (result.size() <= most) return result;
  std::size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(result[end]) & 0xC0) == 0x80) --end;  // between two characters
  return result.substr(0, end) + "…";
}

std::string_view actor_of(const Event& event) {
  switch (event.kind) {
    case EventKind::transaction_committed:
      return event.key.find('#') == std::string::npos ? event.host : host_of_session(event.key);
    case EventKind::fault_injected:
    case EventKind::fault_healed:
      return event.host.find_first_of(">|") == std::string::npos ? event.host : std::string_view();
    default:
      return event.host;
  }
}

std::string describe(const Event& event) {
  const std::string id = short_id(event.key);
  const std::string text = shortened(event.text, kMostOfText);
  const std::string subject = shortened(event.subject, kMostOfText);
  switch (event.kind) {
    case EventKind::phase:
      return phase_in_words(event.subject);
    case EventKind::host_started:
      return event.number > 1 ? fmt::format("starts again (incarnation {})", event.number) : "starts";
    case EventKind::host_crashed:
      return "crashes: " + text;
    case EventKind::host_stopped:
      return "stops";
    case EventKind::host_paused:
      return "is paused";
    case EventKind::host_resumed:
      return "goes on";
    case EventKind::operation_invoked:
      return fmt::format("asks to {} {}", subject, text);
    case EventKind::operation_ended:
      return event.number != 0 ? fmt::format("is answered {} to {} {}", event.number, subject, text)
                               : fmt::format("gets no answer to {}: {}", subject, text);
    case EventKind::request_sent:
      return fmt::format("sends request {} {} {}", id, subject, text);
    case EventKind::request_received:
      return fmt::format("receives request {} {}", id, subject);
    case EventKind::request_answered:
      return fmt::format("answers {} to request {} {}", event.number, id, subject);
    case EventKind::request_ended:
      return without_answer(event, fmt::format("request {} {}", id, subject));
    case EventKind::transaction_committed:
      return fmt::format("committed transaction {} on {}: {}", event.number, subject, describe_changes(event));
    case EventKind::transaction_lost:
      return fmt::format("has lost transaction {} on {}, which undoes: {}", event.number, subject, describe_changes(event));
    case EventKind::commit_unknown:
      return fmt::format("does not learn the outcome of its COMMIT on {}", subject);
    case EventKind::commit_failed:
      return fmt::format("could not COMMIT on {}: {}", subject, text);
    case EventKind::publish_started:
      return fmt::format("publishes message {} to {}", id, subject);
    case EventKind::message_stored:
      return fmt::format("stores message {} of {} at offset {}", id, subject, event.number);
    case EventKind::publish_confirmed:
      return fmt::format("hears that message {} of {} is stored", id, subject);
    case EventKind::publish_failed:
      return fmt::format("could not publish message {} to {}: {}", id, subject, text);
    case EventKind::message_delivered:
      return fmt::format("receives message {} of {} (attempt {})", id, subject, event.number);
    case EventKind::message_acknowledged:
      return fmt::format("acknowledges message {} of {} (attempt {})", id, subject, event.number);
    case EventKind::message_refused:
      return fmt::format("refuses message {} of {} (attempt {}): {}", id, subject, event.number, text);
    case EventKind::message_settled:
      return fmt::format("settles message {} of {}", id, subject);
    case EventKind::message_dead_lettered:
      return fmt::format("gives message {} of {} up after {} deliveries", id, subject, event.number);
    case EventKind::fault_injected:
      return "fault: " + (text.empty() ? subject + " " + event.key : text);
    case EventKind::fault_healed:
      return fmt::format("fault over: {} {} of {}", subject, event.host, event.key);
    case EventKind::service_failed:
      return fmt::format("an exception left {}: {}", subject, text);
    case EventKind::log:
      return fmt::format("logs {}: {} {}", subject, text, shortened(event.detail, kMostOfText));
    case EventKind::message_sent:
    case EventKind::message_arrived:
      return fmt::format("{} {}: {}", to_string(event.kind), subject, text);
    case EventKind::message_dropped:
      return fmt::format("{} {}: {} ({})", to_string(event.kind), subject, text, shortened(event.detail, kMostOfText));
    case EventKind::statement:
      return fmt::format("executes for {}: {}", event.key, text);
    case EventKind::statement_failed:
      return fmt::format("a statement of {} failed: {}", event.key, text);
    default:
      return fmt::format("{} {} {} {}", to_string(event.kind), subject, id, text);
  }
}

}  // namespace orrery
