#pragma once

#include <string_view>

namespace orrery {

/// Where a workload's clients note what they asked and what they were told; it becomes part of the history.
class OperationLog {
 public:
  /// `key` is this attempt's own; `arguments` is JSON.
  virtual void invoked(std::string_view operation, std::string_view key, std::string_view arguments) = 0;
  /// `status` is the HTTP status, or 0 without an answer; then `text` says why there is none.
  virtual void ended(std::string_view operation, std::string_view key, int status, std::string_view text) = 0;

 protected:
  ~OperationLog() = default;
};

}  // namespace orrery
