#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/shrink.hpp"

namespace orrery {

/// Runs plans to see whether they still fail in the same way.
class ShrinkTrials {
 public:
  ShrinkTrials(const RunFunction& run, const RunRequest& request, const ShrinkOptions& options);

  /// Runs the request as it is given, materialises its plan, and sets what has to fail. Throws as `shrink`.
  Plan first_run();

  /// The first of the candidates that fails as it should, in their order, whatever runs side by side; none: none does, or the
  /// time is up.
  [[nodiscard]] std::optional<std::size_t> first_failing(const std::vector<Plan>& candidates);

  [[nodiscard]] bool is_over() const;
  [[nodiscard]] std::uint64_t runs() const noexcept { return runs_; }
  [[nodiscard]] const std::string& property() const noexcept { return property_; }
  [[nodiscard]] const std::string& signature() const noexcept { return signature_; }

 private:
  [[nodiscard]] RunRequest with(const Plan& plan) const;
  [[nodiscard]] bool fails_alike(const RunResult& result) const;

  const RunFunction& run_;
  const RunRequest& request_;
  const ShrinkOptions& options_;
  Instant deadline_;
  std::size_t jobs_;
  std::string property_;
  std::string signature_;
  std::uint64_t runs_ = 0;
};

}  // namespace orrery
