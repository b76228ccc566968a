#include "scenarios/verify_trace.hpp"

#include <cstdio>
#include <string_view>

namespace orrery {
namespace {

void append_escaped(std::string& line, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '\n':
        line += "\\n";
        break;
      case '\r':
        line += "\\r";
        break;
      case '\\':
        line += "\\\\";
        break;
      default:
        line.push_back(c);
    }
  }
}

void append_field(std::string& line, std::string_view name, std::string_view text) {
  if (text.empty()) return;
  line += " | ";
  line += name;
  append_escaped(line, text);
}

std::string cell(const SqlValue& value) { return value.is_null() ? "NULL" : value.text(); }

void append_row(std::string& line, const RowChange& change) {
  static constexpr const char* kOperations[] = {"insert", "update", "delete"};
  line += " | ";
  line += kOperations[static_cast<std::size_t>(change.operation)];
  line += ' ';
  line += change.table;
  line += '(';
  const std::vector<SqlValue>& cells = change.operation == RowOperation::remove ? change.before : change.after;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) line += ", ";
    line += change.shape != nullptr && i < change.shape->columns.size() ? change.shape->columns[i] : "?";
    line += '=';
    if (change.operation == RowOperation::update && i < change.before.size() && !(change.before[i] == cells[i])) {
      append_escaped(line, cell(change.before[i]));
      line += " -> ";
    }
    append_escaped(line, cell(cells[i]));
  }
  line += ')';
}

}  // namespace

std::string trace_line(const Event& event) {
  const auto at = event.at.time_since_epoch().count();
  char head[64];
  std::snprintf(head, sizeof head, "#%llu %lld.%09llds ", static_cast<unsigned long long>(event.id),
                static_cast<long long>(at / 1'000'000'000), static_cast<long long>(at % 1'000'000'000));
  std::string line = head;
  line += event.host.empty() ? "-" : event.host;
  append_field(line, "", to_string(event.kind));
  append_field(line, "", event.subject);
  append_field(line, "key=", event.key);
  if (event.number != 0) append_field(line, "number=", std::to_string(event.number));
  append_field(line, "text=", event.text);
  append_field(line, "detail=", event.detail);
  for (const RowChange& change : event.changes) append_row(line, change);
  if (event.cause != 0) append_field(line, "cause=#", std::to_string(event.cause));
  return line;
}

std::string trace_lines(const History& history) {
  std::string lines;
  for (const Event& event : history.events()) {
    lines += trace_line(event);
    lines.push_back('\n');
  }
  return lines;
}

}  // namespace orrery
