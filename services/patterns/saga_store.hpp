#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/context.hpp"
#include "services/patterns/saga.hpp"
#include "services/patterns/saga_machine.hpp"
#include "services/patterns/twin.hpp"

namespace orrery::services {

/// A saga in work, as it was last committed.
class SagaRecord {
 public:
  SagaRecord() = default;

  std::string id;
  std::string business_key;
  Json input;
  SagaState state = SagaState::running;
  std::int64_t token = 0;  // of the claim
  std::vector<StepRecord> steps;
};

/// The sagas of one declaration, in the tables of `saga_schema`. Every write of a saga in work is fenced with the token of
/// the claim: whoever lost it changes nothing and is told so. All functions throw DatabaseError.
class SagaStore {
 public:
  SagaStore(Database& db, const SagaDeclaration& saga, const Twin& twin);

  /// Keeps the declaration as data; the newest wins.
  Task<void> declare();

  /// Starts a saga in the caller's transaction. False: there is one for this key; nothing was done.
  Task<bool> start(Transaction& tx, std::string id, std::string business_key, const Json& input);
  /// Notes in the caller's transaction what a participant said of a step, and lets the saga be looked at soon. Whether the
  /// saga waits for it, is past it, or was not expected to hear it yet, does not matter here. False: there is no such saga or
  /// step, or it was noted before.
  Task<bool> signal(Transaction& tx, std::string id, std::string step, bool done, std::string detail);

  /// Takes the saga that is due longest, for so many seconds. False: none is due.
  Task<bool> claim(const std::string& owner, double lease_s, SagaRecord& into);
  /// Reads its steps and signals again.
  Task<void> load(SagaRecord& saga);

  // Each in a transaction of its own, which renews the lease. False: the claim was lost, and nothing was written.

  /// An attempt of the step's action begins.
  Task<bool> begin_attempt(SagaRecord& saga, std::size_t step, double lease_s);
  /// The step is now done, refused or timed out; the latter two turn the saga round.
  Task<bool> conclude(SagaRecord& saga, std::size_t step, StepState as, std::string why, double lease_s);
  /// An attempt of the step's compensation begins.
  Task<bool> begin_undo(SagaRecord& saga, std::size_t step, double lease_s);
  /// The step's compensation has succeeded.
  Task<bool> conclude_undo(SagaRecord& saga, std::size_t step, double lease_s);
  /// The saga has ended.
  Task<bool> end(SagaRecord& saga, SagaState as);
  /// Gives the saga back, to be taken again after so many seconds or when the step's deadline passes. `as`: the state of the
  /// step meanwhile.
  Task<bool> put_back(SagaRecord& saga, std::size_t step, StepState as, double after_s, std::string why, bool escalate);

 private:
  [[nodiscard]] std::string fenced(std::string_view change, std::string_view states = "'running', 'compensating'") const;

  Database& db_;
  const SagaDeclaration& saga_;
  Twin twin_;
  std::string claim_, start_, renew_, turn_, end_, put_back_;  // the statements
};

}  // namespace orrery::services
