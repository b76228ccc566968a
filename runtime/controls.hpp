#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/time.hpp"

namespace orrery {

/// The faults that a world may be asked for. `faults/catalogue.cpp` says for each what it is, what causes it in
/// production and what `target`, `lasts` and `amount` mean.
enum class FaultKind : std::uint8_t {
  // Episodes: they begin at a time (or at a place) and last.
  crash,              // target: host. Memory is gone; it starts again after `lasts`
  stop,               // target: host. Asked to stop (SIGTERM), restarted after `lasts`: a rolling deploy
  pause,              // target: host. Nothing runs for `lasts`; messages wait
  clock_jump,         // target: host. The system clock is off by `amount` us for `lasts`
  clock_drift,        // target: host. The system clock runs `amount` ppm fast (negative: slow) for `lasts`
  partition,          // target: "a|b". Nothing passes either way for `lasts`; a or b may be "*" (everybody else)
  one_way_partition,  // target: "a>b". Nothing passes from a to b for `lasts`
  slow_link,          // target: "a>b". Each message takes `amount` us longer for `lasts`
  slow_service,       // target: host. Its handlers answer `amount` us later for `lasts`
  error_burst,        // target: host. It answers HTTP 503 without doing anything for `lasts`
  slow_database,      // target: database host. Each statement takes `amount` us longer for `lasts`
  broker_delay,       // target: broker host. Deliveries wait `amount` us longer for `lasts`
  // Decisions: each strikes at the n-th occasion of its kind at its target.
  drop,               // target: "a>b". The message is lost: a call hangs until its deadline, a stream breaks
  duplicate,          // target: "a>b". An HTTP request or broker message arrives twice
  delay,              // target: "a>b". The message takes `amount` us longer, so that later ones overtake it
  break_statement,    // target: "client>database". The connection breaks at a statement, executed or not
  break_before_commit,// target: "client>database". The connection breaks; COMMIT never reaches the server
  break_during_commit,// target: "client>database". The server dies within COMMIT: nobody knows until one looks
  break_after_commit, // target: "client>database". Committed, but the answer is lost
  kill_session,       // target: "client>database". The server ends the session (57P01) before a statement
  deadlock,           // target: "client>database". A statement is chosen as a deadlock's victim (40P01)
  lose_publish,       // target: "client>broker". Taken, but lost before it was made durable; never confirmed
  lose_confirmation,  // target: "client>broker". Durable, but the confirmation is lost
  lose_ack,           // target: "client>broker". The acknowledgement never arrives: the message comes again
  redeliver,          // target: "topic/group". A message that was acknowledged, or is in work, is delivered again
  // Of caches and file stores.
  cache_down,         // target: cache host. Each command is refused for `lasts`; what it holds stays
  disk_full,          // target: host of a file store or a database. For `lasts` nothing can be written to the store; in the
                      //   database row versions that need another page fail (53100). Reading and removing work
  cache_flush,        // target: "client>cache". Just before a command the cache loses everything
  cache_evict,        // target: "client>cache". Just before a command the cache loses the key that it names
  // A database as a server on the network: episodes.
  failover,           // target: database. It dies; its standby takes its place after `lasts`, without what it had not received
  switchover,         // target: database. It hands over to its standby, which takes its place after `lasts`; nothing is lost
  standby_lag,        // target: database. Its standby is `amount` us further behind for `lasts`
  read_only_database, // target: database. Transactions begin read-only for `lasts`: writes fail (25006)
  connection_limit,   // target: database. No more than `amount` connections are let in for `lasts` (53300)
  idle_transaction,   // target: database. A session of somebody else has a transaction with an id open for `lasts`, and does nothing
  // … and decisions.
  serialization_failure,  // target: "client>database". A SERIALIZABLE transaction fails without need (40001)
  break_listening,        // target: "client>database". A connection that LISTENs breaks just before a notification: it is lost
  count_,
};
[[nodiscard]] std::string_view to_string(FaultKind kind) noexcept;
[[nodiscard]] std::optional<FaultKind> fault_kind(std::string_view name) noexcept;
/// Episodes last; decisions strike once.
[[nodiscard]] constexpr bool is_episode(FaultKind kind) noexcept {
  return kind < FaultKind::drop || kind == FaultKind::cache_down || kind == FaultKind::disk_full ||
         (kind >= FaultKind::failover && kind <= FaultKind::idle_transaction);
}

/// One fault at one address: everything that is needed to do exactly this again.
///
/// The address is a time (`at`), or the `ordinal`-th time that `place` is reached (a place in what happens, such as
/// "user-1/outbox-relay broker.publish after"; episodes only), or for decisions the `ordinal`-th occasion at `target`.
struct Fault {
  FaultKind kind = FaultKind::crash;
  std::string target;
  Duration at{-1};            // since the run began; negative: not addressed by time
  std::string place;
  std::uint64_t ordinal = 0;  // from 1; 0: not addressed by place or occasion
  Duration lasts{0};
  std::int64_t amount = 0;

