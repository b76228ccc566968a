#include "tests/own_program/fragile.hpp"

#include <chrono>
#include <cstdlib>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/check.hpp"
#include "runtime/frame_pool.hpp"

namespace orrery::fragile {
namespace {

std::int64_t order_of_pointers() {
  std::set<int*> ordered;
  std::vector<std::unique_ptr<int>> owned;
  for (int i = 0; i < 12; ++i) ordered.insert(owned.emplace_back(std::make_unique<int>(i)).get());
  std::int64_t order = 0;
  for (const int* number : ordered) order = order * 13 + *number;
  return order;
}

std::int64_t order_of_hashes() {
  std::unordered_map<int*, int> numbers;
  std::vector<std::unique_ptr<int>> owned;
  for (int i = 0; i < 40; ++i) numbers[owned.emplace_back(std::make_unique<int>(i)).get()] = i;
  std::int64_t order = 0;
  for (const auto& [pointer, number] : numbers) order = (order * 41 + number) % 1'000'000'007;
  return order;
}

std::int64_t uninitialised_heap() {
  void* memory = std::malloc(4096);
  auto* bytes = static_cast<unsigned char*>(memory);
  asm volatile("" : "+r"(bytes) : : "memory");  // the compiler forgets where it comes from
  const std::int64_t leaked = bytes[100];
  std::free(memory);
  return leaked;
}

std::int64_t uninitialised_frame() {
  void* frame = frame_pool::allocate(300);
  auto* bytes = static_cast<unsigned char*>(frame);
  asm volatile("" : "+r"(bytes) : : "memory");
  const std::int64_t leaked = bytes[200];
  frame_pool::release(frame);
  return leaked;
}

class Ticks final : public Service {
 public:
  explicit Ticks(Context& context) : context_(context), defect_(context.config.value("defect", "")) {
    context.spawn("ticker", tick());
  }

 private:
  Task<void> tick() {
    for (int number = 1; number <= 10; ++number) {
      co_await context_.clock.sleep(100ms);
      const std::int64_t drawn = static_cast<std::int64_t>(context_.random.below(1000));
      if (number == 5 && drawn % 2 == 0) misbehave();
      const Json fields{{"tick", number}, {"drawn", drawn}, {"value", value()}};
      context_.telemetry.log(Level::info, "tick", fields);
    }
  }

  void misbehave() const {
    if (defect_ == "null-pointer") {
      volatile int* nothing = nullptr;
      *nothing = 1;
    }
    CHECK(defect_ != "failed-check", "a tick that is not allowed");
    if (defect_ == "endless-loop") {
      for (volatile int forever = 1; forever != 0;) {
      }
    }
  }

  [[nodiscard]] std::int64_t value() const {
    if (defect_ == "wall-clock") return std::chrono::system_clock::now().time_since_epoch().count();
    if (defect_ == "random-device") return static_cast<std::int64_t>(std::random_device{}());
    if (defect_ == "pointer-order") return order_of_pointers();
    if (defect_ == "unordered-pointers") return order_of_hashes();
    if (defect_ == "uninitialised-heap") return uninitialised_heap();
    if (defect_ == "uninitialised-frame") return uninitialised_frame();
    return 1;
  }

  Context& context_;
  std::string defect_;
};

Task<void> nothing(Context&, OperationLog&, Operation) { co_return; }

Occurrences ticks_of(const HistoryIndex& index) {
  Occurrences ticks;
  for (const Event* event : index.of(EventKind::log)) ticks.add(event->id);
  return ticks;
}

}  // namespace

Scenario ticks() {
  Scenario scenario;
  scenario.name = "ticks";
  scenario.claim = "Ten ticks are logged.";
  Topology::ServiceSpec& service = scenario.topology.services.emplace_back();
  service.name = "ticker";
  service.factory = make_service<Ticks>();
  scenario.topology.clients = 1;
  scenario.draw_operations = [](std::uint64_t) { return std::vector<Operation>(); };
  scenario.perform = nothing;
  scenario.properties = {sometimes("a tick is logged", "The service does something.", ticks_of)};
  for (const char* name : {"null-pointer", "failed-check", "endless-loop", "wall-clock", "random-device",
                           "pointer-order", "unordered-pointers", "uninitialised-heap", "uninitialised-frame"}) {
    Defect& defect = scenario.defects.emplace_back();
    defect.name = name;
    defect.mistake = "Planted.";
    defect.violates = "no process dies";
  }
  scenario.profile = "none";
  scenario.runs_for = 5s;
  scenario.settles_within = 1s;
  return scenario;
}

}  // namespace orrery::fragile
