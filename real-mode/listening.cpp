#include "real-mode/listening.hpp"

#include <chrono>
#include <utility>

#include "runtime/wait_queue.hpp"

namespace orrery::real {
namespace {

/// A connection that hears nothing for so long is asked whether it is still there.
constexpr Duration kListensQuietly = 15s;

}  // namespace

ListeningThread::ListeningThread(Loop& loop, Mishaps& mishaps, std::string database, std::string connection,
                                 std::string session, std::string channel, std::string link)
    : loop_(loop),
      mishaps_(mishaps),
      database_(std::move(database)),
      connection_(std::move(connection)),
      session_(std::move(session)),
      channel_(std::move(channel)),
      link_(std::move(link)) {}

void ListeningThread::start() {
  thread_ = std::thread([self = shared_from_this()] { self->work(); });
}

void ListeningThread::stop() noexcept {
  quit_ = true;
  const std::scoped_lock lock(mutex_);
  if (pg_ != nullptr) pg_->shut();
}

void ListeningThread::join() {
  if (!thread_.joinable()) return;
  if (thread_.get_id() == std::this_thread::get_id()) {
    thread_.detach();
  } else {
    thread_.join();
  }
}

void ListeningThread::tell() const {
  if (waiter != nullptr) waiter->wake();
}

void ListeningThread::give_up(DatabaseError error) {
  if (!lost) lost = std::move(error);
  tell();
}

void ListeningThread::heard(std::string payload) {
  if (lost || quit_) return;
  if (mishaps_.strike(FaultKind::break_listening, link_) != nullptr) {
    stop();
    give_up(DatabaseError(Effect::did_not_happen, "08006", database_ + ": the connection that listens broke"));
    return;
  }
  payloads.push_back(std::move(payload));
  tell();
}

void ListeningThread::listen() {
  auto made = std::make_unique<PgLink>(connection_, session_);
  PgLink& link = *made;
  last_heard_ = monotonic_now();
  link.listen(channel_, [this](const std::string& payload) {
    last_heard_ = monotonic_now();
    loop_.post([self = shared_from_this(), payload] { self->heard(payload); });
  });
  {
    const std::scoped_lock lock(mutex_);
    pg_ = std::move(made);
  }
  loop_.post([self = shared_from_this()] {
    self->connected = true;
    self->tell();
  });
  while (!quit_) {
    link.await(1s);
    if (monotonic_now() < last_heard_ + kListensQuietly) continue;
    (void)link.execute("SELECT 1", {});
    last_heard_ = monotonic_now();
  }
}

void ListeningThread::work() {
  try {
    listen();
  } catch (const PgError& error) {
    DatabaseError lost(Effect::did_not_happen, error.lost && error.sqlstate.starts_with("57P") ? "08006" : error.sqlstate,
                       database_ + ": " + error.what());
    loop_.post([self = shared_from_this(), lost] { self->give_up(lost); });
  }
  std::unique_ptr<PgLink> link;
  {
    const std::scoped_lock lock(mutex_);
    link = std::move(pg_);
  }
  link.reset();
  ended_ = true;
}

Task<void> RealListening::wait(Instant until) {
  Waiter waiter(loop_);
  const InPlace waiting(thread_->waiter, waiter);
  co_await waiter.wait_until(until);
}

Task<void> RealListening::begin(Duration within) {
  thread_->start();
  const Instant deadline = loop_.now() + within;
  while (!thread_->connected && !thread_->lost && loop_.now() < deadline) {
    Task<void> waiting = wait(deadline);
    co_await std::move(waiting);
  }
  if (thread_->lost) throw *thread_->lost;
  if (!thread_->connected) throw DatabaseError(Effect::did_not_happen, "08001", "no connection that listens within " + to_string(within));
}

Task<std::optional<std::string>> RealListening::next(Duration at_most) {
  const Instant deadline = loop_.now() + at_most;
  for (;;) {
    if (!thread_->payloads.empty()) {
      std::optional<std::string> payload = std::move(thread_->payloads.front());
      thread_->payloads.pop_front();
      co_return std::move(payload);
    }
    if (thread_->lost) throw *thread_->lost;
    if (loop_.now() >= deadline) co_return std::nullopt;
    Task<void> waiting = wait(deadline);
    co_await std::move(waiting);
  }
}

}  // namespace orrery::real
