#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/executor.hpp"
#include "runtime/task.hpp"
#include "runtime/time.hpp"
#include "sim/database/engine.hpp"

namespace orrery::cli::sql {

using sim::database::SqlError;
using sim::database::StatementResult;

/// Virtual time without hosts: sleeps and wake-ups in one queue, in order of time and then of scheduling.
class VirtualTime final : public Executor {
 public:
  [[nodiscard]] Instant now() const noexcept override { return now_; }
  void schedule(Waiter& waiter, Instant at) override;
  void cancel(Waiter& waiter) noexcept override;
  [[nodiscard]] Fiber* current_fiber() const noexcept override { return nullptr; }

  /// Runs what is due by `until`; then it is that time (or later, if it was).
  void run_until(Instant until);
  /// Runs what can go on without time passing.
  void settle() { run_until(now_); }
  void advance(Duration duration) { run_until(now_ + duration); }
  /// When the next one is due; nothing: nobody waits for a time.
  [[nodiscard]] std::optional<Instant> next() const;

 private:
  using Key = std::pair<Instant, std::uint64_t>;
  Instant now_{};
  std::uint64_t order_ = 0;
  std::map<Key, Waiter*> queue_;
};

/// What the engine needs of a world, when there is nothing but the engine.
class SqlEnvironment final : public sim::database::Environment {
 public:
  explicit SqlEnvironment(std::uint64_t the_seed, SystemTime the_begin = kBegin) : seed(the_seed), begin_(the_begin) {}
  [[nodiscard]] Executor& executor() noexcept override { return time; }
  [[nodiscard]] SystemTime system_time() const noexcept override;
  [[nodiscard]] std::uint64_t draw(std::uint32_t site, std::uint64_t entity, std::uint64_t ordinal) noexcept override;

  /// The same day as in simulated worlds.
  static constexpr SystemTime kBegin = std::chrono::sys_days{std::chrono::year{2025} / 1 / 1};

  VirtualTime time;
  std::uint64_t seed;

 private:
  SystemTime begin_;
};

/// The client's side of COPY: lines that are put in, and what comes out.
class CopyText final : public sim::database::CopyStream {
 public:
  explicit CopyText(VirtualTime& time) : time_(time), input_(time) {}
  void begin_input(std::size_t /*columns*/) override { wants_input_ = true; }
  Task<std::optional<std::string>> read() override;
  void begin_output(std::size_t /*columns*/) override { has_output_ = true; }
  void write(std::string_view line) override { out_ += line; }
  void end_output() override {}

  /// Forgets the COPY before.
  void reset();
  void put(std::string_view bytes);
  /// No more comes.
  void end();
  [[nodiscard]] bool wants_input() const noexcept { return wants_input_; }
  [[nodiscard]] bool is_reading() const noexcept { return is_reading_; }
  [[nodiscard]] bool has_output() const noexcept { return has_output_; }
  [[nodiscard]] const std::string& output() const noexcept { return out_; }

 private:
  VirtualTime& time_;
  Waiter input_;
  std::string in_;
  std::string out_;
  bool wants_input_ = false;
  bool is_reading_ = false;
  bool has_ended_ = false;
  bool has_output_ = false;
};

/// One session and the text that it runs.
class SqlClient {
 public:
  SqlClient(sim::database::Engine& engine, VirtualTime& time, std::string name);
  SqlClient(const SqlClient&) = delete;
  SqlClient& operator=(const SqlClient&) = delete;
  ~SqlClient() { running_ = {}; }

  /// Begins to run one or more statements; they may be waiting afterwards.
  void start(std::string_view text);
  [[nodiscard]] bool is_busy() const noexcept { return running_ && !running_.done(); }
  /// Busy, and waiting for another session rather than for a time.
  [[nodiscard]] bool waits_for_lock() const noexcept { return is_busy() && session_->is_waiting(); }
  /// Ends the text that is done: its error, if it failed. The results are in `results`.
  std::optional<SqlError> finish();

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] sim::database::Session& session() noexcept { return *session_; }
  /// COPY is refused until it is allowed; then whoever runs a COPY … FROM STDIN puts its rows here.
  void allow_copy() noexcept { session_->copy_through(copy_); }
  [[nodiscard]] CopyText& copy() noexcept { return copy_; }

  std::string text;                      // that runs, or ran last
  std::vector<StatementResult> results;  // of the statements that are done

 private:
  VirtualTime& time_;
  std::string name_;
  CopyText copy_;
  std::unique_ptr<sim::database::Session> session_;
  std::function<void(StatementResult)> collect_;
  Task<> running_;
};

}  // namespace orrery::cli::sql
