#pragma once

#include <algorithm>
#include <chrono>
#include <utility>

#include "runtime/context.hpp"

namespace orrery {

/// Nothing final was said: a client that asks again may get another answer. Status 0 stands for none at all.
[[nodiscard]] constexpr bool is_passing(int status) noexcept {
  return status == 0 || status >= 500 || status == 408 || status == 425 || status == 429;
}

/// How a client of a workload asks: up to six times, with pauses of up to 250 ms, 500 ms, … 4 s between them, of which a random
/// part is waited, so that clients that failed together do not come back together ("full jitter": M. Brooker, "Exponential
/// Backoff And Jitter", 2015). `once()` asks and gives an answer; `asks_again(answer)` says whether it is not final. Gives the
/// last answer.
template <class Once, class AsksAgain>
Task<Response> ask_persistently(Context& context, Once once, AsksAgain asks_again) {
  constexpr int kAttempts = 6;
  Duration longest = std::chrono::milliseconds(250);
  Response response;
  for (int attempt = 1; attempt <= kAttempts; ++attempt) {
    if (attempt > 1) {
      co_await context.clock.sleep(context.random.between(longest / 4, longest));
      longest = std::min<Duration>(longest * 2, std::chrono::seconds(4));
    }
    Task<Response> asking = once();
    response = co_await std::move(asking);
    if (!asks_again(response)) break;
  }
  co_return response;
}

}  // namespace orrery
