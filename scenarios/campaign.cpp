#include "scenarios/campaign.hpp"

#include <sys/mman.h>
#include <algorithm>
#include <atomic>
#include <limits>
#include <memory>
#include <new>
#include <stdexcept>

#include "scenarios/campaign_retell.hpp"

namespace orrery {
namespace {

/// What the workers take their seeds from: memory that all of them share.
struct Counter {
  std::atomic<std::uint64_t> next{0};
  std::atomic<std::uint64_t> end{0};  // lowered to stop early
};

class SharedCounter {
 public:
  explicit SharedCounter(std::uint64_t end) {
    void* memory = ::mmap(nullptr, sizeof(Counter), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw SetupError("no memory to share with the workers");
    counter_ = new (memory) Counter;
    counter_->end = end;
  }
  ~SharedCounter() { ::munmap(counter_, sizeof(Counter)); }
  SharedCounter(const SharedCounter&) = delete;
  SharedCounter& operator=(const SharedCounter&) = delete;
  Counter* operator->() const noexcept { return counter_; }
  Counter& operator*() const noexcept { return *counter_; }

 private:
  Counter* counter_;
};

class Campaign {
 public:
  Campaign(const RunFunction& run, const CampaignOptions& options)
      : run_(run), options_(options), planned_(count_of_shard()), counter_(planned_) {
    result_.planned = planned_;
  }

  CampaignResult go() {
    const Duration began = wall_now();
    const std::uint64_t wanted = options_.jobs == 0 ? usable_cores() : options_.jobs;
    const std::uint64_t jobs = std::min<std::uint64_t>(wanted, planned_);
    for (std::uint64_t i = 0; i < jobs; ++i) add_worker();
    Duration told = began;
    while (!crew_.empty()) {
      wait_for_workers(pointers(), 100ms);
      for (Post& post : crew_) receive(post);
      replace_the_ended();
      const Duration now = wall_now();
      if ((result_.interrupted = Interrupts::caught()) != 0) break;
      if (options_.time_limit.count() != 0 && now - began >= options_.time_limit && !result_.out_of_time) {
        result_.out_of_time = counter_->next.load() < counter_->end.load();
        counter_->end = 0;
      }
      if (options_.on_progress && now - told >= 100ms) {
        told = now;
        tell(now - began);
      }
    }
    for (Post& post : crew_) post.worker->kill();
    for (Post& post : crew_) {
      while (!post.worker->ended()) wait_for_workers({post.worker.get()}, 100ms);
      receive(post);
      result_.cpu_s += post.worker->cpu_s();
    }
    crew_.clear();
    conclude();
    result_.wall_s = std::chrono::duration<double>(wall_now() - began).count();
    if (options_.on_progress) tell(wall_now() - began);
    return std::move(result_);
  }

 private:
  struct Post {
    std::unique_ptr<Worker> worker;
    WireReader reader;
  };

  [[nodiscard]] std::uint64_t count_of_shard() const {
    const std::uint64_t all = options_.seeds.count();
    const std::uint64_t before = options_.shard - 1;
    return all > before ? (all - before - 1) / options_.shards + 1 : 0;
  }
  [[nodiscard]] std::uint64_t seed_at(std::uint64_t index) const {
    const std::uint64_t place = options_.reversed ? planned_ - 1 - index : index;
    return options_.seeds.first + (options_.shard - 1) + place * options_.shards;
  }
  [[nodiscard]] std::uint64_t index_of(std::uint64_t seed) const {
    const std::uint64_t place = (seed - options_.seeds.first) / options_.shards;
    return options_.reversed ? planned_ - 1 - place : place;
  }
  [[nodiscard]] std::vector<Worker*> pointers() const {
    std::vector<Worker*> workers;
    for (const Post& post : crew_) workers.push_back(post.worker.get());
    return workers;
  }

  void add_worker() {
    crew_.push_back({std::make_unique<Worker>([this](WorkerSide& side) { work(side); }, options_.limits), {}});
  }

  /// In the worker.
  void work(WorkerSide& side) {
    if (options_.in_worker) options_.in_worker();
    WireWriter writer;
    RunRequest request = options_.request;
    for (;;) {
      const std::uint64_t index = counter_->next.fetch_add(1);
      if (index >= counter_->end.load()) return;
      request.seed = seed_at(index);
      side.begin(request.seed);
      if (options_.before_run) options_.before_run(request.seed);
      {
        SeedRecord record = summarize(run_(request));
        record.seed = request.seed;
        writer.record(record);
      }
      side.send(frame(writer.take()));
      side.end();
    }
  }

  void receive(Post& post) {
    post.reader.feed(post.worker->received());
    while (post.reader.next_frame()) take(post.reader.record());
  }

  void take(SeedRecord record) {
    const bool bad =
        !record.stuck.empty() || std::ranges::any_of(record.judged, [](const auto& one) { return !one.holds; });
    finished(record.seed, bad);
    simulated_ += record.simulated;
    if (options_.stop_at_first) {
      waiting_.emplace(index_of(record.seed), std::move(record));
    } else {
      count(record);
    }
  }

  void finished(std::uint64_t seed, bool bad) {
    ++done_;
    if (!bad) return;
    ++bad_;
    first_bad_ = std::min(first_bad_, index_of(seed));
    if (options_.stop_at_first && first_bad_ + 1 < counter_->end.load()) counter_->end = first_bad_ + 1;
  }

