#include "runtime/http.hpp"

#include <algorithm>

#include "runtime/check.hpp"

namespace orrery {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::vector<std::string_view> split_path(std::string_view path) {
  std::vector<std::string_view> segments;
  std::size_t at = 0;
  while (at < path.size()) {
    if (path[at] == '/') {
      ++at;
      continue;
    }
    const std::size_t end = std::min(path.find('/', at), path.size());
    segments.push_back(path.substr(at, end - at));
    at = end;
  }
  return segments;
}

bool is_parameter(std::string_view segment) { return segment.size() > 2 && segment.front() == '{' && segment.back() == '}'; }

}  // namespace

std::string_view Headers::get(std::string_view name) const noexcept {
  for (const auto& [field, value] : fields_) {
    if (same_name(field, name)) return value;
  }
  return {};
}

bool Headers::has(std::string_view name) const noexcept {
  return std::ranges::any_of(fields_, [&](const auto& field) { return same_name(field.first, name); });
}

void Headers::set(std::string_view name, std::string value) {
  for (auto& [field, old] : fields_) {
    if (same_name(field, name)) {
      old = std::move(value);
      return;
    }
  }
  fields_.emplace_back(std::string(name), std::move(value));
}

void Headers::append(std::string_view name, std::string_view value) {
  for (auto& [field, old] : fields_) {
    if (!same_name(field, name)) continue;
    old.append(", ").append(value);
    return;
  }
  if (fields_.empty()) fields_.reserve(8);  // as many as most messages have
  fields_.emplace_back(name, value);
}

std::string_view Request::path() const noexcept {
  const std::string_view whole = target;
  return whole.substr(0, std::min(whole.find('?'), whole.size()));
}

std::optional<std::string> Request::query(std::string_view name) const {
  const std::size_t mark = target.find('?');
  if (mark == std::string::npos) return std::nullopt;
  std::string_view rest = std::string_view(target).substr(mark + 1);
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, std::min(rest.find('&'), rest.size()));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (percent_decode(pair.substr(0, equals)) != name) continue;
    return percent_decode(pair.substr(std::min(equals + 1, pair.size())));
  }
  return std::nullopt;
}

std::string_view Request::parameter(std::string_view name) const noexcept {
  const auto found = path_parameters.find(name);
  return found == path_parameters.end() ? std::string_view{} : std::string_view(found->second);
}

void Routes::add(std::string_view route, Http::Handler handler) {
  const std::size_t space = route.find(' ');
  CHECK(space != std::string_view::npos && space + 1 < route.size() && route[space + 1] == '/',
        "a route is a method and a path: \"GET /users/{id}\"");
  for (const Entry& entry : entries_) CHECK(entry.pattern != route, "a route was added twice");
  Entry entry;
  entry.pattern = route;
  entry.method = route.substr(0, space);
  entry.path = route.substr(space + 1);
  for (const std::string_view segment : split_path(entry.path)) entry.segments.emplace_back(segment);
  entry.is_literal = std::ranges::none_of(entry.segments, [](const std::string& segment) { return is_parameter(segment); });
  entry.handler = std::move(handler);
  entries_.push_back(std::move(entry));
}

Routes::Match Routes::find(Request& request) const {
  // Nothing fits better than the path itself.
  for (const Entry& entry : entries_) {
    if (entry.is_literal && entry.path == request.path() && entry.method == request.method) {
      return {&entry.handler, true, entry.pattern};
    }
  }
  const std::vector<std::string_view> path = split_path(request.path());
  const Entry* best = nullptr;
  std::size_t best_literals = 0;
  Match match;
  for (const Entry& entry : entries_) {
    if (entry.segments.size() != path.size()) continue;
    std::size_t literals = 0;
    bool fits = true;
    for (std::size_t i = 0; i < path.size() && fits; ++i) {
      if (is_parameter(entry.segments[i])) continue;
      fits = entry.segments[i] == path[i];
      ++literals;
    }
    if (!fits) continue;
    match.path_known = true;
    if (entry.method != request.method || (best != nullptr && literals <= best_literals)) continue;
    best = &entry;
    best_literals = literals;
  }
  if (best == nullptr) return match;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const std::string_view segment = best->segments[i];
    if (is_parameter(segment)) {
      request.path_parameters[std::string(segment.substr(1, segment.size() - 2))] = percent_decode(path[i]);
    }
  }
  match.handler = &best->handler;
  match.pattern = best->pattern;
  return match;
}

std::string percent_decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
      decoded.push_back(static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2])));
      i += 2;
    } else {
      decoded.push_back(text[i]);
    }
  }
  return decoded;
}

std::string percent_encode(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                            c == '.' || c == '_' || c == '~';
    if (unreserved) {
      encoded.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded.push_back('%');
      encoded.push_back(kHex[byte >> 4]);
      encoded.push_back(kHex[byte & 15]);
    }
  }
  return encoded;
}

}  // namespace orrery
