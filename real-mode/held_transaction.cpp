#include "real-mode/held_transaction.hpp"

#include <utility>

#include "real-mode/pg_link.hpp"

namespace orrery::real {

HeldTransaction::HeldTransaction(std::string connection, std::function<void(const std::string& why)> failed)
    : failed_(std::move(failed)), thread_([this, connection = std::move(connection)] { hold(connection); }) {}

HeldTransaction::~HeldTransaction() {
  release();
  thread_.join();
}

void HeldTransaction::release() {
  {
    const std::scoped_lock lock(mutex_);
    release_ = true;
  }
  released_.notify_one();
}

void HeldTransaction::hold(const std::string& connection) {
  try {
    PgLink link(connection, "somebody-else");
    link.script("BEGIN");
    (void)link.execute("SELECT pg_current_xact_id()", {});
    std::unique_lock lock(mutex_);
    released_.wait(lock, [this] { return release_; });
  } catch (const PgError& error) {
    failed_(error.what());
  }
}

}  // namespace orrery::real
