#pragma once

#include <signal.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "real-mode/child.hpp"
#include "real-mode/guardian.hpp"
#include "real-mode/small_disk.hpp"

namespace orrery::real {

/// A PostgreSQL server of one's own in a temporary folder, reached by a unix socket there, as the superuser "orrery". It
/// keeps what was committed when its processes are killed, not when the machine stops (fsync is off), and it logs changes
/// so that they can be decoded (wal_level=logical). Everything is gone with the object, and soon after a SIGKILL of this
/// process. Blocking.
class PrivatePostgres {
 public:
  /// Throws std::runtime_error, which says what is missing, if no server can be started.
  PrivatePostgres();
  enum class Disk : std::uint8_t { shared, small };
  /// In a folder that does not exist yet, inside one that is somebody else's to remove whatever happens.
  /// `like`: its data, which no server may have used, is copied, which is faster than making it. With a small disk its tables, but not its
  /// log, are on a file system of their own, which `fill_disk` makes full; its standbys have one, too.
  explicit PrivatePostgres(std::string folder, const std::string& like = {}, Disk disk = Disk::shared);
  /// Makes such data, in a folder that does not exist yet.
  static void make_data(std::string folder);
  PrivatePostgres(const PrivatePostgres&) = delete;
  PrivatePostgres& operator=(const PrivatePostgres&) = delete;
  ~PrivatePostgres();

  /// How to connect to one of its databases.
  [[nodiscard]] std::string connection(const std::string& database) const;
  void create_database(const std::string& name);

  /// Where it listens.
  [[nodiscard]] std::string socket() const { return folder_ + "/.s.PGSQL.5432"; }

  /// SIGKILL of all its processes: all sessions break, and what was not committed is lost.
  void kill();
  /// As an operator restarts it: sessions are ended, and it shuts down in order (SIGINT, "fast"). Does not wait.
  void stop() noexcept { server_.signal(SIGINT); }
  /// All of its processes stand still, until `resume` or `kill`.
  void pause();
  void resume() noexcept;
  /// Transactions begin read-only from the next one on, until it is called with false. Of a server that stands still or is down: when
  /// it goes on. Throws std::runtime_error if the setting cannot be written.
  void set_read_only(bool read_only);
  /// What needs another page fails with 53100, until `make_room`. Only of a server with a small disk. Throws std::runtime_error.
  void fill_disk();
  void make_room() noexcept;
  /// A hot standby in a folder that does not exist yet, which receives what this server commits shortly after, asynchronously.
  /// Returns when it has begun to. `from`: where it finds this server later; empty: where this one listens. Throws
  /// std::runtime_error.
  [[nodiscard]] std::unique_ptr<PrivatePostgres> make_standby(std::string folder, const std::string& from = {});
  /// The same, but it returns at once: a copy of this server's data is being made. Of the standby: true once it receives; to
  /// be called again until then, by the thread that lives as long as it is to. Throws std::runtime_error if that failed.
  [[nodiscard]] std::unique_ptr<PrivatePostgres> begin_standby(std::string folder, const std::string& from = {});
  [[nodiscard]] bool try_follow();
  /// Of a standby: it is connected to its primary, or was so until shortly ago.
  [[nodiscard]] bool follows() const { return receiver() >= 0; }
  /// Of a standby: receives nothing more, so that what its primary commits now is lost if that fails (SIGSTOP of its
  /// walreceiver). Receives again, what it missed first.
  void stop_receiving();
  void receive_again() noexcept;
  /// A standby becomes a primary and takes writes; its old one must be gone. Throws std::runtime_error.
  void promote();
  /// The same, but it returns at once: `try_start` says when it is done. Throws PgError.
  void begin_promotion();
  /// Of one that was promoted: where in its old primary's log it took over. What stands behind that is lost. Throws PgError,
  /// and std::runtime_error.
  [[nodiscard]] std::uint64_t took_over_at() const;

  /// Starts it again and waits until it has recovered.
  void start();
  /// Starts it if it does not run; true once it can be used. To be called again until then, by the thread that lives as
  /// long as the server is to: the kernel kills it when its parent thread ends.
  [[nodiscard]] bool try_start();
  [[nodiscard]] bool running() noexcept { return server_.running(); }
  [[nodiscard]] const std::string& folder() const noexcept { return folder_; }

 private:
  PrivatePostgres(std::string programs, std::string user, std::string folder);
  void make_folder();
  void run_program(std::vector<std::string> arguments);
  void initialise();
  void move_to_small_disk();
  void launch();
  void create(const std::string& like);
  [[nodiscard]] pid_t receiver() const;
  [[nodiscard]] std::vector<pid_t> processes() const;
  [[nodiscard]] std::string log_tail() const;

  std::string programs_;
  std::string user_;  // who runs it; empty: this process's user
  std::string folder_;
  std::unique_ptr<Guardian> guardian_;  // of a folder of its own
  std::vector<pid_t> paused_;
  pid_t stopped_receiver_ = -1;
  std::string primary_;  // of a standby: where its primary is
  bool is_standby_ = false;
  bool wants_small_disk_ = false;
  std::optional<SmallDisk> disk_;
  Child copying_;
  Child server_;
};

}  // namespace orrery::real
