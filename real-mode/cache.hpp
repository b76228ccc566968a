#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>

#include "real-mode/loop.hpp"
#include "real-mode/places.hpp"
#include "real-mode/socket.hpp"
#include "runtime/cache.hpp"

namespace orrery::real {

/// A cache in the process's own memory, for a service of one replica or one that does not mind: every process has its own. At
/// most `most` keys, of which those unused for the longest are given up.
class MemoryCache final : public Cache {
 public:
  explicit MemoryCache(Loop& loop, std::size_t most = 65'536) : loop_(loop), most_(most) {}

  Task<std::optional<std::string>> get(std::string key) override;
  Task<void> set(std::string key, std::string value, Duration time_to_live) override;
  Task<bool> set_if_absent(std::string key, std::string value, Duration time_to_live) override;
  Task<bool> remove(std::string key) override;
  Task<std::int64_t> increment(std::string key, std::int64_t by, Duration time_to_live) override;

 private:
  struct Entry {
    std::string value;
    Instant expires;
    std::list<const std::string*>::iterator use;
  };
  Entry* find(const std::string& key);
  void put(const std::string& key, std::string value, Duration time_to_live);
  void erase(std::map<std::string, Entry>::iterator entry);

  Loop& loop_;
  const std::size_t most_;
  std::map<std::string, Entry> entries_;
  std::list<const std::string*> uses_;  // the latest first
};

/// A Redis server, through hiredis on the loop's thread: one connection, made when it is needed and again after it broke.
/// A command that is not answered within a second breaks it: may have happened.
class RedisCache final : public Cache {
 public:
  RedisCache(Loop& loop, Address address);
  /// In a test bed: `link` ("user-1>cache") loses everything, or a key, just before its n-th command.
  RedisCache(Loop& loop, Address address, Mishaps& mishaps, std::string link);
  /// Its tasks must be gone.
  ~RedisCache();

  Task<std::optional<std::string>> get(std::string key) override;
  Task<void> set(std::string key, std::string value, Duration time_to_live) override;
  Task<bool> set_if_absent(std::string key, std::string value, Duration time_to_live) override;
  Task<bool> remove(std::string key) override;
  Task<std::int64_t> increment(std::string key, std::int64_t by, Duration time_to_live) override;

 private:
  class Link;
  struct Reply;
  void suffer(const std::vector<std::string>& words);
  /// Throws CacheFailed; `if_unheard` is the effect if no answer comes.
  Task<Reply> command(std::vector<std::string> words, Effect if_unheard);

  Loop& loop_;
  const Address address_;
  Mishaps* const mishaps_ = nullptr;
  const std::string link_name_;
  std::shared_ptr<Link> link_;
};

}  // namespace orrery::real
