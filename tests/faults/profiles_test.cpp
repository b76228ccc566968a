#include "faults/profiles.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>
#include <stdexcept>

#include "faults/plan_json.hpp"

namespace orrery {
namespace {

FaultHosts hosts() {
  FaultHosts hosts;
  hosts.services = {"user-1", "user-2", "notification-1", "notification-2", "mail-1"};
  hosts.databases = {"user_db", "notification_db"};
  hosts.broker = "broker";
  hosts.replicated = {"user_db"};
  hosts.serializable = true;
  return hosts;
}

/// Those, and what not every topology has.
FaultHosts all_hosts() {
  FaultHosts all = hosts();
  all.file_stores = {"media"};
  all.cache = "cache";
  all.listens = true;
  return all;
}

/// FNV-1a, so that the golden numbers below do not depend on how the project hashes.
std::uint64_t fingerprint(const DrawnFaults& faults) {
  std::string text = to_json(faults.episodes).dump();
  for (const FaultKind kind : faults.kinds) {
    const FaultRates::Rate& rate = faults.rates[kind];
    text += std::string(to_string(kind)) + std::to_string(rate.per_million) + "," + std::to_string(rate.amount_low) + "," +
            std::to_string(rate.amount_high) + ";";
  }
  text += std::to_string(faults.rates.crash_at_place.per_million) + ",";
  text += std::to_string(faults.rates.pause_at_place.per_million);
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return hash;
}

TEST(FaultProfiles, DrawTheSameFaultsOnEveryCompiler) {
  // A change of these numbers changes what every seed means: note it in CHANGELOG.md.
  EXPECT_EQ(fingerprint(draw_faults("light", 1, hosts(), 60s)), 14578636979484709237ULL);
  EXPECT_EQ(fingerprint(draw_faults("heavy", 1, hosts(), 60s)), 17513673056777431093ULL);
  EXPECT_EQ(fingerprint(draw_faults("heavy", 2, hosts(), 60s)), 15170667293193248992ULL);
  EXPECT_EQ(fingerprint(draw_faults("swarm", 1, hosts(), 60s)), 4377007092561848256ULL);
  EXPECT_EQ(fingerprint(draw_faults("swarm", 18446744073709551615ULL, hosts(), 60s)), 15322310584735009823ULL);
}

TEST(FaultProfiles, DependOnTheSeedAlone) {
  for (const FaultProfile& profile : fault_profiles()) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      EXPECT_EQ(draw_faults(profile.name, seed, hosts(), 60s).episodes, draw_faults(profile.name, seed, hosts(), 60s).episodes);
    }
  }
  EXPECT_NE(draw_faults("heavy", 1, hosts(), 60s).episodes, draw_faults("heavy", 2, hosts(), 60s).episodes);
}

TEST(FaultProfiles, NoneInjectsNothing) {
  const DrawnFaults drawn = draw_faults("none", 7, hosts(), 60s);
  EXPECT_TRUE(drawn.episodes.empty());
  EXPECT_TRUE(drawn.kinds.empty());
  for (const FaultRates::Rate& rate : drawn.rates.decisions) EXPECT_EQ(rate.per_million, 0U);
  EXPECT_EQ(drawn.rates.crash_at_place.per_million, 0U);
  EXPECT_EQ(drawn.rates.pause_at_place.per_million, 0U);
}

TEST(FaultProfiles, LightAndHeavyAreMeantToInjectEveryKind) {
  for (const char* profile : {"light", "heavy"}) {
    EXPECT_EQ(draw_faults(profile, 3, all_hosts(), 60s).kinds.size(), static_cast<std::size_t>(FaultKind::count_)) << profile;
  }
}

TEST(FaultProfiles, HeavyDrawsEveryKindOfEpisodeOnFiftySeeds) {
  std::set<FaultKind> seen;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    for (const Fault& fault : draw_faults("heavy", seed, all_hosts(), 60s).episodes) seen.insert(fault.kind);
  }
  for (std::size_t kind = 0; kind < static_cast<std::size_t>(FaultKind::count_); ++kind) {
    if (is_episode(static_cast<FaultKind>(kind))) {
      EXPECT_TRUE(seen.contains(static_cast<FaultKind>(kind))) << to_string(static_cast<FaultKind>(kind));
    }
  }
}

