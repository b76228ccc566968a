#include "sim/network.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace orrery::sim {

void Packet::fire() { network_->arrived(*this); }

Network::Guard::Guard(Guard&& other) noexcept : network_(std::exchange(other.network_, nullptr)), id_(other.id_) {}

Network::Guard& Network::Guard::operator=(Guard&& other) noexcept {
  std::swap(network_, other.network_);
  std::swap(id_, other.id_);
  return *this;
}

Network::Guard::~Guard() {
  if (network_ != nullptr) std::erase_if(network_->rules_, [&](const NamedRule& rule) { return rule.id == id_; });
}

Network::Guard Network::add_rule(Rule rule) {
  rules_.push_back({++last_rule_, std::move(rule)});
  return {this, last_rule_};
}

Link& Network::add_link(const Host& from, const Host& to) {
  if (kernel_.hosts().size() > width_) {
    const std::size_t width = std::max<std::size_t>(16, 2 * kernel_.hosts().size());
    std::vector<Link*> by_hosts(width * width);
    for (std::size_t a = 0; a < width_; ++a) {
      for (std::size_t b = 0; b < width_; ++b) by_hosts[a * width + b] = by_hosts_[a * width_ + b];
    }
    by_hosts_ = std::move(by_hosts);
    width_ = width;
  }
  Link& link = links_.emplace_back();
  link.to = &to;
  link.name = kernel_.intern(from.name + ">" + to.name);
  link.entity = entity_of(link.name);
  link.latency_key = decision_key(kernel_.seed(), static_cast<std::uint64_t>(Site::latency), link.entity);
  by_hosts_[from.id * width_ + to.id] = &link;
  return link;
}

void Network::unblock(const Host& from, const Host& to) {
  Link& blocked = link(from, to);
  CHECK(blocked.blocked > 0, "a link was unblocked more often than it was blocked");
  --blocked.blocked;
}

Duration Network::latency_of(std::uint64_t bits) const noexcept {
  Duration duration = latency.minimum + Duration(below(bits, static_cast<std::uint64_t>(latency.usual.count()) + 1));
  if (latency.tail_one_in > 0) {
    const std::uint64_t tail = mix(bits, 1);
    if (below(tail, latency.tail_one_in) == 0) {
      duration += Duration(below(mix(tail, 1), static_cast<std::uint64_t>(latency.tail.count()) + 1));
    }
  }
  return duration;
}

void Network::send(Host& from, Host& to, std::unique_ptr<Packet> packet, Instant& last_arrival) {
  if (!from.alive()) return;
  Link& on = link(from, to);
  ++on.ordinal;
  ++messages_;
  packet->network_ = this;
  packet->from_ = &from;
  packet->to_ = &to;
  packet->on_ = &on;
  packet->ordinal_ = on.ordinal;
  trace(EventKind::message_sent, *packet);

  const std::uint64_t bits = decide_keyed(on.latency_key, on.ordinal);
  Duration delay = latency_of(bits) + on.extra;
  if (on.blocked > 0) return drop(std::move(packet), "partition");
  for (const NamedRule& rule : rules_) {
    const Verdict verdict = rule.rule(*packet);
    if (verdict.kind == Verdict::Kind::pass) continue;
    if (verdict.kind == Verdict::Kind::drop) return drop(std::move(packet), "rule");
    delay += verdict.delay;
    break;
  }
  const std::uint64_t order = std::rotr(bits, 32);  // which of those that arrive at one instant is first
  if (&from != &to) {  // a host reaches itself
    if (decisions_.strike(FaultKind::drop, on.name, on.entity, on.ordinal) != nullptr) {
      return drop(std::move(packet), "lost");
    }
    if (const Fault* fault = decisions_.strike(FaultKind::delay, on.name, on.entity, on.ordinal)) {
      delay += std::chrono::microseconds(fault->amount);
    }
    if (decisions_.may_strike(FaultKind::duplicate)) send_twice(*packet, delay, order);
  }
  const Instant arrival = std::max(kernel_.now() + delay, last_arrival + 1ns);
  last_arrival = arrival;
  kernel_.post(*packet.release(), arrival, order);
}

void Network::send_twice(const Packet& packet, Duration delay, std::uint64_t order) {
  const Link& on = *packet.on_;
  std::unique_ptr<Packet> twin = packet.duplicate();
  if (twin == nullptr) return;  // this kind of message has no occasion
  if (decisions_.strike(FaultKind::duplicate, on.name, on.entity, on.ordinal) == nullptr) return;
  twin->network_ = this;
  twin->from_ = packet.from_;
  twin->to_ = packet.to_;
  twin->on_ = packet.on_;
  twin->ordinal_ = on.ordinal;
  // The copy comes up to two seconds later: a proxy that tried again, or a packet that went astray.
  delay += Duration(below(kernel_.draw(Site::fault_amount, on.entity, on.ordinal), 2'000'000'000));
  kernel_.post(*twin.release(), kernel_.now() + delay, mix(order, 1));
}

void Network::drop(std::unique_ptr<Packet> packet, const char* why) {
  trace(EventKind::message_dropped, *packet, why);
  packet->lost(Loss::dropped);
}

void Network::arrived(Packet& arriving) {
  std::unique_ptr<Packet> packet(&arriving);
  if (packet->refusal_) {
    if (packet->from_->alive()) packet->lost(Loss::refused);
    return;
  }
  // A partition that began while it was under way cuts it off, too.
  if (packet->on_->blocked > 0) return drop(std::move(packet), "partition");
  Host& to = *packet->to_;
  if (!to.alive()) {
    trace(EventKind::message_dropped, *packet, "refused");
    packet->refusal_ = true;
    const Instant back = kernel_.now() + latency.minimum;
    kernel_.post(*packet.release(), back, arriving.order);
    return;
  }
  if (to.paused()) {
    held_.push_back(std::move(packet));
    return;
  }
  trace(EventKind::message_arrived, *packet);
  packet->arrive();
}

void Network::resumed(Host& host) {
  std::vector<std::unique_ptr<Packet>> others;
  for (std::unique_ptr<Packet>& packet : held_) {
    if (packet->to_ != &host) {
      others.push_back(std::move(packet));
      continue;
    }
    const std::uint64_t order = packet->order;
    kernel_.post(*packet.release(), kernel_.now(), order);
  }
  held_ = std::move(others);
}

void Network::crashed(Host& host) {
  std::vector<std::unique_ptr<Packet>> others;
  for (std::unique_ptr<Packet>& packet : std::exchange(held_, {})) {
    if (packet->to_ == &host) {
      trace(EventKind::message_dropped, *packet, "unread");
      packet->lost(Loss::refused);
    } else {
      others.push_back(std::move(packet));
    }
  }
  std::move(others.begin(), others.end(), std::back_inserter(held_));
}

void Network::describe(EventKind kind, const Packet& packet, const char* why) {
  const Host& host = kind == EventKind::message_arrived ? *packet.to_ : *packet.from_;
  kernel_.recorder().describe(kind, host.name, packet.on_->name, {}, static_cast<std::int64_t>(packet.ordinal_),
                              packet.describe(), why);
}

}  // namespace orrery::sim
