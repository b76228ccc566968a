#include "runtime/files.hpp"

#include <cstdint>

namespace orrery {
namespace {

constexpr std::size_t kLongestSegment = 200;  // a file system's 255, less what a name for the time of writing adds
constexpr std::size_t kLongestPath = 1024;

bool is_segment(std::string_view segment) noexcept {
  if (segment.empty() || segment == "." || segment == ".." || segment.size() > kLongestSegment) return false;
  for (const char c : segment) {
    const bool known = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
                       c == '-';
    if (!known) return false;
  }
  return true;
}

}  // namespace

bool is_file_path(std::string_view path) noexcept {
  if (path.size() > kLongestPath) return false;
  for (;;) {
    const std::size_t slash = path.find('/');
    if (!is_segment(path.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

void require_file_path(std::string_view path) {
  if (!is_file_path(path)) throw FilesFailed(Effect::did_not_happen, "\"" + std::string(path) + "\" is no path of a file");
}

std::string content_hash(std::string_view bytes) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text(16, '0');
  for (std::size_t i = 0; i < 16; ++i) text[i] = kHex[hash >> (60 - 4 * i) & 15];
  return text;
}

}  // namespace orrery
