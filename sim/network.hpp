#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sim/decisions.hpp"
#include "sim/kernel.hpp"

namespace orrery::sim {

class Network;

/// Why a message did not arrive.
enum class Loss {
  refused,  // the destination is down; its machine said so: the sender learns it one trip later
  dropped,  // nobody learns it
};

/// One direction of a pair of hosts. What each message looks at is one cache line.
struct alignas(64) Link {
  const Host* to = nullptr;
  std::uint64_t entity = 0;
  std::uint64_t latency_key = 0;
  std::uint64_t ordinal = 0;
  Duration extra{0};
  std::string_view name;
  std::uint32_t blocked = 0;
};

/// One message in flight. The network owns it from `send` on and destroys it after `arrive` or `lost`.
class Packet : public WorldEvent {
 public:
  virtual ~Packet() = default;
  /// Packets come and go with every message: their memory is pooled.
  static void* operator new(std::size_t bytes) { return frame_pool::allocate_uncharged(bytes); }
  static void operator delete(void* memory) noexcept { frame_pool::release(memory); }
  /// At the destination, which is up and not paused.
  virtual void arrive() = 0;
  /// Called when the loss is known to the sender (refused) or at once (dropped): a stream breaks, a call just waits.
  virtual void lost(Loss loss) = 0;
  /// A second copy of it, or null if this kind of message is never duplicated.
  [[nodiscard]] virtual std::unique_ptr<Packet> duplicate() const { return nullptr; }
  /// What it is, for the trace: "POST /users", "BEGIN".
  [[nodiscard]] virtual std::string describe() const = 0;

  [[nodiscard]] Host& from() const noexcept { return *from_; }
  [[nodiscard]] Host& to() const noexcept { return *to_; }

 private:
  friend class Network;
  void fire() override;
  void discard() override { delete this; }

  Network* network_ = nullptr;
  Host* from_ = nullptr;
  Host* to_ = nullptr;
  Link* on_ = nullptr;
  std::uint64_t ordinal_ = 0;
  bool refusal_ = false;  // travels back to say that the destination is down
};

/// How long messages take: at least `minimum`, usually up to `usual` more, and one in `tail_one_in` up to `tail` more.
struct Latency {
  Duration minimum = 200us;
  Duration usual = 800us;
  Duration tail = 40ms;
  std::uint32_t tail_one_in = 50;
};

/// What a network rule says about a message.
struct Verdict {
  enum class Kind { pass, deliver, drop };
  Kind kind = Kind::pass;
  Duration delay{0};  // of `deliver`, added to the usual latency
  static Verdict pass() { return {}; }
  static Verdict deliver(Duration delay) { return {Kind::deliver, delay}; }
  static Verdict drop() { return {Kind::drop, Duration::zero()}; }
};

/// The network between all hosts: every pair is a link each way. Messages on a link may overtake each other.
class Network {
 public:
  Network(Kernel& kernel, Decisions& decisions) : kernel_(kernel), decisions_(decisions) {}
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  Latency latency;

  /// Sends; a message from a host that is down goes nowhere.
  void send(Host& from, Host& to, std::unique_ptr<Packet> packet) {
    Instant unordered = Instant::min();
    send(from, to, std::move(packet), unordered);
  }
  /// Sends on a stream: arrives after `last_arrival`, which is moved on. The stream's owner starts with Instant::min().
  void send(Host& from, Host& to, std::unique_ptr<Packet> packet, Instant& last_arrival);

  using Rule = std::function<Verdict(const Packet&)>;
  /// Takes its rule away again when it is destroyed.
  class Guard {
   public:
    Guard() = default;
    Guard(Guard&& other) noexcept;
    Guard& operator=(Guard&& other) noexcept;
    ~Guard();

   private:
    friend class Network;
    Guard(Network* network, std::uint64_t id) : network_(network), id_(id) {}
    Network* network_ = nullptr;
    std::uint64_t id_ = 0;
  };
  /// The first rule that does not pass decides.
  [[nodiscard]] Guard add_rule(Rule rule);

  /// Nothing passes from `from` to `to` until `unblock` was called as often.
  void block(const Host& from, const Host& to) { ++link(from, to).blocked; }
  void unblock(const Host& from, const Host& to);
  [[nodiscard]] bool blocked(const Host& from, const Host& to) { return link(from, to).blocked > 0; }
  /// Every message of the link takes this much longer; added up over calls, negative takes it back.
  void slow(const Host& from, const Host& to, Duration extra) { link(from, to).extra += extra; }
  /// "a>b", the target of decisions on the link.
  [[nodiscard]] std::string_view link_name(const Host& from, const Host& to) { return link(from, to).name; }
  [[nodiscard]] std::uint64_t link_entity(const Host& from, const Host& to) { return link(from, to).entity; }
  /// Hands over what arrived at a host while it was paused.
  void resumed(Host& host);
  /// What a paused host had not read yet is gone with it.
  void crashed(Host& host);

  [[nodiscard]] std::uint64_t messages() const noexcept { return messages_; }

 private:
  friend class Packet;
  Link& link(const Host& from, const Host& to) {
    if (from.recent_link != nullptr && from.recent_link->to == &to) return *from.recent_link;
    return *(from.recent_link = &look_up(from, to));
  }
  Link& look_up(const Host& from, const Host& to) {
    if (from.id < width_ && to.id < width_) {
      if (Link* known = by_hosts_[from.id * width_ + to.id]) return *known;
    }
    return add_link(from, to);
  }
  Link& add_link(const Host& from, const Host& to);
  Duration latency_of(std::uint64_t bits) const noexcept;
  void arrived(Packet& packet);
  void send_twice(const Packet& packet, Duration delay, std::uint64_t order);
  void drop(std::unique_ptr<Packet> packet, const char* why);
  void trace(EventKind kind, const Packet& packet, const char* why = "") {
    kernel_.recorder().tick(kind, packet.on_->entity, packet.ordinal_);
    if (kernel_.recorder().full()) describe(kind, packet, why);
  }
  void describe(EventKind kind, const Packet& packet, const char* why);

  Kernel& kernel_;
  Decisions& decisions_;
  std::size_t width_ = 0;
  std::vector<Link*> by_hosts_;  // width_ × width_; null: nothing was sent there yet
  std::deque<Link> links_;
  struct NamedRule {
    std::uint64_t id;
    Rule rule;
  };
  std::vector<NamedRule> rules_;
  std::uint64_t last_rule_ = 0;
  std::uint64_t messages_ = 0;
  std::vector<std::unique_ptr<Packet>> held_;  // for paused hosts, in the order of their arrival
};

}  // namespace orrery::sim
