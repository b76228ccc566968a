#include "sim/cache.hpp"

#include <charconv>
#include <utility>

namespace orrery::sim {
namespace {

/// How long a client waits for an answer: a cache that takes longer is no help.
constexpr Duration kAnswerWithin = 1s;

}  // namespace

CacheServer::CacheServer(Kernel& kernel, Network& network, Decisions& decisions)
    : kernel_(kernel), network_(network), decisions_(decisions), server_(kernel, network, [&kernel](std::uint64_t identity) {
        return 10us + Duration(below(kernel.draw(Site::cache_cost, identity, 1), 190'000));
      }) {}

std::unique_ptr<Machine> CacheServer::boot() { return std::make_unique<Memory>(); }

CacheServer::Mishap CacheServer::next_command(const Host& client) {
  const std::string_view link = network_.link_name(client, server_.host());
  const std::uint64_t entity = network_.link_entity(client, server_.host());
  const std::uint64_t occasion = ++commands_[client.id];
  Mishap mishap;
  mishap.flush = decisions_.strike(FaultKind::cache_flush, link, entity, occasion) != nullptr;
  mishap.evict = decisions_.strike(FaultKind::cache_evict, link, entity, occasion) != nullptr;
  return mishap;
}

CacheServer::Entry* CacheServer::find(const std::string& key) const {
  auto& entries = memory().entries;
  const auto found = entries.find(key);
  if (found == entries.end()) return nullptr;
  if (found->second.expires > kernel_.now()) return &found->second;
  entries.erase(found);
  return nullptr;
}

void CacheServer::put(const std::string& key, std::string value, Duration time_to_live) {
  Entry entry;
  entry.value = std::move(value);
  entry.expires = kernel_.now() + std::chrono::ceil<std::chrono::milliseconds>(time_to_live);
  memory().entries.insert_or_assign(key, std::move(entry));
}

std::optional<std::string> CacheServer::peek(const std::string& key) const {
  if (!server_.host().alive()) return std::nullopt;
  const Entry* entry = find(key);
  return entry == nullptr ? std::nullopt : std::optional(entry->value);
}

Task<void> CacheClient::command(std::string name, std::string key, std::function<std::string()> work, Effect if_unheard) {
  const auto why = std::make_shared<std::string>();
  std::string label = name + " " + key;
  const std::string what = "cache: " + label + ": ";
  std::function<void()> at_server = [&server = server_, mishap = server_.next_command(host_), key = std::move(key),
                                     work = std::move(work), why] {
    if (mishap.flush) server.memory().entries.clear();
    if (mishap.evict) server.memory().entries.erase(key);
    *why = server.refusing_ > 0 ? "the cache is out of service" : work();
  };
  Task<ResourceCall::Outcome> asking = server_.server_.ask(host_, std::move(label), std::move(at_server), kAnswerWithin);
  switch (co_await std::move(asking)) {
    case ResourceCall::Outcome::answered:
      if (!why->empty()) throw CacheFailed(Effect::did_not_happen, what + *why);
      co_return;
    case ResourceCall::Outcome::refused: throw CacheFailed(Effect::did_not_happen, what + "the cache cannot be reached");
    case ResourceCall::Outcome::broken: throw CacheFailed(if_unheard, what + "the connection broke");
    case ResourceCall::Outcome::open: break;
  }
  throw CacheFailed(if_unheard, what + "no answer within " + orrery::to_string(kAnswerWithin));
}

Task<std::optional<std::string>> CacheClient::get(std::string key) {
  const auto found = std::make_shared<std::optional<std::string>>();
  std::function<std::string()> work = [&server = server_, key, found]() -> std::string {
    if (const CacheServer::Entry* entry = server.find(key)) *found = entry->value;
    return {};
  };
  Task<void> asking = command("get", std::move(key), std::move(work), Effect::did_not_happen);
  co_await std::move(asking);
  co_return std::move(*found);
}

Task<void> CacheClient::set(std::string key, std::string value, Duration time_to_live) {
  CHECK(time_to_live > Duration::zero(), "a time to live is positive");
  std::function<std::string()> work = [&server = server_, key, value = std::move(value), time_to_live]() -> std::string {
    server.put(key, value, time_to_live);
    return {};
  };
  Task<void> asking = command("set", std::move(key), std::move(work), Effect::may_have_happened);
  co_await std::move(asking);
}

Task<bool> CacheClient::set_if_absent(std::string key, std::string value, Duration time_to_live) {
  CHECK(time_to_live > Duration::zero(), "a time to live is positive");
  const auto is_set = std::make_shared<bool>(false);
  std::function<std::string()> work = [&server = server_, key, value = std::move(value), time_to_live,
                                       is_set]() -> std::string {
    if (server.find(key) != nullptr) return {};
    server.put(key, value, time_to_live);
    *is_set = true;
    return {};
  };
  Task<void> asking = command("set if absent", std::move(key), std::move(work), Effect::may_have_happened);
  co_await std::move(asking);
  co_return *is_set;
}

Task<bool> CacheClient::remove(std::string key) {
  const auto was_there = std::make_shared<bool>(false);
  std::function<std::string()> work = [&server = server_, key, was_there]() -> std::string {
    *was_there = server.find(key) != nullptr;
    server.memory().entries.erase(key);
    return {};
  };
  Task<void> asking = command("remove", std::move(key), std::move(work), Effect::may_have_happened);
  co_await std::move(asking);
  co_return *was_there;
}

Task<std::int64_t> CacheClient::increment(std::string key, std::int64_t by, Duration time_to_live) {
  CHECK(time_to_live > Duration::zero(), "a time to live is positive");
  const auto sum = std::make_shared<std::int64_t>(0);
  std::function<std::string()> work = [&server = server_, key, by, time_to_live, sum]() -> std::string {
    CacheServer::Entry* entry = server.find(key);
    if (entry == nullptr) {
      *sum = by;
      server.put(key, std::to_string(by), time_to_live);
      return {};
    }
    const std::optional<std::int64_t> value = counted(entry->value);
    if (!value) return "its value is no integer";
    if (__builtin_add_overflow(*value, by, sum.get())) return "the sum is no 64-bit integer";
    entry->value = std::to_string(*sum);
    return {};
  };
  Task<void> asking = command("increment", std::move(key), std::move(work), Effect::may_have_happened);
  co_await std::move(asking);
  co_return *sum;
}

}  // namespace orrery::sim
