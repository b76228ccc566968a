#include "cli/screen.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "cli/input.hpp"

namespace orrery::cli {
namespace {

bool is_terminal(std::FILE* file) {
  const char* terminal = std::getenv("TERM");
  return ::isatty(::fileno(file)) == 1 && terminal != nullptr && std::string_view(terminal) != "dumb";
}

/// Characters, not bytes: continuation bytes of UTF-8 do not count.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

bool is_number(std::string_view cell) {
  return !cell.empty() && cell.find_first_not_of("0123456789,.") == std::string_view::npos;
}

}  // namespace

Screen::Screen(std::FILE* to) : to_(to) {
  const char* no_color = std::getenv("NO_COLOR");
  colours_ = is_terminal(to) && (no_color == nullptr || *no_color == '\0');
}

void Screen::line(std::string_view text) const { this->text(std::string(text) + '\n'); }

void Screen::text(std::string_view text) const {
  const bool written = std::fwrite(text.data(), 1, text.size(), to_) == text.size() && std::fflush(to_) == 0;
  // A reader that had enough (`| head`) is no reason to stop: files are still to be written.
  if (!written && errno != EPIPE)
    throw UsageError(fmt::format("the output cannot be written: {}", std::strerror(errno)));
}

std::string Screen::dressed(std::string_view text, const char* code) const {
  return colours_ ? fmt::format("\033[{}m{}\033[0m", code, text) : std::string(text);
}

std::string Table::text(int indent) const {
  std::vector<std::size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line(static_cast<std::size_t>(indent), ' ');
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - width_of(row[i]), ' ');
      line += is_number(row[i]) ? padding + row[i] : row[i] + padding;
      line += "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

ProgressLine::ProgressLine(std::string what) : what_(std::move(what)), terminal_(is_terminal(stderr)) {}

void ProgressLine::show(const CampaignProgress& progress) {
  const double wall = std::max(seconds_of(progress.wall), 1e-9);
  const double speed = static_cast<double>(progress.done) / wall;
  std::string numbers =
      fmt::format("{}/{} seeds, {:.0f}/s, {} simulated, {} violating", progress.done, progress.planned, speed,
                  seconds_text(seconds_of(progress.simulated)), progress.bad);
  if (progress.done > 0 && progress.done < progress.planned) {
    numbers += fmt::format(", {} left", seconds_text(static_cast<double>(progress.planned - progress.done) / speed));
  }
  if (!terminal_) {
    if (progress.wall - told_ < 10s) return;
    told_ = progress.wall;
    std::fputs(fmt::format("{}: {}\n", what_, numbers).c_str(), stderr);
    return;
  }
  winsize window{};
  const std::size_t columns =
      ::ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0 ? window.ws_col : 80;
  constexpr std::size_t kBar = 24;
  const std::size_t filled = progress.planned == 0 ? kBar : kBar * progress.done / progress.planned;
  std::string line =
      fmt::format("{} [{}{}] {}", what_, std::string(filled, '#'), std::string(kBar - filled, '.'), numbers);
  if (line.size() >= columns) line = numbers.substr(0, columns - 1);
  std::fputs(fmt::format("\r{}\033[K", line).c_str(), stderr);
  std::fflush(stderr);
  drawn_ = true;
}

void ProgressLine::clear() {
  if (!drawn_) return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
  drawn_ = false;
}

std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

std::string seconds_text(double seconds) {
  if (seconds < 10) return fmt::format("{:.2f} s", seconds);
  if (seconds < 100) return fmt::format("{:.1f} s", seconds);
  return grouped(static_cast<std::uint64_t>(seconds + 0.5)) + " s";
}

double seconds_of(Duration duration) { return std::chrono::duration<double>(duration).count(); }

std::string count_text(std::uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", grouped(count), noun, count == 1 ? "" : "s");
}

std::string hash_text(std::uint64_t hash) { return fmt::format("{:016x}", hash); }

}  // namespace orrery::cli
