#pragma once

#include <rapidcheck.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "scenarios/scenario.hpp"

// What workloads are drawn with: generators that depend on the seed alone, whatever RapidCheck's size is.
namespace orrery::drawing {

/// Uniform in [low, high], whatever the size.
[[nodiscard]] inline rc::Gen<std::int64_t> between(std::int64_t low, std::int64_t high) {
  return rc::gen::resize(rc::kNominalSize, rc::gen::inRange<std::int64_t>(low, high + 1));
}

/// Microseconds to the next thing, on each of five scales as often: up to `most[0]`, up to `most[1]`, …
[[nodiscard]] inline rc::Gen<std::int64_t> gap_us(std::array<std::int64_t, 5> most) {
  return rc::gen::mapcat(rc::gen::element(0, 1, 2, 3, 4),
                         [most](int scale) { return between(0, most[static_cast<std::size_t>(scale)]); });
}

/// A time from 200 ms to `until_us`; a third of all come within 30 ms of one of the rushes.
[[nodiscard]] inline rc::Gen<std::int64_t> moment_us(const std::vector<std::int64_t>& rushes, std::int64_t until_us) {
  return rc::gen::mapcat(between(0, 99), [rushes, until_us](std::int64_t which) {
    if (which >= 34 || rushes.empty()) return between(200'000, until_us);
    const std::int64_t rush = rushes[static_cast<std::size_t>(which) % rushes.size()];
    return between(rush, rush + 30'000);
  });
}

/// At least `least`, at most `most` of them; shrinks by leaving some away.
template <class T>
[[nodiscard]] rc::Gen<std::vector<T>> some(int least, int most, const rc::Gen<T>& one) {
  return rc::gen::mapcat(between(least, most), [one](std::int64_t count) {
    return rc::gen::container<std::vector<T>>(static_cast<std::size_t>(count), one);
  });
}

/// At most `most` of them, all of the nominal size.
template <class T>
[[nodiscard]] rc::Gen<std::vector<T>> at_most(int most, const rc::Gen<T>& one) {
  return rc::gen::resize(most, rc::gen::container<std::vector<T>>(rc::gen::resize(rc::kNominalSize, one)));
}

/// The operations of a workload while it is put together.
class Requests {
 public:
  void add(std::int64_t at_us, int client, const char* name, Json arguments) {
    Operation operation;
    operation.at = std::chrono::microseconds(at_us);
    operation.client = "client-" + std::to_string(client);
    operation.name = name;
    operation.arguments = std::move(arguments);
    operations_.push_back(std::move(operation));
  }

  /// In the order of time; each has got an id.
  [[nodiscard]] std::vector<Operation> take() {
    std::vector<std::pair<Duration, std::size_t>> order;
    for (std::size_t i = 0; i < operations_.size(); ++i) order.emplace_back(operations_[i].at, i);
    std::ranges::sort(order);
    std::vector<Operation> sorted;
    for (const auto& [at, place] : order) {
      sorted.push_back(std::move(operations_[place]));
      sorted.back().id = "op-" + std::to_string(sorted.size());
    }
    return sorted;
  }

 private:
  std::vector<Operation> operations_;
};

/// The operation without its list of steps, and without each of them.
[[nodiscard]] inline std::vector<Operation> with_fewer_steps(const Operation& operation, const char* list) {
  std::vector<Operation> simpler;
  const auto steps = operation.arguments.find(list);
  if (steps == operation.arguments.end() || steps->empty()) return simpler;
  simpler.push_back(operation);
  simpler.back().arguments.erase(list);
  for (std::size_t step = 0; steps->size() > 1 && step < steps->size(); ++step) {
    simpler.push_back(operation);
    simpler.back().arguments[list].erase(step);
  }
  return simpler;
}

}  // namespace orrery::drawing
