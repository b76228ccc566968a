#pragma once

#include <chrono>
#include <cstdint>

#include "runtime/json.hpp"
#include "runtime/time.hpp"

namespace orrery::real {

/// What the test bed makes a process suffer for a while, because only the process itself can do it.
struct Ailments {
  std::chrono::microseconds clock_offset{0};  // of its system clock
  std::int64_t clock_ppm = 0;                 // how fast it runs ahead of that from now on
  Duration slower{0};                         // each handler answers so much later
  bool failing = false;                       // every request is answered 503, and nothing is done
  Duration delivery_delay{0};                 // the broker gives it no message that is younger
  bool healed = false;                        // faults are over: nothing strikes any more

  [[nodiscard]] Json to_json() const {
    return Json{{"clock_offset_us", clock_offset.count()}, {"clock_ppm", clock_ppm},
                {"slower_ns", slower.count()},             {"failing", failing},
                {"delivery_delay_ns", delivery_delay.count()}, {"healed", healed}};
  }
  [[nodiscard]] static Ailments from_json(const Json& json) {
    Ailments ailments;
    ailments.clock_offset = std::chrono::microseconds(json.at("clock_offset_us").get<std::int64_t>());
    ailments.clock_ppm = json.at("clock_ppm").get<std::int64_t>();
    ailments.slower = Duration(json.at("slower_ns").get<std::int64_t>());
    ailments.failing = json.at("failing").get<bool>();
    ailments.delivery_delay = Duration(json.at("delivery_delay_ns").get<std::int64_t>());
    ailments.healed = json.at("healed").get<bool>();
    return ailments;
  }
};

}  // namespace orrery::real
