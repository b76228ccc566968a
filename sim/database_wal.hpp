#pragma once

#include <cstdint>
#include <deque>

#include "sim/kernel.hpp"

namespace orrery::sim {

/// Which commits a crash leaves. A synchronous commit is on disk when it returns, and all before it with it. One with
/// synchronous_commit off waits for the WAL writer, which comes every 200 ms and may leave what is recent for its next two
/// rounds: it is lost if the server crashes within 600 ms (manual, 30.4: "three times wal_writer_delay").
class WriteAheadLog {
 public:
  WriteAheadLog(Kernel& kernel, std::uint64_t entity) : kernel_(kernel), entity_(entity) {}

  /// Commits come in commit order.
  void committed(std::uint64_t place, bool is_asynchronous);
  /// The place of the last commit that is on disk, given that of the last one that there is.
  [[nodiscard]] std::uint64_t flushed(std::uint64_t last_commit);
  /// The server stopped in good order, or is gone with what it had not written.
  void clear() { waiting_.clear(); }

 private:
  [[nodiscard]] Instant written_until() const;

  Kernel& kernel_;
  std::uint64_t entity_;
  struct Waiting {
    std::uint64_t place;
    Instant at;
  };
  std::deque<Waiting> waiting_;
};

}  // namespace orrery::sim
