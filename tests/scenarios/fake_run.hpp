#pragma once

#include <memory>
#include <string>
#include <utility>

#include "scenarios/campaign.hpp"

namespace orrery::testing {

/// A stand-in for a run: its numbers are functions of the seed.
inline RunResult fake_result(std::uint64_t seed) {
  RunResult result;
  result.seed = seed;
  result.hash = seed * 0x9E3779B97F4A7C15ULL + 1;
  result.events = 100 + seed;
  result.messages = 10 + seed;
  result.simulated = std::chrono::seconds(2);
  return result;
}

inline JudgedProperty judged(std::string name, Mode mode, std::int64_t examined) {
  auto property = std::make_shared<Property>();
  property->name = std::move(name);
  property->mode = mode;
  JudgedProperty one;
  one.property = property;
  one.verdict.examined = examined;
  return one;
}

inline JudgedProperty violated(std::string name, std::string shape, std::string what) {
  JudgedProperty one = judged(name, Mode::always, 1);
  one.verdict.holds = false;
  one.verdict.violated = 1;
  one.verdict.violations.push_back({std::move(what), {}, name + ": " + shape});
  return one;
}

inline CampaignOptions options_for(std::uint64_t first, std::uint64_t last, unsigned jobs = 2) {
  CampaignOptions options;
  options.seeds = {first, last};
  options.jobs = jobs;
  options.keep_hashes = true;
  return options;
}

}  // namespace orrery::testing
