// Two-statement transactions through the service's database layer: 16 tasks on one loop, prepared statements. The server is that
// of $ORRERY_POSTGRES, with pgbench's tables of scale 10. bench/real_mode.sh compares it with pgbench.
#include <benchmark/benchmark.h>

#include <cstdlib>

#include "real-mode/database.hpp"

namespace orrery::real {
namespace {

constexpr int kClients = 16;
constexpr std::int64_t kAccounts = 1'000'000;

/// `left` is what all clients still have to do together: as with pgbench, none waits for the slowest.
Task<void> transact(DatabasePool& pool, Random& random, std::int64_t& left, int& running) {
  while (left > 0) {
    --left;
    const auto account = static_cast<std::int64_t>(random.below(kAccounts)) + 1;
    Transaction tx = co_await pool.begin(Isolation::read_committed);
    co_await tx.exec("UPDATE pgbench_accounts SET abalance = abalance + $1 WHERE aid = $2", 1, account);
    co_await tx.exec("SELECT abalance FROM pgbench_accounts WHERE aid = $1", account);
    co_await tx.commit();
  }
  --running;
}

void TwoStatementTransactions(benchmark::State& state) {
  const char* server = std::getenv("ORRERY_POSTGRES");
  if (server == nullptr) {
    state.SkipWithError("$ORRERY_POSTGRES is not set");
    return;
  }
  Loop loop;
  RealRandom random;
  Recorder recorder("bench");
  Mishaps mishaps(loop, recorder);
  PoolSettings settings;
  settings.connection = server;
  settings.most = kClients;
  settings.least = kClients;
  DatabasePool pool(loop, random, recorder, mishaps, "bench", settings);
  constexpr std::int64_t kTogether = 500 * kClients;
  for (auto _ : state) {
    int running = kClients;
    std::int64_t left = kTogether;
    for (int client = 0; client < kClients; ++client) loop.spawn("client", transact(pool, random, left, running));
    loop.run([&] { return running == 0; });
  }
  state.SetItemsProcessed(state.iterations() * kTogether);
}
BENCHMARK(TwoStatementTransactions)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace orrery::real
