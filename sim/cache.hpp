#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "runtime/cache.hpp"
#include "sim/decisions.hpp"
#include "sim/resource.hpp"

namespace orrery::sim {

/// A simulated cache: a host that keeps everything in memory. After a crash it is empty.
class CacheServer {
 public:
  CacheServer(Kernel& kernel, Network& network, Decisions& decisions);

  /// Names the cache's host; once, before it starts.
  void attach(Host& host) { server_.attach(host); }
  /// Its memory, at each start.
  [[nodiscard]] std::unique_ptr<Machine> boot();
  /// Begins or ends a time in which every command is refused; these add up.
  void refuse(bool refuses) noexcept { refusing_ += refuses ? 1 : -1; }

  /// What a `get` would give now, seen from outside of the simulation; nullopt, too, while the cache is down.
  [[nodiscard]] std::optional<std::string> peek(const std::string& key) const;

 private:
  friend class CacheClient;
  struct Entry {
    std::string value;
    Instant expires;
  };
  struct Memory final : Machine {
    std::map<std::string, Entry> entries;
  };
  /// What the seed or the plan does to a command.
  struct Mishap {
    bool flush = false;
    bool evict = false;
  };
  [[nodiscard]] Memory& memory() const { return *static_cast<Memory*>(server_.host().machine()); }
  [[nodiscard]] Mishap next_command(const Host& client);
  /// The live entry of `key`; null: none.
  [[nodiscard]] Entry* find(const std::string& key) const;
  void put(const std::string& key, std::string value, Duration time_to_live);

  Kernel& kernel_;
  Network& network_;
  Decisions& decisions_;
  ResourceServer server_;
  int refusing_ = 0;
  std::map<std::uint32_t, std::uint64_t> commands_;  // by client host: the occasions of decisions, over its restarts
};

/// A host's end of the cache.
class CacheClient final : public Cache {
 public:
  CacheClient(Host& host, CacheServer& server) : host_(host), server_(server) {}

  Task<std::optional<std::string>> get(std::string key) override;
  Task<void> set(std::string key, std::string value, Duration time_to_live) override;
  Task<bool> set_if_absent(std::string key, std::string value, Duration time_to_live) override;
  Task<bool> remove(std::string key) override;
  Task<std::int64_t> increment(std::string key, std::int64_t by, Duration time_to_live) override;

 private:
  /// Carries a command out at the server; `work` gives why it is refused, empty: it is not.
  Task<void> command(std::string name, std::string key, std::function<std::string()> work, Effect if_unheard);

  Host& host_;
  CacheServer& server_;
};

}  // namespace orrery::sim
