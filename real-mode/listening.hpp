#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "real-mode/pg_link.hpp"
#include "real-mode/places.hpp"
#include "runtime/database.hpp"

namespace orrery::real {

/// A connection that listens to one channel, and the thread that waits at it.
class ListeningThread : public std::enable_shared_from_this<ListeningThread> {
 public:
  /// `database`: for messages; `link`: "client>database", the target of `break_listening`.
  ListeningThread(Loop& loop, Mishaps& mishaps, std::string database, std::string connection, std::string session,
                  std::string channel, std::string link);
  ListeningThread(const ListeningThread&) = delete;
  ListeningThread& operator=(const ListeningThread&) = delete;
  ~ListeningThread() { join(); }

  /// Connects, in the thread, which keeps this alive until it ends.
  void start();
  /// Breaks the connection and ends the thread soon.
  void stop() noexcept;
  [[nodiscard]] bool ended() const noexcept { return ended_; }
  void join();

  // The loop's thread only:
  bool connected = false;
  std::optional<DatabaseError> lost;
  std::deque<std::string> payloads;
  Waiter* waiter = nullptr;

 private:
  void work();
  void listen();
  void heard(std::string payload);
  void give_up(DatabaseError error);
  void tell() const;

  Loop& loop_;
  Mishaps& mishaps_;
  const std::string database_;
  const std::string connection_;
  const std::string session_;
  const std::string channel_;
  const std::string link_;
  std::mutex mutex_;
  std::unique_ptr<PgLink> pg_;
  Instant last_heard_{};  // the thread only
  std::atomic<bool> quit_{false};
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

/// What a service holds of it. Destroying it stops the thread and waits for nothing.
class RealListening final : public Listening {
 public:
  RealListening(Loop& loop, std::shared_ptr<ListeningThread> thread) : loop_(loop), thread_(std::move(thread)) {}
  ~RealListening() override { thread_->stop(); }

  /// Until it listens. Throws DatabaseError: it could not, within that time.
  Task<void> begin(Duration within);
  Task<std::optional<std::string>> next(Duration at_most) override;

 private:
  Task<void> wait(Instant until);

  Loop& loop_;
  std::shared_ptr<ListeningThread> thread_;
};

}  // namespace orrery::real
