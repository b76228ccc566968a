#pragma once

#include <cstdint>
#include <string_view>

namespace orrery::sim {

/// Mixes two words into one, 64 × 64 → 128 bits folded (the multiply of wyhash). The same on every compiler.
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t a, std::uint64_t b) noexcept {
  const auto product = static_cast<unsigned __int128>(a ^ 0x9E3779B97F4A7C15ULL) * (b ^ 0xD1B54A32D192ED03ULL);
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

/// A name as an entity of decisions: depends on its bytes only.
[[nodiscard]] constexpr std::uint64_t entity_of(std::string_view name) noexcept {
  std::uint64_t hash = 0x2545F4914F6CDD1DULL ^ name.size();
  for (const char c : name) hash = mix(hash, static_cast<unsigned char>(c));
  return hash;
}

/// One decision of a run: 64 uniform bits that depend on nothing but the seed and the decision's address. Taking one
/// decision away shifts no other (docs/decisions/0002-addressable-decisions.md).
/// The key of one entity's decisions at one site, for those that decide often.
[[nodiscard]] constexpr std::uint64_t decision_key(std::uint64_t seed, std::uint64_t site, std::uint64_t entity) noexcept {
  return mix(seed + site * 0xA24BAED4963EE407ULL, entity);
}
[[nodiscard]] constexpr std::uint64_t decide_keyed(std::uint64_t key, std::uint64_t ordinal) noexcept {
  return mix(mix(key, ordinal), 0x9FB21C651E98DF25ULL ^ key);
}
[[nodiscard]] constexpr std::uint64_t decide(std::uint64_t seed, std::uint64_t site, std::uint64_t entity,
                                             std::uint64_t ordinal) noexcept {
  return decide_keyed(decision_key(seed, site, entity), ordinal);
}

/// Uniform in [0, bound) from 64 uniform bits; the bias is below bound / 2^64.
[[nodiscard]] constexpr std::uint64_t below(std::uint64_t bits, std::uint64_t bound) noexcept {
  return static_cast<std::uint64_t>((static_cast<unsigned __int128>(bits) * bound) >> 64);
}

/// The sites at which a simulated world decides. A number is never used again for something else: saved runs keep
/// their meaning. Fault kinds have the sites from 1000 on, the database's engine those from 2000 on.
enum class Site : std::uint64_t {
  wake_order = 1,       // which of the ready tasks runs first
  latency = 3,          // of a message on a link, and which of those that arrive at one instant is first
  host_random = 5,      // a service's own random numbers
  replica = 6,          // which replica a call goes to
  statement_cost = 7,   // how long the database server works on a statement
  broker_cost = 8,      // how long the broker works on a request
  broker_choice = 9,    // which subscriber gets a message
  fault_amount = 10,
  fault_lasts = 11,
  restart = 12,
  handler_cost = 13,
  break_point = 14,     // whether a broken statement was executed
  file_cost = 15,       // how long a file store works on a request
  cache_cost = 16,      // how long the cache works on a command
  trace_id = 17,        // of traces and spans
  wal_writer = 18,      // how much of the log a round of the WAL writer leaves for the next ones
  replay = 19,          // how long a standby takes to replay
  pooler = 20,          // which of a pooler's idle sessions a transaction gets
};

}  // namespace orrery::sim
