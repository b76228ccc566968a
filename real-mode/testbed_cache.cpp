// The test bed's cache: a Redis server behind the proxy, as a host of its own.
#include <signal.h>

#include <utility>

#include "real-mode/testbed.hpp"

namespace orrery::real {
namespace {

constexpr Duration kLookEvery = 10ms;
constexpr Duration kAnswersWithin = 30s;

}  // namespace

bool TestBed::has_cache() const { return settings_.cache && !PrivateRedis::program().empty(); }

std::string TestBed::why_no_cache() const {
  if (!settings_.cache) return "the topology has no cache";
  return has_cache() ? "" : "no Redis server is installed (Debian: redis-server): each process has a cache of its own";
}

void TestBed::start_cache() {
  if (!has_cache()) return;
  cache_ = std::make_unique<CacheServer>(loop_, proxy_->fresh_address(), folder_);
  cache_->down = true;
  for (const auto& replica : replicas_) {
    ways_[{replica->host, kCacheHost}] =
        proxy_->carry(replica->host, kCacheHost, cache_->redis.address(), Proxy::Protocol::bytes);
  }
  launch_cache();
}

void TestBed::launch_cache() {
  cache_->redis.launch();
  loop_.spawn("cache", open_cache());
}

Task<void> TestBed::open_cache() {
  const Instant until = loop_.now() + kAnswersWithin;
  while (!ending_) {
    Task<bool> asking = cache_->redis.answers();
    const bool answers = co_await std::move(asking);
    if (answers) {
      cache_->down = false;
      open(kCacheHost);
      if (cache_->incarnation++ > 0) note(EventKind::host_started, kCacheHost, {}, {}, cache_->incarnation);
      co_return;
    }
    if (loop_.now() > until) {
      broken_ = "Redis does not answer within " + to_string(kAnswersWithin);
      co_return;
    }
    Waiter waiter(loop_);
    co_await waiter.wait_until(loop_.now() + kLookEvery);
  }
}

/// A crash or a stop: it comes back empty.
void TestBed::end_cache(const Fault& fault) {
  cache_->down = true;
  proxy_->close(kCacheHost);
  cache_->redis.process().signal(fault.kind == FaultKind::crash ? SIGKILL : SIGTERM);
  cache_->redis.process().wait(2s);
  cache_->redis.process().signal(SIGKILL);  // one that stands still heeds nothing else
  cache_->redis.process().wait(2s);
  note(fault.kind == FaultKind::crash ? EventKind::host_crashed : EventKind::host_stopped, kCacheHost, {}, {}, cache_->incarnation,
       to_string(fault));
  at(loop_.now() + fault.lasts, "start the cache again", [this, fault, outage = ++cache_->outages] {
    if (ending_ || outage != cache_->outages) return;
    start_cache_again();
    note(EventKind::fault_healed, fault.target, to_string(fault.kind), address_of(fault));
  });
}

void TestBed::start_cache_again() {
  if (cache_ == nullptr || cache_->redis.process().running()) return;
  ++cache_->outages;
  launch_cache();
}

void TestBed::refuse_cache(bool begins) {
  cache_->refusing += begins ? 1 : -1;
  loop_.spawn("cache", cache_->redis.refuse(cache_->refusing > 0));
}

}  // namespace orrery::real
