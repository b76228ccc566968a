#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/executor.hpp"
#include "runtime/task.hpp"
#include "sim/database/engine.hpp"

namespace orrery::sim::database::testing {

/// Virtual time for tests: sleeps and wake-ups in one queue, in order of time and then of scheduling.
class TestExecutor final : public Executor {
 public:
  [[nodiscard]] Instant now() const noexcept override { return now_; }
  void schedule(Waiter& waiter, Instant at) override {
    if (waiter.scheduled().queue_index != Scheduled::kNotQueued) cancel(waiter);
    waiter.scheduled().at = std::max(at, now_);
    waiter.scheduled().order = ++order_;
    waiter.scheduled().queue_index = static_cast<std::uint32_t>(queue_.size());
    queue_.push_back(&waiter);
  }
  void cancel(Waiter& waiter) noexcept override {
    const std::uint32_t index = waiter.scheduled().queue_index;
    queue_[index] = queue_.back();
    queue_[index]->scheduled().queue_index = index;
    queue_.pop_back();
    waiter.scheduled().queue_index = Scheduled::kNotQueued;
  }
  [[nodiscard]] Fiber* current_fiber() const noexcept override { return nullptr; }

  /// Runs what is due by `until`; then it is that time.
  void run_until(Instant until) {
    while (!queue_.empty()) {
      Waiter* next = *std::min_element(queue_.begin(), queue_.end(), [](Waiter* a, Waiter* b) {
        const Scheduled& left = a->scheduled();
        const Scheduled& right = b->scheduled();
        return left.at != right.at ? left.at < right.at : left.order < right.order;
      });
      if (next->scheduled().at > until) break;
      now_ = std::max(now_, next->scheduled().at);
      cancel(*next);
      if (const auto handle = next->take()) handle.resume();
    }
    now_ = std::max(now_, until);
  }
  /// Runs what can go on without time passing.
  void settle() { run_until(now_); }
  void advance(Duration duration) { run_until(now_ + duration); }
  /// Runs until nothing waits for a time any more.
  void run_all() {
    while (!queue_.empty()) {
      Instant latest = now_;
      for (Waiter* waiter : queue_) latest = std::max(latest, waiter->scheduled().at);
      run_until(latest);
    }
  }

 private:
  Instant now_{};
  std::uint64_t order_ = 0;
  std::vector<Waiter*> queue_;
};

class TestEnvironment : public Environment {
 public:
  [[nodiscard]] Executor& executor() noexcept override { return test_executor; }
  [[nodiscard]] SystemTime system_time() const noexcept override {
    return SystemTime(std::chrono::microseconds(1'704'164'645'000'000)) +
           std::chrono::duration_cast<std::chrono::microseconds>(test_executor.now().time_since_epoch());
  }
  [[nodiscard]] std::uint64_t draw(std::uint32_t site, std::uint64_t entity, std::uint64_t ordinal) noexcept override {
    std::uint64_t x = seed ^ (static_cast<std::uint64_t>(site) << 32U) ^ (entity * 0x9e3779b97f4a7c15ULL) ^ ordinal;
    for (int i = 0; i < 3; ++i) {
      x ^= x >> 30U;
      x *= 0xbf58476d1ce4e5b9ULL;
      x ^= x >> 27U;
    }
    return x;
  }

  TestExecutor test_executor;
  std::uint64_t seed = 1;
};

/// One session of a test, and the statement that it runs.
class Client {
 public:
  Client(Engine& engine, TestEnvironment& environment, std::string name)
      : environment_(environment), session_(engine.connect(std::move(name))) {}
  ~Client() { running_ = {}; }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Begins a statement; it may be waiting afterwards.
  void start(std::string_view sql, std::vector<SqlValue> parameters = {}) {
    parameters_ = std::move(parameters);
    outcome_.reset();
    running_ = session_->execute(sql, parameters_);
    running_.start();
    environment_.test_executor.settle();
  }
  [[nodiscard]] bool is_done() const { return running_.done(); }
  [[nodiscard]] bool is_waiting() const { return !running_.done(); }
  /// What the statement gave: "a|b" for each row, rows joined by newlines; or "ERROR 23505: message".
  [[nodiscard]] std::string outcome() {
    if (!running_.done()) return "waiting";
    if (outcome_) return *outcome_;
    try {
      result = running_.result();
      outcome_ = print(result.rows);
    } catch (const SqlError& caught) {
      error = caught;
      outcome_ = "ERROR " + caught.sqlstate + ": " + caught.message;
    }
    return *outcome_;
  }
  /// Runs a statement that needs no other session to go on; time passes if it must.
  std::string run(std::string_view sql, std::vector<SqlValue> parameters = {}) {
    start(sql, std::move(parameters));
    if (!is_done()) environment_.test_executor.run_all();
    return outcome();
  }
  /// The command tag of a statement, or its error.
  std::string tag(std::string_view sql, std::vector<SqlValue> parameters = {}) {
    const std::string text = run(sql, std::move(parameters));
    return text.starts_with("ERROR") ? text : result.command_tag;
  }
  /// Gives up the running statement, as when the client dies in the middle.
  void abandon() { running_ = {}; }
  [[nodiscard]] Session& session() { return *session_; }

  static std::string print(const Rows& rows) {
    std::string text;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (i > 0) text += '\n';
      for (std::size_t k = 0; k < rows.shape()->columns.size(); ++k) {
        if (k > 0) text += '|';
        text += rows[i][k].text();
      }
    }
    return text;
  }

  StatementResult result;
  SqlError error;

 private:
  TestEnvironment& environment_;
  std::unique_ptr<Session> session_;
  std::vector<SqlValue> parameters_;
  Task<StatementResult> running_;
  std::optional<std::string> outcome_;
};

/// An engine without shuffling, and any number of clients.
class Database {
 public:
  explicit Database(EngineOptions options = {.shuffles_open_order = false}) : engine("test", environment, options) {}
  [[nodiscard]] Client connect(std::string name) { return Client(engine, environment, std::move(name)); }

  TestEnvironment environment;
  Engine engine;
};

}  // namespace orrery::sim::database::testing
