#include "scenarios/verify.hpp"

#include <string_view>
#include <utility>

#include "scenarios/verify_memory.hpp"
#include "scenarios/verify_trace.hpp"

namespace orrery {
namespace {

constexpr MemoryNoise kOne{.fresh = 0x00, .shuffle = 0};
constexpr MemoryNoise kOther{.fresh = 0xAB, .shuffle = 0x5EED};

CampaignResult pass(const RunFunction& run, CampaignOptions options, const MemoryNoise& noise, bool reversed) {
  options.keep_hashes = true;
  options.reversed = reversed;
  options.in_worker = [noise] { make_noise(noise); };
  options.before_run = [noise](std::uint64_t seed) { make_noise_before(noise, seed); };
  return campaign(run, options);
}

/// The full recording of a seed from a process of its own; empty if it did not end.
std::string record_in_full(const RunFunction& run, const CampaignOptions& options, std::uint64_t seed,
                           const MemoryNoise& noise) {
  const ChildAnswer answer = in_child(seed, options.limits, [&] {
    make_noise(noise);
    RunRequest request = options.request;
    request.seed = seed;
    request.full = true;
    make_noise_before(noise, seed);
    return trace_lines(run(request).history);
  });
  return answer.good ? answer.text : "(the process did not come to the run's end: " + answer.why + ")\n";
}

std::string_view next_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.size(), line.size() + 1));
  return line;
}

bool locate(std::string_view one, std::string_view other, Divergence& divergence) {
  std::string_view before;
  while (!one.empty() || !other.empty()) {
    const bool one_ended = one.empty();
    const bool other_ended = other.empty();
    const std::string_view here = next_line(one);
    const std::string_view there = next_line(other);
    if (here != there || one_ended != other_ended) {
      divergence.located = true;
      divergence.before = before;
      divergence.one = one_ended ? "(no more events)" : here;
      divergence.other = other_ended ? "(no more events)" : there;
      return true;
    }
    before = here;
  }
  return false;
}

void explain(const RunFunction& run, const CampaignOptions& options, Divergence& divergence) {
  // A leak of addresses shows only if they happen to lie the other way round: several layouts are tried.
  constexpr int kTries = 8;
  const std::string one = record_in_full(run, options, divergence.seed, kOne);
  for (std::uint64_t i = 0; i < kTries && Interrupts::caught() == 0; ++i) {
    MemoryNoise noise = kOther;
    noise.shuffle += i * 0x10001;
    if (locate(one, record_in_full(run, options, divergence.seed, noise), divergence)) return;
  }
}

}  // namespace

CampaignResult verify_first_pass(const RunFunction& run, CampaignOptions options) {
  return pass(run, std::move(options), kOne, false);
}

CampaignResult verify_second_pass(const RunFunction& run, CampaignOptions options) {
  return pass(run, std::move(options), kOther, true);
}

VerifyResult verify(const RunFunction& run, const VerifyOptions& options) {
  const Duration began = wall_now();
  Interrupts interrupts;
  VerifyResult result;
  result.first = verify_first_pass(run, options.campaign);
  if (result.first.interrupted == 0) {
    const Hashes second =
        options.second_pass ? options.second_pass() : verify_second_pass(run, options.campaign).hashes;
    const auto hash_in = [](const Hashes& hashes, std::uint64_t seed) {
      const auto found = hashes.find(seed);
      return found == hashes.end() ? 0 : found->second;
    };
    Hashes all = result.first.hashes;
    all.insert(second.begin(), second.end());
    for (const auto& [seed, ignored] : all) {
      Divergence divergence;
      divergence.seed = seed;
      divergence.one_hash = hash_in(result.first.hashes, seed);
      divergence.other_hash = hash_in(second, seed);
      if (divergence.one_hash != divergence.other_hash) result.divergences.push_back(std::move(divergence));
    }
    // An interrupt makes hashes missing, not different.
    if ((result.first.interrupted = Interrupts::caught()) != 0) result.divergences.clear();
    for (std::size_t i = 0; i < result.divergences.size() && i < options.explain; ++i) {
      explain(run, options.campaign, result.divergences[i]);
    }
  }
  result.wall_s = std::chrono::duration<double>(wall_now() - began).count();
  return result;
}

}  // namespace orrery