TEST(FaultProfiles, SwarmTurnsEachKindOffOnSomeSeedsAndOnOnOthers) {
  std::array<int, static_cast<std::size_t>(FaultKind::count_)> on{};
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const DrawnFaults drawn = draw_faults("swarm", seed, all_hosts(), 60s);
    for (const FaultKind kind : drawn.kinds) ++on[static_cast<std::size_t>(kind)];
    for (const Fault& fault : drawn.episodes) {
      EXPECT_NE(std::ranges::find(drawn.kinds, fault.kind), drawn.kinds.end()) << "a kind that is off: " << to_string(fault);
    }
  }
  for (std::size_t kind = 0; kind < on.size(); ++kind) {
    EXPECT_GT(on[kind], 40) << to_string(static_cast<FaultKind>(kind));
    EXPECT_LT(on[kind], 160) << to_string(static_cast<FaultKind>(kind));
  }
}

TEST(FaultProfiles, EpisodesAreInOrderOfTimeWithinTheFaultsPhase) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const std::vector<Fault> episodes = draw_faults("swarm", seed, hosts(), 20s).episodes;
    EXPECT_TRUE(std::ranges::is_sorted(episodes, {}, &Fault::at));
    for (const Fault& fault : episodes) {
      EXPECT_GE(fault.at, 0s);
      EXPECT_LE(fault.at, 20s);
      EXPECT_GT(fault.lasts, 0s);
      EXPECT_EQ(fault.ordinal, 0U);
    }
  }
}

TEST(FaultProfiles, PausesAreLongerThanALeaseNowAndThen) {
  int longer = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    for (const Fault& fault : draw_faults("heavy", seed, hosts(), 60s).episodes) {
      longer += fault.kind == FaultKind::pause && fault.lasts >= 30s ? 1 : 0;
    }
  }
  EXPECT_GT(longer, 20);
}

TEST(FaultProfiles, AimAtNothingThatATopologyLacks) {
  FaultHosts few;
  few.services = {"echo-1"};
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const DrawnFaults drawn = draw_faults("heavy", seed, few, 60s);
    for (const Fault& fault : drawn.episodes) EXPECT_EQ(fault.target.find("db"), std::string::npos) << to_string(fault);
    for (const FaultKind kind : {FaultKind::failover, FaultKind::disk_full, FaultKind::serialization_failure,
                                 FaultKind::slow_database, FaultKind::broker_delay, FaultKind::break_after_commit,
                                 FaultKind::lose_ack, FaultKind::redeliver, FaultKind::cache_flush}) {
      EXPECT_EQ(std::ranges::find(drawn.kinds, kind), drawn.kinds.end()) << to_string(kind);
    }
  }
  EXPECT_TRUE(draw_faults("heavy", 1, FaultHosts{}, 60s).kinds.empty());
}

TEST(FaultProfiles, LetAFailoverStrikeOnlyDatabasesWithAStandby) {
  FaultHosts without = hosts();
  without.replicated.clear();
  without.serializable = false;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    for (const Fault& fault : draw_faults("heavy", seed, hosts(), 60s).episodes) {
      if (fault.kind == FaultKind::failover || fault.kind == FaultKind::switchover || fault.kind == FaultKind::standby_lag) {
        EXPECT_EQ(fault.target, "user_db");
      }
    }
    for (const FaultKind kind : draw_faults("heavy", seed, without, 60s).kinds) {
      EXPECT_TRUE(kind != FaultKind::failover && kind != FaultKind::switchover && kind != FaultKind::standby_lag &&
                  kind != FaultKind::serialization_failure)
          << to_string(kind);
    }
  }
}

TEST(FaultProfiles, ShrinkToFewerFaults) {
  // A shrink of the drawn value is a smaller plan of the same kind.
  const auto drawn = faults_of("heavy", hosts(), 60s)(rc::Random(1), rc::kNominalSize);
  const std::size_t before = drawn.value().episodes.size();
  auto shrinks = drawn.shrinks();
  const auto first = shrinks.next();
  ASSERT_TRUE(first);
  EXPECT_LT(first->value().episodes.size(), before);
}

TEST(FaultProfiles, AnUnknownNameIsAnsweredWithTheKnownOnes) {
  try {
    (void)draw_faults("hevy", 1, hosts(), 60s);
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "unknown fault profile \"hevy\"; known: none, light, heavy, swarm");
  }
}

}  // namespace
}  // namespace orrery
