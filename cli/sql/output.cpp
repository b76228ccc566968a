#include "cli/sql/output.hpp"

#include <algorithm>
#include <cstdint>

namespace orrery::cli::sql {
namespace {

using sim::database::SqlError;
using sim::database::StatementResult;
using sim::database::Type;
using sim::database::TypeRef;

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (true) {
    const std::size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return lines;
    text.remove_prefix(end + 1);
  }
}

bool is_number(TypeRef type) {
  if (type.is_array) return false;
  switch (type.base) {
    case Type::int2:
    case Type::int4:
    case Type::int8:
    case Type::numeric:
    case Type::float4:
    case Type::float8:
    case Type::oid:
    case Type::xid:
    case Type::xid8:
      return true;
    default:
      return false;
  }
}

/// Characters of a statement: where each begins, and tabs as spaces.
struct Characters {
  std::vector<std::string> each;
  explicit Characters(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
      std::size_t end = i + 1;
      while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) ++end;
      each.emplace_back(text[i] == '\t' ? " " : std::string(text.substr(i, end - i)));
      i = end;
    }
  }
};

/// "LINE n: …" and the caret below. A long line is cut around the place, as libpq does.
std::string place_text(std::string_view statement, std::int32_t position) {
  constexpr std::size_t kWidth = 60;
  constexpr std::size_t kRight = 10;
  const Characters text(statement);
  const auto& each = text.each;
  const auto place = static_cast<std::size_t>(position) - 1;
  if (position < 1 || place > each.size()) return {};
  std::size_t line = 1;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < place; ++i) {
    if (each[i] != "\n") continue;
    ++line;
    begin = i + 1;
  }
  std::size_t end = place;
  while (end < each.size() && each[end] != "\n" && each[end] != "\r") ++end;
  bool cut_left = false;
  bool cut_right = false;
  if (end - begin > kWidth) {
    if (begin + kWidth >= place + kRight) {
      end = begin + kWidth;
      cut_right = true;
    } else {
      if (place + kRight < end) {
        end = place + kRight;
        cut_right = true;
      }
      if (end - begin > kWidth) {
        begin = end - kWidth;
        cut_left = true;
      }
    }
  }
  std::string out = "LINE " + std::to_string(line) + ": ";
  if (cut_left) out += "...";
  const std::size_t indent = width_of(out);
  for (std::size_t i = begin; i < end; ++i) out += each[i];
  if (cut_right) out += "...";
  out += '\n';
  return out + std::string(indent + place - begin, ' ') + "^\n";
}

}  // namespace

std::size_t width_of(std::string_view text) noexcept {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string aligned_table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows,
                          const std::vector<bool>& right_aligned) {
  std::vector<std::size_t> widths;
  for (const std::string& name : header) widths.push_back(width_of(name));
  for (const auto& row : rows) {
    for (std::size_t k = 0; k < row.size(); ++k) {
      for (const std::string& line : lines_of(row[k])) widths[k] = std::max(widths[k], width_of(line));
    }
  }
  std::string out;
  for (std::size_t k = 0; k < header.size(); ++k) {
    const std::size_t padding = widths[k] - width_of(header[k]);
    if (k > 0) out += '|';
    out += std::string(1 + padding / 2, ' ') + header[k] + std::string(padding - padding / 2 + 1, ' ');
  }
  out += '\n';
  for (std::size_t k = 0; k < header.size(); ++k) out += (k > 0 ? "+" : "") + std::string(widths[k] + 2, '-');
  if (header.empty()) out += "--";
  out += '\n';
  for (const auto& row : rows) {
    std::vector<std::vector<std::string>> cells;
    std::size_t height = 1;
    for (const std::string& cell : row) {
      cells.push_back(lines_of(cell));
      height = std::max(height, cells.back().size());
    }
    for (std::size_t i = 0; i < height; ++i) {
      for (std::size_t k = 0; k < row.size(); ++k) {
        const std::string line = i < cells[k].size() ? cells[k][i] : std::string();
        const std::string padding(widths[k] - width_of(line), ' ');
        const bool goes_on = i + 1 < cells[k].size();
        const bool is_last = k + 1 == row.size();
        out += k > 0 ? "| " : " ";
        out += right_aligned[k] ? padding + line : line + (is_last && !goes_on ? std::string() : padding);
        if (goes_on) {
          out += '+';
        } else if (!is_last) {
          out += ' ';
        }
      }
      out += '\n';
    }
  }
  return out;
}

std::string result_text(const StatementResult& result) {
  std::string out;
  for (const auto& notice : result.notices) out += notice.severity + ":  " + notice.message + "\n";
  if (result.types != nullptr) {
    const std::size_t width = result.types->size();
    std::vector<std::vector<std::string>> rows;
    for (std::size_t i = 0; i < result.rows.size(); ++i) {
      auto& row = rows.emplace_back();
      for (std::size_t k = 0; k < width; ++k) row.push_back(result.rows[i][k].text());
    }
    std::vector<bool> right;
    for (const TypeRef& type : *result.types) right.push_back(is_number(type));
    const auto count = width == 0 ? result.rows.affected() : static_cast<std::int64_t>(rows.size());
    out += aligned_table(width == 0 ? std::vector<std::string>() : result.rows.shape()->columns, rows, right);
    out += "(" + std::to_string(count) + (count == 1 ? " row)\n\n" : " rows)\n\n");
    if (result.command_tag.starts_with("SELECT") || result.command_tag == "SHOW") return out;
  }
  if (!result.command_tag.empty()) out += result.command_tag + "\n";
  return out;
}

std::string error_text(const SqlError& error, std::string_view statement) {
  std::string out = "ERROR:  " + error.message + "\n" + place_text(statement, error.position);
  if (!error.detail.empty()) out += "DETAIL:  " + error.detail + "\n";
  if (!error.hint.empty()) out += "HINT:  " + error.hint + "\n";
  if (!error.context.empty()) out += "CONTEXT:  " + error.context + "\n";
  return out;
}

}  // namespace orrery::cli::sql
