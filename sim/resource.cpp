#include "sim/resource.hpp"

#include <algorithm>
#include <utility>

namespace orrery::sim {

/// A request or a reply. A connection is a stream: a lost message breaks it, except in a partition, where both ends wait.
class ResourcePacket final : public Packet {
 public:
  ResourcePacket(ResourceServer& server, std::shared_ptr<ResourceCall> call, bool is_reply)
      : server_(server), call_(std::move(call)), is_reply_(is_reply) {}

  void arrive() override {
    if (is_reply_) {
      call_->settle(ResourceCall::Outcome::answered);
      return;
    }
    server_.in_work_.push_back(call_);
    server_.host().spawn(call_->label, server_.serve(call_), mix(server_.host().entity, call_->identity));
  }
  void lost(Loss loss) override {
    if (loss == Loss::refused) {
      if (!is_reply_) call_->settle(ResourceCall::Outcome::refused);
    } else if (!server_.network_.blocked(from(), to())) {
      server_.broke(call_);
    }
  }
  [[nodiscard]] std::string describe() const override { return (is_reply_ ? "reply " : "") + call_->label; }

 private:
  ResourceServer& server_;
  std::shared_ptr<ResourceCall> call_;
  bool is_reply_;
};

ResourceServer::ResourceServer(Kernel& kernel, Network& network, std::function<Duration(std::uint64_t)> cost)
    : kernel_(kernel), network_(network), cost_(std::move(cost)) {}

void ResourceServer::attach(Host& host) {
  CHECK(host_ == nullptr, "a server has one host");
  host_ = &host;
  kernel_.on_crash([this](Host& crashed_host) {
    if (&crashed_host == host_) crashed();
  });
}

Host& ResourceServer::host() const {
  CHECK(host_ != nullptr, "a server without a host");
  return *host_;
}

Task<ResourceCall::Outcome> ResourceServer::ask(Host& client, std::string label, std::function<void()> work,
                                                Duration patience) {
  SimFiber* fiber = kernel_.current_fiber();
  CHECK(fiber != nullptr && &fiber->host == &client, "a request is made by a task of the host");
  const std::uint64_t identity = mix(fiber->identity, ++fiber->calls);
  const auto call = std::make_shared<ResourceCall>(client, identity, std::move(label), std::move(work));
  Waiter waiter(kernel_);
  struct Listening {
    Listening(ResourceCall& call, Waiter& waiter) : call(call) { call.waiter = &waiter; }
    ~Listening() { call.waiter = nullptr; }
    ResourceCall& call;
  };
  const Listening listening(*call, waiter);
  network_.send(client, host(), std::make_unique<ResourcePacket>(*this, call, false));
  co_await waiter.wait_until(kernel_.now() + patience);
  co_return call->outcome;
}

Task<void> ResourceServer::serve(std::shared_ptr<ResourceCall> call) {
  co_await host().sleep(cost_(call->identity));
  call->work();
  std::erase(in_work_, call);
  network_.send(host(), call->client, std::make_unique<ResourcePacket>(*this, call, true));
}

void ResourceServer::crashed() {
  for (std::shared_ptr<ResourceCall>& call : std::exchange(in_work_, {})) {
    if (!network_.blocked(host(), call->client)) broke(std::move(call));
  }
}

void ResourceServer::broke(std::shared_ptr<ResourceCall> call) {
  if (call->waiter == nullptr) return;
  kernel_.at(kernel_.now() + network_.latency.minimum,
             [call = std::move(call)] { call->settle(ResourceCall::Outcome::broken); });
}

}  // namespace orrery::sim
