#include "properties/property.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace orrery {

const char* to_string(Mode mode) noexcept {
  switch (mode) {
    case Mode::always:
      return "always";
    case Mode::eventually:
      return "eventually";
    case Mode::sometimes:
      return "sometimes";
  }
  return "?";
}

namespace {

Property judged(std::string name, Mode mode, std::string claim, Check check) {
  CHECK(check != nullptr, name);
  Check named = [name, check = std::move(check)](const HistoryIndex& index) {
    Verdict verdict = check(index);
    for (Violation& violation : verdict.violations) violation.signature = name + ": " + violation.signature;
    return verdict;
  };
  return {std::move(name), mode, std::move(claim), std::move(named)};
}

}  // namespace

Property always(std::string name, std::string claim, Check check) {
  return judged(std::move(name), Mode::always, std::move(claim), std::move(check));
}

Property eventually(std::string name, std::string claim, Check check) {
  return judged(std::move(name), Mode::eventually, std::move(claim), std::move(check));
}

Property sometimes(std::string name, std::string claim, Predicate happened) {
  CHECK(happened != nullptr, name);
  Check check = [happened = std::move(happened)](const HistoryIndex& index) {
    const Occurrences occurrences = happened(index);
    Verdict verdict;
    verdict.examined = occurrences.count;
    verdict.witness = occurrences.first;
    return verdict;
  };
  return {std::move(name), Mode::sometimes, std::move(claim), std::move(check)};
}

void Findings::violate(std::string_view shape, std::string what, std::vector<EventId> evidence) {
  std::erase(evidence, EventId{0});
  std::sort(evidence.begin(), evidence.end());
  evidence.erase(std::unique(evidence.begin(), evidence.end()), evidence.end());
  violations_.push_back({std::move(what), std::move(evidence), std::string(shape)});
}

Verdict Findings::verdict() && {
  // A violation is complete with the last of its events; of those that end together the one that began first comes
  // first, and then the place in the vector decides.
  std::vector<std::tuple<EventId, EventId, std::size_t>> order;
  order.reserve(violations_.size());
  for (std::size_t i = 0; i < violations_.size(); ++i) {
    const std::vector<EventId>& evidence = violations_[i].evidence;
    if (evidence.empty()) {
      order.emplace_back(0, 0, i);
    } else {
      order.emplace_back(evidence.back(), evidence.front(), i);
    }
  }
  std::sort(order.begin(), order.end());
  if (order.size() > kKept) order.resize(kKept);

  Verdict verdict;
  verdict.holds = violations_.empty();
  verdict.violated = static_cast<std::int64_t>(violations_.size());
  verdict.examined = examined_;
  for (const auto& [last, first, place] : order) verdict.violations.push_back(std::move(violations_[place]));
  return verdict;
}

std::string short_id(std::string_view id) {
  const bool is_long_hex = id.size() >= 16 && id.find_first_not_of("0123456789abcdefABCDEF-") == std::string_view::npos;
  if (is_long_hex) return std::string(id.substr(0, 8));
  if (id.size() <= 40) return std::string(id);
  std::size_t end = 40;
  while (end > 0 && (static_cast<unsigned char>(id[end]) & 0xC0) == 0x80) --end;  // between two characters
  return std::string(id.substr(0, end)) + "…";
}

}  // namespace orrery
