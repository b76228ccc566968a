#include "sim/database_pooler.hpp"

#include <string>
#include <utility>

#include "runtime/wait_queue.hpp"
#include "sim/database_server.hpp"

namespace orrery::sim {

Task<std::unique_ptr<database::Session>> Pooler::take(Host& host) {
  while (idle_.empty() && open_ == kSessions) {
    Waiter waiter(host.executor());
    const InQueue in_queue(queue_, waiter);
    co_await waiter.wait();
  }
  if (idle_.empty()) {
    ++open_;
    co_return server_.open_session("pooler." + std::to_string(host.incarnation()) + "#" + std::to_string(++opened_));
  }
  const std::uint64_t bits = host.kernel().draw(Site::pooler, host.entity, ++taken_);
  const std::size_t which = below(bits, idle_.size());
  std::unique_ptr<database::Session> session = std::move(idle_[which]);
  idle_.erase(idle_.begin() + static_cast<std::ptrdiff_t>(which));
  co_return std::move(session);
}

void Pooler::give_back(std::unique_ptr<database::Session> session) {
  idle_.push_back(std::move(session));
  if (!queue_.empty()) queue_.front()->wake();
}

void Pooler::ended() {
  --open_;
  if (!queue_.empty()) queue_.front()->wake();
}

void Pooler::clear() {
  idle_.clear();
  open_ = 0;
}

}  // namespace orrery::sim
