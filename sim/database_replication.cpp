#include "sim/database_replication.hpp"

#include <algorithm>
#include <memory>

#include "sim/database_server.hpp"
#include "sim/directory.hpp"

namespace orrery::sim {
namespace {

/// What was lost on its way is sent again after this long.
constexpr Duration kAgainAfter = 1s;
/// A standby that has been behind for longer is not promoted.
constexpr Duration kMostBehind = 10s;

}  // namespace

/// The log up to a commit. What it stands for is in the engine already: nothing but the place travels.
class Replication::WalPacket final : public Packet {
 public:
  WalPacket(Replication& replication, std::uint64_t place)
      : replication_(replication), timeline_(replication.timeline_), place_(place) {}
  void arrive() override { replication_.arrived(timeline_, place_); }
  void lost(Loss) override {}  // a later packet brings it
  [[nodiscard]] std::string describe() const override { return "WAL up to commit " + std::to_string(place_); }

 private:
  Replication& replication_;
  std::uint64_t timeline_;
  std::uint64_t place_;
};

Replication::Replication(Directory& directory, DatabaseServer& primary, DatabaseServer& standby)
    : directory_(directory), primary_(primary), standby_(standby) {
  received_ = replayed_ = primary.engine().last_commit();
}

void Replication::committed() {
  if (behind_since_ == Instant::max()) behind_since_ = directory_.kernel.now();
  send();
  if (beats_) return;
  beats_ = true;
  directory_.kernel.at(directory_.kernel.now() + kAgainAfter, [this] { beat(); });
}

void Replication::send() {
  Host& from = primary_.host();
  const std::uint64_t place = primary_.flushed();
  if (!from.alive() || from.paused() || place <= received()) return;
  directory_.network.send(from, standby_.host(), std::make_unique<WalPacket>(*this, place), stream_);
}

void Replication::beat() {
  beats_ = received() < primary_.engine().last_commit();
  if (!beats_) return;
  send();
  directory_.kernel.at(directory_.kernel.now() + kAgainAfter, [this] { beat(); });
}

void Replication::arrived(std::uint64_t timeline, std::uint64_t place) {
  if (timeline != timeline_) return;
  const Instant before = incoming_.empty() ? Instant::min() : incoming_.back().at;
  incoming_.push_back({std::max(before, directory_.kernel.now() + lag_), place});
}

std::uint64_t Replication::received() {
  for (; !incoming_.empty() && incoming_.front().at <= directory_.kernel.now(); incoming_.pop_front()) {
    const auto [at, place] = incoming_.front();
    if (place <= received_) continue;
    received_ = place;
    behind_since_ = received_ < primary_.engine().last_commit() ? at : Instant::max();
    // Replay mostly keeps up; now and then something holds it up.
    const std::uint64_t bits = directory_.kernel.draw(Site::replay, standby_.host().entity, ++packets_);
    Duration takes(below(bits, 4'000'000));
    if (below(mix(bits, 1), 40) == 0) takes += Duration(below(mix(bits, 2), 1'000'000'000));
    const Instant before = replays_.empty() ? Instant::min() : replays_.back().at;
    replays_.push_back({std::max(before, at + takes), place});
  }
  return received_;
}

std::uint64_t Replication::replayed() {
  static_cast<void>(received());
  while (!replays_.empty() && replays_.front().at <= directory_.kernel.now()) {
    replayed_ = replays_.front().place;
    replays_.pop_front();
  }
  return std::max(replayed_, primary_.engine().last_catalog_change());
}

std::string Replication::why_not_promoted() {
  static_cast<void>(received());
  if (!standby_.host().alive()) return "its standby is down";
  const Instant now = directory_.kernel.now();
  if (behind_since_ != Instant::max() && now - behind_since_ > kMostBehind) return "its standby is too far behind";
  return {};
}

void Replication::promoted(std::uint64_t last_commit) {
  ++timeline_;
  incoming_.clear();
  replays_.clear();
  received_ = replayed_ = last_commit;
  behind_since_ = Instant::max();
  stream_ = Instant::min();
}

}  // namespace orrery::sim
