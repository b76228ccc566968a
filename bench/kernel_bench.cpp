// What the kernel costs, as a ratio to the barest loop that does the same: a std::priority_queue of (time, sequence).
// Every pair runs in one process, one after the other, so that the machine's speed cancels out:
//   build/release/bench/kernel_bench
// Counter `messages` and `wakes`: a CPU-second. `ratio` in the second of a pair: its rate divided by the bare loop's.

#include <benchmark/benchmark.h>

#include <ctime>
#include <memory>
#include <queue>
#include <vector>

#include "sim/mailbox.hpp"

namespace {

using namespace orrery;
using namespace orrery::sim;

constexpr int kPairs = 50;
constexpr int kSleepers = 1000;
constexpr std::uint64_t kEvents = 4'000'000;

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

/// The 64 bytes stand beside the queue, which is what the barest loop would do.
struct BareMessage {
  std::int64_t at;
  std::uint64_t sequence;
  std::uint32_t to;
  std::uint32_t slot;
};
struct BareLater {
  bool operator()(const BareMessage& a, const BareMessage& b) const {
    return a.at > b.at || (a.at == b.at && a.sequence > b.sequence);
  }
};

/// 50 client/server pairs; each message is answered after 1 to 10 ms.
double bare_messages_per_second() {
  std::priority_queue<BareMessage, std::vector<BareMessage>, BareLater> queue;
  std::vector<std::uint64_t> received(2 * kPairs);
  std::vector<Datagram> in_flight(kPairs);
  std::vector<Datagram> inbox(2 * kPairs);
  std::uint64_t sequence = 0;
  const auto latency = [&](std::uint64_t n) { return 1'000'000 + static_cast<std::int64_t>(below(mix(1, n), 9'000'001)); };
  for (std::uint32_t pair = 0; pair < kPairs; ++pair) {
    ++sequence;
    queue.push({latency(sequence), sequence, 2 * pair, pair});
  }
  const double begin = cpu_seconds();
  for (std::uint64_t n = 0; n < kEvents; ++n) {
    BareMessage message = queue.top();
    queue.pop();
    ++received[message.to];
    inbox[message.to] = in_flight[message.slot];
    in_flight[message.slot] = inbox[message.to];
    message.to ^= 1;
    message.sequence = ++sequence;
    message.at += latency(sequence);
    queue.push(message);
  }
  const double seconds = cpu_seconds() - begin;
  benchmark::DoNotOptimize(received.data());
  benchmark::DoNotOptimize(inbox.data());
  return static_cast<double>(kEvents) / seconds;
}

Task<void> answer(Mailbox& own, Mailbox& peer) {
  for (;;) {
    const Datagram datagram = co_await own.receive();
    own.send(peer, datagram);
  }
}

Task<void> ask(Mailbox& own, Mailbox& peer) {
  own.send(peer, Datagram());
  for (;;) {
    const Datagram datagram = co_await own.receive();
    own.send(peer, datagram);
  }
}

/// The same in the simulated network: trace hash, host checks, and one network rule that lets everything pass.
double simulated_messages_per_second() {
  Kernel kernel(1, false);
  Decisions decisions(kernel);
  Network network(kernel, decisions);
  network.latency = {.minimum = 1ms, .usual = 9ms, .tail = 0ms, .tail_one_in = 0};
  const Network::Guard rule = network.add_rule([](const Packet&) { return sim::Verdict::pass(); });
  std::vector<std::unique_ptr<Mailbox>> mailboxes;
  for (int i = 0; i < 2 * kPairs; ++i) {
    Host& host = kernel.add_host("host-" + std::to_string(i), nullptr);
    kernel.start(host);
    mailboxes.push_back(std::make_unique<Mailbox>(host, network));
  }
  for (int pair = 0; pair < kPairs; ++pair) {
    Mailbox& client = *mailboxes[static_cast<std::size_t>(2 * pair)];
    Mailbox& server = *mailboxes[static_cast<std::size_t>(2 * pair + 1)];
    kernel.find_host("host-" + std::to_string(2 * pair))->spawn("client", ask(client, server));
    kernel.find_host("host-" + std::to_string(2 * pair + 1))->spawn("server", answer(server, client));
  }
  const double begin = cpu_seconds();
  while (network.messages() < kEvents) kernel.step();
  const double seconds = cpu_seconds() - begin;
  const double rate = static_cast<double>(network.messages()) / seconds;
  kernel.clear();
  return rate;
}

struct BareTimer {
  std::int64_t at;
  std::uint64_t sequence;
  std::uint32_t sleeper;
};
struct BareTimerLater {
  bool operator()(const BareTimer& a, const BareTimer& b) const {
    return a.at > b.at || (a.at == b.at && a.sequence > b.sequence);
  }
};

double bare_wakes_per_second() {
  std::priority_queue<BareTimer, std::vector<BareTimer>, BareTimerLater> queue;
  std::vector<std::uint64_t> woken(kSleepers);
  std::uint64_t sequence = 0;
  const auto nap = [](std::uint64_t n) { return 1'000'000 + static_cast<std::int64_t>(below(mix(2, n), 9'000'001)); };
  for (std::uint32_t sleeper = 0; sleeper < kSleepers; ++sleeper) {
    ++sequence;
    queue.push({nap(sequence), sequence, sleeper});
  }
  const double begin = cpu_seconds();
  for (std::uint64_t n = 0; n < kEvents; ++n) {
    BareTimer timer = queue.top();
    queue.pop();
    ++woken[timer.sleeper];
    timer.sequence = ++sequence;
    timer.at += nap(sequence);
    queue.push(timer);
  }
  const double seconds = cpu_seconds() - begin;
  benchmark::DoNotOptimize(woken.data());
  return static_cast<double>(kEvents) / seconds;
}

Task<void> nap_for_ever(Host& host, std::uint64_t& wakes) {
  for (;;) {
    ++wakes;
    co_await host.sleep(1ms + Duration(below(mix(2, wakes), 9'000'001)));
  }
}

double simulated_wakes_per_second() {
  Kernel kernel(1, false);
  std::uint64_t wakes = 0;
  for (int i = 0; i < 100; ++i) {
    Host& host = kernel.add_host("host-" + std::to_string(i), nullptr);
    kernel.start(host);
    for (int task = 0; task < kSleepers / 100; ++task) host.spawn("sleeper", nap_for_ever(host, wakes));
  }
  const double begin = cpu_seconds();
  while (wakes < kEvents) kernel.step();
  const double seconds = cpu_seconds() - begin;
  kernel.clear();
  return static_cast<double>(kEvents) / seconds;
}

void messages(benchmark::State& state) {
  double bare = 0;
  double simulated = 0;
  for (auto _ : state) {
    bare = bare_messages_per_second();
    simulated = simulated_messages_per_second();
  }
  state.counters["bare_per_s"] = bare;
  state.counters["simulated_per_s"] = simulated;
  state.counters["ratio"] = simulated / bare;
}
BENCHMARK(messages)->Unit(benchmark::kMillisecond)->Iterations(1)->Repetitions(5);

void timer_wakes(benchmark::State& state) {
  double bare = 0;
  double simulated = 0;
  for (auto _ : state) {
    bare = bare_wakes_per_second();
    simulated = simulated_wakes_per_second();
  }
  state.counters["bare_per_s"] = bare;
  state.counters["simulated_per_s"] = simulated;
  state.counters["ratio"] = simulated / bare;
}
BENCHMARK(timer_wakes)->Unit(benchmark::kMillisecond)->Iterations(1)->Repetitions(5);

}  // namespace

BENCHMARK_MAIN();
