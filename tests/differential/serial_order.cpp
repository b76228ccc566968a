#include "tests/differential/serial_order.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace orrery::testing {
namespace {

constexpr int kMostRuns = 3'000;

/// A transaction that committed: its statements, with what each said if that is to be the same.
struct Committed {
  struct Statement {
    std::string sql;
    std::string outcome;
    bool is_compared = true;
  };
  std::vector<Statement> statements;
};

bool contains(std::string_view text, std::string_view what) { return text.find(what) != std::string_view::npos; }

/// Locks are of no consequence where nobody is beside.
bool only_locks(std::string_view sql) { return contains(sql, "advisory") || sql.starts_with("LOCK TABLE"); }
bool does_not_wait(std::string_view sql) { return contains(sql, " NOWAIT") || contains(sql, " SKIP LOCKED"); }

std::vector<Committed> committed_of(const Schedule& schedule, const ScheduleRun& run) {
  std::vector<Committed> all;
  for (std::size_t session = 0; session < schedule.sessions; ++session) {
    Committed transaction;
    bool is_open = false;
    for (std::size_t i = 0; i < schedule.steps.size(); ++i) {
      const ScheduleStep& step = schedule.steps[i];
      if (step.session != session || !run.outcomes[i]) continue;
      const std::string& outcome = *run.outcomes[i];
      const bool failed = outcome.starts_with("ERROR");
      const bool ends = step.sql == "COMMIT" || step.sql == "ROLLBACK";
      if (step.sql.starts_with("BEGIN")) {
        transaction.statements.clear();
        is_open = true;
      } else if (ends) {
        if (outcome.starts_with("COMMIT")) all.push_back(transaction);
        is_open = false;
      } else if (!failed && !only_locks(step.sql)) {
        if (!is_open) transaction.statements.clear();
        transaction.statements.push_back({step.sql, outcome, !does_not_wait(step.sql)});
        if (!is_open && !step.sql.starts_with("SET ")) all.push_back(transaction);
      }
    }
  }
  return all;
}

/// The rows that nobody touches are there for a real server's sake.
Schedule without_filling(Schedule schedule) {
  std::erase_if(schedule.setup, [](const std::string& sql) { return contains(sql, "generate_series"); });
  return schedule;
}

class Search {
 public:
  Search(const Schedule& schedule, const ScheduleRun& run, ScheduleWorld& world)
      : schedule_(without_filling(schedule)), run_(run), world_(world), committed_(committed_of(schedule, run)), is_used_(committed_.size()) {}

  bool found() {
    if (order_.size() == committed_.size()) return holds();
    for (std::size_t i = 0; i < committed_.size(); ++i) {
      if (is_used_[i]) continue;
      order_.push_back(i);
      is_used_[i] = true;
      if (runs_ < kMostRuns && (order_.size() == committed_.size() || holds()) && found()) return true;
      is_used_[i] = false;
      order_.pop_back();
    }
    return false;
  }

 private:
  /// Whether the transactions in `order_` give what they gave, and, if it is all of them, leave what was left.
  bool holds() {
    ++runs_;
    world_.begin(schedule_);
    bool same = true;
    for (std::size_t i = 0; same && i < order_.size(); ++i) same = gives_the_same(committed_[order_[i]]);
    if (same && order_.size() == committed_.size()) same = tables_of(world_) == run_.transcript.back();
    world_.end();
    return same;
  }

  bool gives_the_same(const Committed& transaction) {
    if (said("BEGIN ISOLATION LEVEL SERIALIZABLE") != "BEGIN") return false;
    for (const Committed::Statement& statement : transaction.statements) {
      const std::string outcome = said(statement.sql);
      if (statement.is_compared ? outcome != statement.outcome : outcome.starts_with("ERROR")) return false;
    }
    return said("COMMIT") == "COMMIT";
  }

  std::string said(const std::string& sql) {
    world_.give(0, sql);
    return comparable(world_.take_outcome(0).value_or("it waits"));
  }

  const Schedule schedule_;
  const ScheduleRun& run_;
  ScheduleWorld& world_;
  const std::vector<Committed> committed_;
  std::vector<bool> is_used_;
  std::vector<std::size_t> order_;
  int runs_ = 0;
};

}  // namespace

bool has_serial_order(const Schedule& schedule, const ScheduleRun& run, ScheduleWorld& world) {
  return Search(schedule, run, world).found();
}

}  // namespace orrery::testing
