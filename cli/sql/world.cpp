#include "cli/sql/world.hpp"

#include <algorithm>

#include "sim/decide.hpp"

namespace orrery::cli::sql {

void VirtualTime::schedule(Waiter& waiter, Instant at) {
  Scheduled& entry = waiter.scheduled();
  if (entry.queue_index != Scheduled::kNotQueued) cancel(waiter);
  entry.at = std::max(at, now_);
  entry.order = ++order_;
  entry.queue_index = 0;
  queue_.emplace(Key{entry.at, entry.order}, &waiter);
}

void VirtualTime::cancel(Waiter& waiter) noexcept {
  Scheduled& entry = waiter.scheduled();
  queue_.erase(Key{entry.at, entry.order});
  entry.queue_index = Scheduled::kNotQueued;
}

void VirtualTime::run_until(Instant until) {
  while (!queue_.empty()) {
    Waiter& next = *queue_.begin()->second;
    if (next.scheduled().at > until) break;
    now_ = std::max(now_, next.scheduled().at);
    cancel(next);
    if (const auto handle = next.take()) handle.resume();
  }
  now_ = std::max(now_, until);
}

std::optional<Instant> VirtualTime::next() const {
  if (queue_.empty()) return std::nullopt;
  return queue_.begin()->first.first;
}

SystemTime SqlEnvironment::system_time() const noexcept {
  return begin_ + std::chrono::floor<std::chrono::microseconds>(time.now().time_since_epoch());
}

std::uint64_t SqlEnvironment::draw(std::uint32_t site, std::uint64_t entity, std::uint64_t ordinal) noexcept {
  return sim::decide(seed, 2000 + site, entity, ordinal);
}

Task<std::optional<std::string>> CopyText::read() {
  is_reading_ = true;
  while (in_.empty() && !has_ended_) {
    const bool woken = co_await input_.wait_until(Instant::max());
    static_cast<void>(woken);
  }
  is_reading_ = false;
  if (in_.empty()) co_return std::nullopt;
  co_return std::exchange(in_, {});
}

void CopyText::reset() {
  in_.clear();
  out_.clear();
  wants_input_ = is_reading_ = has_ended_ = has_output_ = false;
}

void CopyText::put(std::string_view bytes) {
  in_ += bytes;
  input_.wake();
  time_.settle();
}

void CopyText::end() {
  has_ended_ = true;
  input_.wake();
  time_.settle();
}

SqlClient::SqlClient(sim::database::Engine& engine, VirtualTime& time, std::string name)
    : time_(time), name_(name), copy_(time), session_(engine.connect(std::move(name))) {
  collect_ = [this](StatementResult result) { results.push_back(std::move(result)); };
}

void SqlClient::start(std::string_view the_text) {
  CHECK(!is_busy(), "a client runs one text at a time");
  text = the_text;
  results.clear();
  copy_.reset();
  running_ = session_->execute_each(text, collect_);
  running_.start();
  time_.settle();
}

std::optional<SqlError> SqlClient::finish() {
  CHECK(running_.done(), "a text is finished when it is done");
  const Task<> done = std::move(running_);
  try {
    done.result();
  } catch (const SqlError& error) {
    return error;
  }
  return std::nullopt;
}

}  // namespace orrery::cli::sql
