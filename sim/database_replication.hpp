#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "sim/kernel.hpp"
#include "sim/network.hpp"

namespace orrery::sim {

class DatabaseServer;
class Directory;

/// Asynchronous streaming replication to one hot standby (manual, 27.2.5 and 27.4). What the primary has on disk is sent over the
/// network, in commit order, and replayed some time after it arrived. A primary that is lost takes with it what had not
/// arrived.
///
/// Both servers share one engine: the standby's sessions read it as of the last commit that was replayed, and old versions
/// are kept for them, as hot_standby_feedback does.
class Replication {
 public:
  Replication(Directory& directory, DatabaseServer& primary, DatabaseServer& standby);

  /// The primary has committed.
  void committed();
  /// Of the last commit that the standby has. All of it survives a promotion.
  [[nodiscard]] std::uint64_t received();
  /// Of the last commit that the standby's readers see.
  [[nodiscard]] std::uint64_t replayed();
  /// The log takes this much longer to the standby; added up over calls.
  void lag(Duration extra) noexcept { lag_ += extra; }
  /// Why an orchestrator would not make this standby the primary; empty: it would. It is down, or has received nothing for so
  /// long that too much would be lost (Patroni: maximum_lag_on_failover).
  [[nodiscard]] std::string why_not_promoted();
  /// The standby is the primary from here on, and has a standby with the same contents.
  void promoted(std::uint64_t last_commit);

 private:
  class WalPacket;
  void send();
  void beat();
  void arrived(std::uint64_t timeline, std::uint64_t place);

  Directory& directory_;
  DatabaseServer& primary_;
  DatabaseServer& standby_;
  std::uint64_t timeline_ = 1;  // counts promotions: what an old primary still sends is of no use
  std::uint64_t received_ = 0;
  std::uint64_t replayed_ = 0;
  std::uint64_t packets_ = 0;
  Duration lag_{0};
  bool beats_ = false;
  Instant behind_since_ = Instant::max();  // when the first commit was made that has not been received
  Instant stream_ = Instant::min();
  struct Progress {
    Instant at;
    std::uint64_t place;
  };
  std::deque<Progress> incoming_;  // it arrived, and will have been received
  std::deque<Progress> replays_;   // it was received, and will have been replayed
};

}  // namespace orrery::sim
