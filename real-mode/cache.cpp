#include "real-mode/cache.hpp"

#include <charconv>
#include <optional>
#include <utility>

namespace orrery::real {
void MemoryCache::erase(std::map<std::string, Entry>::iterator entry) {
  uses_.erase(entry->second.use);
  entries_.erase(entry);
}

MemoryCache::Entry* MemoryCache::find(const std::string& key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return nullptr;
  if (found->second.expires <= loop_.now()) {
    erase(found);
    return nullptr;
  }
  uses_.splice(uses_.begin(), uses_, found->second.use);
  return &found->second;
}

void MemoryCache::put(const std::string& key, std::string value, Duration time_to_live) {
  CHECK(time_to_live > Duration::zero(), "a time to live is positive");
  const auto [entry, is_new] = entries_.try_emplace(key);
  if (is_new) entry->second.use = uses_.insert(uses_.begin(), &entry->first);
  uses_.splice(uses_.begin(), uses_, entry->second.use);
  entry->second.value = std::move(value);
  entry->second.expires = loop_.now() + std::chrono::ceil<std::chrono::milliseconds>(time_to_live);
  if (entries_.size() > most_) erase(entries_.find(*uses_.back()));
}

Task<std::optional<std::string>> MemoryCache::get(std::string key) {
  const Entry* entry = find(key);
  co_return entry == nullptr ? std::nullopt : std::optional(entry->value);
}

Task<void> MemoryCache::set(std::string key, std::string value, Duration time_to_live) {
  put(key, std::move(value), time_to_live);
  co_return;
}

Task<bool> MemoryCache::set_if_absent(std::string key, std::string value, Duration time_to_live) {
  if (find(key) != nullptr) co_return false;
  put(key, std::move(value), time_to_live);
  co_return true;
}

Task<bool> MemoryCache::remove(std::string key) {
  const bool was_there = find(key) != nullptr;
  if (was_there) erase(entries_.find(key));
  co_return was_there;
}

Task<std::int64_t> MemoryCache::increment(std::string key, std::int64_t by, Duration time_to_live) {
  Entry* entry = find(key);
  if (entry == nullptr) {
    put(key, std::to_string(by), time_to_live);
    co_return by;
  }
  const std::optional<std::int64_t> value = counted(entry->value);
  if (!value) throw CacheFailed(Effect::did_not_happen, "cache: increment " + key + ": its value is no integer");
  std::int64_t sum = 0;
  if (__builtin_add_overflow(*value, by, &sum)) {
    throw CacheFailed(Effect::did_not_happen, "cache: increment " + key + ": the sum is no 64-bit integer");
  }
  entry->value = std::to_string(sum);
  co_return sum;
}

}  // namespace orrery::real