  friend bool operator==(const Fault&, const Fault&) = default;
};
/// "crash user-1 at 12.5s for 2s", "break_after_commit user-1>user-db, occasion 17".
[[nodiscard]] std::string to_string(const Fault& fault);
/// The address alone: "12.5s", "user-1/outbox-relay broker.publish after #3", "user-1>user-db #17".
[[nodiscard]] std::string address_of(const Fault& fault);

/// How likely decisions strike while faults are on, and what they then do. A world draws each from the seed.
struct FaultRates {
  struct Rate {
    std::uint32_t per_million = 0;  // of the occasions
    std::int64_t amount_low = 0;    // `amount` is uniform in [low, high]
    std::int64_t amount_high = 0;
    Duration lasts_low{0};
    Duration lasts_high{0};
  };
  std::array<Rate, static_cast<std::size_t>(FaultKind::count_)> decisions{};
  /// A crash at a place: a host dies exactly between two effects. Restart after lasts_low..lasts_high.
  Rate crash_at_place;
  /// A pause at a place: a host stands still between two effects, for lasts_low..lasts_high, and does not know it.
  Rate pause_at_place;

  [[nodiscard]] Rate& operator[](FaultKind kind) { return decisions[static_cast<std::size_t>(kind)]; }
  [[nodiscard]] const Rate& operator[](FaultKind kind) const { return decisions[static_cast<std::size_t>(kind)]; }
};

/// Whether a pause is drawn at such a point of a place ("after publish"). Not between the look at a lease and a call or message
/// that it covers: no lease can help there, only who is called could refuse the late one by its fencing token (M. Kleppmann,
/// "How to do distributed locking", 2016). Mail servers and brokers do not; a plan may have such a pause.
[[nodiscard]] constexpr bool may_pause_at(std::string_view point) noexcept {
  return point.starts_with("after ") || point == "before commit";
}

/// What a plan is carried out with. Both worlds implement it, so that one plan drives both.
class Controls {
 public:
  /// Empty: the world can do this fault to this target. Otherwise why it cannot, in words for the user.
  [[nodiscard]] virtual std::string unsupported(const Fault& fault) const = 0;
  /// Draws decisions with these rates from now on.
  virtual void set_rates(const FaultRates& rates) = 0;
  /// Arms faults that are addressed by place or occasion.
  virtual void arm(const std::vector<Fault>& faults) = 0;
  /// Begins an episode that is addressed by time, now; the world ends it after `lasts`.
  virtual void inject(const Fault& fault) = 0;
  /// Ends every episode, starts every host that is down, sets all rates to zero and disarms what did not strike.
  virtual void heal() = 0;
  /// Everything that struck so far, each as the explicit fault that repeats it, in order.
  [[nodiscard]] virtual const std::vector<Fault>& struck() const noexcept = 0;

 protected:
  ~Controls() = default;
};

}  // namespace orrery
