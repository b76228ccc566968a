#include "faults/profiles.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "runtime/database.hpp"

namespace orrery {
namespace {

constexpr std::size_t kKinds = static_cast<std::size_t>(FaultKind::count_);

constexpr std::array<FaultProfile, 4> kProfiles = {{
    {"none", "no faults at all: the system on a good day"},
    {"light", "a few faults of every kind: an ordinary bad day"},
    {"heavy", "many faults of every kind, several of them at once"},
    {"swarm", "each seed draws which kinds exist at all and how often: deep in some, without others"},
}};

/// How often each kind strikes in a run, per profile: an intensity of 100 is what `heavy` does.
using Intensities = std::array<int, kKinds>;

struct Span {
  Duration low;
  Duration high;
};

/// What is drawn of a kind at an intensity of 100.
struct Shape {
  FaultKind kind;
  int episodes = 0;               // at most so many a run
  std::uint32_t per_million = 0;  // of the occasions of a decision
  std::vector<Span> lasts = {};   // one of these is chosen, then a time within it
  std::int64_t amount_low = 0;
  std::int64_t amount_high = 0;
  bool at_databases = false;  // instead of at the kind's usual targets
};

/// Crashes at a place, of a million places that are reached.
constexpr std::uint32_t kCrashesAtPlaces = 2'500;
constexpr Span kRestart{100ms, 6s};
/// Pauses at a place, likewise, but never between a look at a lease and the call that it covers: mostly longer than a lease.
constexpr std::uint32_t kPausesAtPlaces = 1'000;
constexpr Span kStandsStill{2s, 40s};

const std::vector<Shape>& shapes() {
  static const std::vector<Shape> all = {
      {FaultKind::crash, 3, 0, {{50ms, 1s}, {1s, 8s}, {10s, 20s}}},
      {FaultKind::stop, 2, 0, {{200ms, 2s}, {2s, 10s}}},
      // The third range is longer than leases and acknowledgement deadlines are.
      {FaultKind::pause, 3, 0, {{20ms, 1s}, {1s, 10s}, {30s, 45s}}},
      {FaultKind::clock_jump, 2, 0, {{1s, 10s}, {10s, 60s}}, -120'000'000, 120'000'000},
      // A database's clock is the one that leases are counted by: what it got wrong outlives the fault.
      {FaultKind::clock_jump, 1, 0, {{1s, 10s}, {10s, 60s}}, -8'000'000, 8'000'000, true},
      {FaultKind::clock_drift, 2, 0, {{5s, 60s}}, -50'000, 50'000},
      {FaultKind::partition, 3, 0, {{50ms, 2s}, {2s, 15s}}},
      {FaultKind::one_way_partition, 3, 0, {{50ms, 2s}, {2s, 15s}}},
      {FaultKind::slow_link, 3, 0, {{1s, 15s}}, 5'000, 1'500'000},
      {FaultKind::slow_service, 3, 0, {{1s, 10s}}, 50'000, 6'000'000},
      {FaultKind::error_burst, 3, 0, {{100ms, 2s}, {2s, 8s}}},
      {FaultKind::slow_database, 2, 0, {{1s, 10s}}, 5'000, 400'000},
      {FaultKind::broker_delay, 2, 0, {{1s, 10s}}, 50'000, 8'000'000},
      {FaultKind::drop, 0, 600},
      {FaultKind::duplicate, 0, 8'000},
      {FaultKind::delay, 0, 3'000, {}, 1'000, 3'000'000},
      {FaultKind::break_statement, 0, 1'500},
      {FaultKind::break_before_commit, 0, 6'000},
      {FaultKind::break_during_commit, 0, 8'000},
      {FaultKind::break_after_commit, 0, 10'000},
      {FaultKind::kill_session, 0, 1'500},
      {FaultKind::deadlock, 0, 2'000},
      {FaultKind::lose_publish, 0, 20'000},
      {FaultKind::lose_confirmation, 0, 20'000},
      {FaultKind::lose_ack, 0, 30'000},
      {FaultKind::redeliver, 0, 30'000},
      {FaultKind::cache_down, 2, 0, {{200ms, 2s}, {2s, 15s}}},
      {FaultKind::disk_full, 2, 0, {{500ms, 3s}, {3s, 8s}}},
      {FaultKind::cache_flush, 0, 2'000},
      {FaultKind::cache_evict, 0, 30'000},
      {FaultKind::failover, 2, 0, {{500ms, 3s}, {3s, 12s}}},
      {FaultKind::switchover, 1, 0, {{200ms, 2s}}},
      // Longer than a poll of the outbox takes, so that what is lost had been published.
      {FaultKind::standby_lag, 3, 0, {{1s, 15s}}, 50'000, 6'000'000},
      {FaultKind::read_only_database, 2, 0, {{200ms, 2s}, {2s, 8s}}},
      {FaultKind::connection_limit, 2, 0, {{500ms, 3s}, {3s, 10s}}, 0, 6},
      // The last range is longer than a reader of events may be late.
      {FaultKind::idle_transaction, 2, 0, {{500ms, 5s}, {5s, 20s}, {20s, 60s}}},
      {FaultKind::serialization_failure, 0, 15'000},
      {FaultKind::break_listening, 0, 20'000},
  };
  return all;
}

/// The links that matter: between services, and from a service to what it stores in and back.
std::vector<std::pair<std::string, std::string>> pairs_of(const FaultHosts& hosts) {
  std::vector<std::string> others = hosts.databases;
  if (!hosts.broker.empty()) others.push_back(hosts.broker);
  others.insert(others.end(), hosts.file_stores.begin(), hosts.file_stores.end());
  if (!hosts.cache.empty()) others.push_back(hosts.cache);
  others.emplace_back("*");
  std::vector<std::pair<std::string, std::string>> pairs;
  for (std::size_t i = 0; i < hosts.services.size(); ++i) {
    for (const std::string& other : others) pairs.emplace_back(hosts.services[i], other);
    for (std::size_t j = i + 1; j < hosts.services.size(); ++j) pairs.emplace_back(hosts.services[i], hosts.services[j]);
  }
  for (const std::string& database : hosts.replicated) pairs.emplace_back(database, standby_of(database));
  return pairs;
}

/// What a kind of episode can be aimed at; empty: the hosts have nothing of the sort.
std::vector<std::string> targets_of(const Shape& shape, const FaultHosts& hosts) {
  if (shape.at_databases) return hosts.databases;
  std::vector<std::string> targets;
  const auto add = [&](const std::vector<std::string>& more) { targets.insert(targets.end(), more.begin(), more.end()); };
  switch (shape.kind) {
    case FaultKind::stop:
    case FaultKind::slow_service:
    case FaultKind::error_burst:
    case FaultKind::clock_jump:
    case FaultKind::clock_drift:
      add(hosts.services);
      break;
    case FaultKind::crash:
    case FaultKind::pause:
      // Services twice: there is more to lose in the middle of their work.
      add(hosts.services);
      add(hosts.services);
      add(hosts.databases);
      for (const std::string& database : hosts.replicated) targets.push_back(standby_of(database));
      if (!hosts.broker.empty()) targets.push_back(hosts.broker);
      add(hosts.file_stores);
      if (!hosts.cache.empty()) targets.push_back(hosts.cache);
      break;
    case FaultKind::slow_database:
    case FaultKind::read_only_database:
    case FaultKind::connection_limit:
    case FaultKind::idle_transaction:
      add(hosts.databases);
      break;
    case FaultKind::failover:
    case FaultKind::switchover:
    case FaultKind::standby_lag:
      add(hosts.replicated);
      break;
    case FaultKind::broker_delay:
      if (!hosts.broker.empty()) targets.push_back(hosts.broker);
      break;
    case FaultKind::cache_down:
      if (!hosts.cache.empty()) targets.push_back(hosts.cache);
      break;
    case FaultKind::disk_full:
      add(hosts.databases);
      add(hosts.file_stores);
      break;
    case FaultKind::partition:
      for (const auto& [a, b] : pairs_of(hosts)) targets.push_back(a + "|" + b);
      break;
    case FaultKind::one_way_partition:
    case FaultKind::slow_link:
      for (const auto& [a, b] : pairs_of(hosts)) {
        targets.push_back(a + ">" + b);
        targets.push_back(b + ">" + a);
      }
      break;
    default:
      break;
  }
  return targets;
}

/// A decision can strike if there is something that makes its occasions.
bool has_occasions(FaultKind kind, const FaultHosts& hosts) {
  switch (kind) {
    case FaultKind::drop:
    case FaultKind::duplicate:
    case FaultKind::delay:
      return !hosts.services.empty();
    case FaultKind::lose_publish:
    case FaultKind::lose_confirmation:
    case FaultKind::lose_ack:
    case FaultKind::redeliver:
      return !hosts.broker.empty();
    case FaultKind::cache_flush:
    case FaultKind::cache_evict:
      return !hosts.cache.empty();
    default:
      return !hosts.databases.empty();
  }
}

/// Uniform in [low, high], whatever the size: a run is not drawn small first, as RapidCheck's own runs are.
rc::Gen<std::int64_t> between(std::int64_t low, std::int64_t high) {
  return rc::gen::resize(rc::kNominalSize, rc::gen::inRange<std::int64_t>(low, high + 1));
}

rc::Gen<std::int64_t> microseconds_in(const std::vector<Span>& spans) {
  return rc::gen::mapcat(rc::gen::elementOf(spans), [](const Span& span) {
    return between(span.low / 1us, span.high / 1us);
  });
}

rc::Gen<Fault> episode(const Shape& shape, const FaultHosts& hosts, Duration during) {
  return rc::gen::map(
      rc::gen::tuple(rc::gen::elementOf(targets_of(shape, hosts)), between(0, during / 1us),
                     microseconds_in(shape.lasts), between(shape.amount_low, shape.amount_high)),
      [kind = shape.kind](std::tuple<std::string, std::int64_t, std::int64_t, std::int64_t> drawn) {
        Fault fault;
        fault.kind = kind;
        fault.target = std::move(std::get<0>(drawn));
        fault.at = std::chrono::microseconds(std::get<1>(drawn));
        fault.lasts = std::chrono::microseconds(std::get<2>(drawn));
        fault.amount = std::get<3>(drawn);
        return fault;
      });
}

/// From none up to `most`; shrinks by leaving some away.
rc::Gen<std::vector<Fault>> up_to(int most, const rc::Gen<Fault>& one) {
  return rc::gen::resize(most, rc::gen::container<std::vector<Fault>>(rc::gen::resize(rc::kNominalSize, one)));
}

rc::Gen<DrawnFaults> faults_at(const Intensities& intensities, const FaultHosts& hosts, Duration during) {
  DrawnFaults drawn;
  rc::Gen<std::vector<Fault>> episodes = rc::gen::just(std::vector<Fault>{});
  for (const Shape& shape : shapes()) {
    const int intensity = intensities[static_cast<std::size_t>(shape.kind)];
    if (intensity == 0) continue;
    if (is_episode(shape.kind)) {
      if (targets_of(shape, hosts).empty()) continue;
      if (std::ranges::find(drawn.kinds, shape.kind) == drawn.kinds.end()) drawn.kinds.push_back(shape.kind);
      const int most = std::max(1, shape.episodes * intensity / 100);
      episodes = rc::gen::map(rc::gen::pair(std::move(episodes), up_to(most, episode(shape, hosts, during))),
                              [](std::pair<std::vector<Fault>, std::vector<Fault>> both) {
                                both.first.insert(both.first.end(), both.second.begin(), both.second.end());
                                return std::move(both.first);
                              });
      continue;
    }
    if (!has_occasions(shape.kind, hosts)) continue;
    // Drawn all the same where nothing says that the services use SERIALIZABLE, or LISTEN, but not promised.
    const bool may_never_strike = (shape.kind == FaultKind::serialization_failure && !hosts.serializable) ||
                                  (shape.kind == FaultKind::break_listening && !hosts.listens);
    if (!may_never_strike) drawn.kinds.push_back(shape.kind);
    FaultRates::Rate& rate = drawn.rates[shape.kind];
    rate.per_million = std::max(1U, shape.per_million * static_cast<std::uint32_t>(intensity) / 100);
    rate.amount_low = shape.amount_low;
    rate.amount_high = shape.amount_high;
  }
  if (const int intensity = intensities[static_cast<std::size_t>(FaultKind::crash)];
      intensity > 0 && !hosts.services.empty()) {
    drawn.rates.crash_at_place.per_million = kCrashesAtPlaces * static_cast<std::uint32_t>(intensity) / 100;
    drawn.rates.crash_at_place.lasts_low = kRestart.low;
    drawn.rates.crash_at_place.lasts_high = kRestart.high;
  }
  if (const int intensity = intensities[static_cast<std::size_t>(FaultKind::pause)];
      intensity > 0 && !hosts.services.empty()) {
    drawn.rates.pause_at_place.per_million = kPausesAtPlaces * static_cast<std::uint32_t>(intensity) / 100;
    drawn.rates.pause_at_place.lasts_low = kStandsStill.low;
    drawn.rates.pause_at_place.lasts_high = kStandsStill.high;
  }
  return rc::gen::map(std::move(episodes), [drawn = std::move(drawn)](std::vector<Fault> faults) {
    std::ranges::sort(faults, {}, [](const Fault& fault) {
      return std::tie(fault.at, fault.kind, fault.target, fault.lasts, fault.amount);
    });
    DrawnFaults whole = drawn;
    whole.episodes = std::move(faults);
    return whole;
  });
}

Intensities all_at(int intensity) {
  Intensities intensities;
  intensities.fill(intensity);
  return intensities;
}

/// About half of the kinds are off, the others between a third of `heavy` and three times as much.
rc::Gen<Intensities> swarm() {
  const auto one = rc::gen::element(0, 0, 0, 30, 100, 300);
  return rc::gen::map(rc::gen::container<std::vector<int>>(kKinds, one), [](const std::vector<int>& drawn) {
    Intensities intensities{};
    std::ranges::copy(drawn, intensities.begin());
    return intensities;
  });
}

}  // namespace

std::span<const FaultProfile> fault_profiles() noexcept { return kProfiles; }

void require_fault_profile(std::string_view name) {
  if (std::ranges::find(kProfiles, name, &FaultProfile::name) != kProfiles.end()) return;
  std::string known;
  for (const FaultProfile& profile : kProfiles) {
    if (!known.empty()) known += ", ";
    known += profile.name;
  }
  throw std::invalid_argument("unknown fault profile \"" + std::string(name) + "\"; known: " + known);
}

rc::Gen<DrawnFaults> faults_of(std::string_view profile, const FaultHosts& hosts, Duration during) {
  require_fault_profile(profile);
  if (profile == "none") return rc::gen::just(DrawnFaults{});
  if (profile == "light") return faults_at(all_at(25), hosts, during);
  if (profile == "heavy") return faults_at(all_at(100), hosts, during);
  return rc::gen::mapcat(swarm(), [hosts, during](const Intensities& intensities) {
    return faults_at(intensities, hosts, during);
  });
}

DrawnFaults draw_faults(std::string_view profile, std::uint64_t seed, const FaultHosts& hosts, Duration during) {
  return faults_of(profile, hosts, during)(rc::Random(seed), rc::kNominalSize).value();
}

}  // namespace orrery
