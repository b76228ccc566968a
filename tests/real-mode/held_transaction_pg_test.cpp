// A transaction that somebody else has open.
#include "real-mode/held_transaction.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include "real-mode/pg_link.hpp"
#include "real-mode/private_postgres.hpp"

namespace orrery::real {
namespace {

constexpr const char* kIdle =
    "SELECT count(*) AS n FROM pg_stat_activity"
    " WHERE application_name = 'somebody-else' AND state = 'idle in transaction' AND backend_xid IS NOT NULL";

/// A session is another process: what it does is seen a moment later.
bool comes_to(PgLink& link, std::int64_t idle) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (link.execute(kIdle, {})[0]["n"].integer() != idle) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

TEST(HeldTransaction, IsIdleWithAnIdUntilItIsReleased) {
  PrivatePostgres server;
  PgLink link(server.connection("postgres"), "test");
  std::atomic<int> failures = 0;
  const auto failed = [&](const std::string&) { ++failures; };
  HeldTransaction one(server.connection("postgres"), failed);
  EXPECT_TRUE(comes_to(link, 1));
  {
    const HeldTransaction other(server.connection("postgres"), failed);
    EXPECT_TRUE(comes_to(link, 2));
  }
  EXPECT_TRUE(comes_to(link, 1));
  one.release();
  EXPECT_TRUE(comes_to(link, 0));
  EXPECT_EQ(failures, 0);
}

TEST(HeldTransaction, SaysWhyItIsNot) {
  std::string said;
  {
    const HeldTransaction none("host=/nowhere", [&](const std::string& why) { said = why; });
  }
  EXPECT_NE(said.find("/nowhere"), std::string::npos) << said;
}

}  // namespace
}  // namespace orrery::real