  void replace_the_ended() {
    std::vector<Post> ended;
    for (auto post = crew_.begin(); post != crew_.end();) {
      if (post->worker->ended()) {
        ended.push_back(std::move(*post));
        post = crew_.erase(post);
      } else {
        ++post;
      }
    }
    for (Post& post : ended) {
      receive(post);
      const Worker& worker = *post.worker;
      result_.cpu_s += worker.cpu_s();
      if (worker.succeeded()) continue;
      if (worker.was_refused()) throw std::invalid_argument(worker.why());
      if (!worker.was_running())
        throw SetupError("a worker died outside of any run: " + worker.why() + "\n" + worker.output());
      bury(worker);
      // What a service does never leaves `run` as an exception: nothing but such is a world that cannot be built.
      if (worker.threw() && ++threw_ == done_ && (done_ == planned_ || done_ >= 20)) {
        throw SetupError("seed " + std::to_string(worker.seed()) + " " + worker.why());
      }
      if (counter_->next.load() < counter_->end.load()) add_worker();
    }
  }

  void bury(const Worker& worker) {
    Finding finding = death_of(worker.seed(), worker.was_stuck(), worker.why(), worker.output());
    deaths_.push_back(std::move(finding));
    finished(worker.seed(), true);
  }

  void count(const SeedRecord& record) {
    ++result_.seeds;
    result_.events += record.events;
    result_.messages += record.messages;
    result_.simulated += record.simulated;
    if (options_.keep_hashes) result_.hashes.emplace(record.seed, record.hash);
    for (const auto& [kind, times] : record.faults) result_.faults[kind] += times;
    for (const auto& [name, times] : record.sometimes) result_.sometimes[name] += times;
    bool bad = false;
    if (!record.stuck.empty()) {
      bad = true;
      Finding finding = death_of(record.seed, true, record.stuck, {});
      finding.hash = record.hash;
      result_.findings.push_back(std::move(finding));
    }
    for (const SeedRecord::Judged& judged : record.judged) {
      PropertyTally& tally = tally_of(judged);
      ++tally.runs;
      tally.examined += judged.examined;
      if (judged.mode == Mode::sometimes && !record.sometimes.contains(judged.property)) {
        result_.sometimes[judged.property] += judged.examined;
      }
      if (judged.holds) continue;
      ++tally.violated;
      bad = true;
      result_.findings.push_back(
          {Finding::Kind::violated, record.seed, record.hash, judged.property, judged.signature, judged.what, {}});
    }
    if (bad) ++result_.bad;
  }

  PropertyTally& tally_of(const SeedRecord::Judged& judged) {
    for (PropertyTally& tally : result_.properties) {
      if (tally.name == judged.property) return tally;
    }
    return result_.properties.emplace_back(PropertyTally{judged.property, judged.mode});
  }

  void conclude() {
    // With stop_at_first, seeds behind the first bad one ran by chance only.
    for (const auto& [index, record] : waiting_) {
      if (index <= first_bad_) count(record);
    }
    for (Finding& death : deaths_) {
      if (options_.stop_at_first && index_of(death.seed) > first_bad_) continue;
      ++result_.seeds;
      ++result_.bad;
      result_.findings.push_back(std::move(death));
    }
    // std::stable_sort would do, but clang deprecates what libstdc++ 12 makes it of.
    std::multimap<std::uint64_t, Finding> by_seed;
    for (Finding& finding : result_.findings) by_seed.emplace(finding.seed, std::move(finding));
    result_.findings.clear();
    for (auto& [seed, finding] : by_seed) result_.findings.push_back(std::move(finding));
  }

  void tell(Duration wall) const { options_.on_progress({done_, planned_, bad_, simulated_, wall}); }

  const RunFunction& run_;
  const CampaignOptions& options_;
  const std::uint64_t planned_;
  SharedCounter counter_;
  Interrupts interrupts_;
  std::vector<Post> crew_;
  CampaignResult result_;
  std::map<std::uint64_t, SeedRecord> waiting_;  // by index
  std::vector<Finding> deaths_;
  std::uint64_t first_bad_ = std::numeric_limits<std::uint64_t>::max();  // its index
  std::uint64_t done_ = 0;
  std::uint64_t bad_ = 0;
  std::uint64_t threw_ = 0;  // runs that an exception left
  Duration simulated_{0};
};

}  // namespace

std::string to_string(const SeedRange& seeds) {
  std::string text = std::to_string(seeds.first);
  return seeds.first == seeds.last ? text : text + ".." + std::to_string(seeds.last);
}

std::vector<std::string> CampaignResult::missing() const {
  std::vector<std::string> lines;
  for (const auto& [name, times] : sometimes) {
    if (times == 0) lines.push_back("never happened: " + name);
  }
  for (const auto& [kind, times] : faults) {
    if (times == 0) lines.push_back("was configured, but never struck: " + kind);
  }
  return lines;
}

bool CampaignResult::missing_counts() const { return seeds >= kEnoughSeeds && interrupted == 0 && !missing().empty(); }

CampaignResult campaign(const RunFunction& run, const CampaignOptions& options) { return Campaign(run, options).go(); }

}  // namespace orrery
