#include <algorithm>
#include <utility>

#include "sim/broker_machine.hpp"

namespace orrery::sim {

BrokerServer::BrokerServer(Kernel& kernel, Network& network, Decisions& decisions)
    : kernel_(kernel), network_(network), decisions_(decisions) {}

BrokerServer::~BrokerServer() = default;

void BrokerServer::attach(Host& host) {
  CHECK(host_ == nullptr, "a broker has one host");
  host_ = &host;
  kernel_.on_crash([this](Host& crashed_host) {
    if (&crashed_host == host_) crashed();
  });
}

std::unique_ptr<Machine> BrokerServer::boot(Host& host) { return std::make_unique<BrokerMachine>(*this, host); }

Host& BrokerServer::host() const {
  CHECK(host_ != nullptr, "this world has no broker");
  return *host_;
}

BrokerMachine* BrokerServer::machine() const { return static_cast<BrokerMachine*>(host().machine()); }

void BrokerServer::crashed() {
  for (std::shared_ptr<PublishCall>& call : std::exchange(in_work_, {})) {
    if (call->waiter == nullptr || network_.blocked(*host_, call->client)) continue;
    const Instant known = kernel_.now() + network_.latency.minimum;
    kernel_.at(known, [call = std::move(call)] { call->settle(PublishCall::Outcome::broken); });
  }
}

// ---- clients ----

std::uint64_t BrokerServer::enlist(BrokerClient& client, Host& host) {
  std::erase_if(clients_, [&](const auto& known) {
    return known.second.host == &host && known.second.incarnation != host.incarnation();
  });
  clients_.emplace(++last_client_, Enlisted{&client, &host, host.incarnation()});
  return last_client_;
}

BrokerClient* BrokerServer::find_client(std::uint64_t number) const {
  const auto found = clients_.find(number);
  if (found == clients_.end()) return nullptr;
  const Enlisted& enlisted = found->second;
  return enlisted.host->alive() && enlisted.host->incarnation() == enlisted.incarnation ? enlisted.client : nullptr;
}

BrokerServer::Peer& BrokerServer::peer(const Host& host) {
  if (peers_.size() <= host.id) peers_.resize(host.id + 1);
  return peers_[host.id];
}

bool BrokerServer::strikes(FaultKind kind, Host& client, std::uint64_t& occasions) {
  return decisions_.strike(kind, network_.link_name(client, host()), network_.link_entity(client, host()),
                           ++occasions) != nullptr;
}

// ---- topics ----

BrokerTopic& BrokerServer::topic(std::string_view name) {
  const auto found = topics_.find(name);
  if (found != topics_.end()) return *found->second;
  std::string owned(name);
  auto topic = std::make_unique<BrokerTopic>(owned);
  return *topics_.emplace(std::move(owned), std::move(topic)).first->second;
}

const BrokerTopic* BrokerServer::find_topic(std::string_view name) const {
  const auto found = topics_.find(name);
  return found == topics_.end() ? nullptr : found->second.get();
}

BrokerGroup& BrokerServer::group(BrokerTopic& topic, std::string_view name) {
  const auto found = std::ranges::find_if(topic.groups, [&](const BrokerGroup* group) { return group->group == name; });
  if (found != topic.groups.end()) return **found;
  BrokerGroup& group = *groups_.emplace_back(std::make_unique<BrokerGroup>(topic, std::string(name), groups_.size()));
  topic.groups.push_back(&group);
  for (std::uint64_t offset = 0; offset < topic.log.size(); ++offset) group.admit(offset);
  return group;
}

std::vector<std::shared_ptr<const Message>> BrokerServer::stored(std::string_view name) const {
  std::vector<std::shared_ptr<const Message>> messages;
  if (const BrokerTopic* topic = find_topic(name)) {
    for (const StoredMessage& stored : topic->log) messages.push_back(stored.message);
  }
  return messages;
}

const std::vector<DeadLetter>& BrokerServer::dead_letters(std::string_view name) const {
  static const std::vector<DeadLetter> kNone;
  const BrokerTopic* topic = find_topic(name);
  return topic == nullptr ? kNone : topic->dead_letters;
}

std::size_t BrokerServer::backlog(std::string_view topic_name, std::string_view group_name) const {
  const BrokerTopic* topic = find_topic(topic_name);
  if (topic == nullptr) return 0;
  for (const BrokerGroup* group : topic->groups) {
    if (group->group == group_name) return group->open;
  }
  return 0;
}

std::size_t BrokerServer::backlog() const {
  std::size_t open = 0;
  for (const auto& group : groups_) open += group->open;
  return open;
}

bool BrokerServer::at_rest() const { return in_work_.empty() && backlog() == 0; }

}  // namespace orrery::sim
