#include "runtime/trace.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace orrery {
namespace {

constexpr const char* kExample = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";  // of the recommendation

TEST(Traceparent, IsReadAsTheRecommendationSays) {
  const auto context = parse_traceparent(kExample);
  ASSERT_TRUE(context);
  EXPECT_EQ(context->trace_id(), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(context->span_id(), "b7ad6b7169203331");
  EXPECT_EQ(context->traceparent(), kExample);
}

TEST(Traceparent, OfALaterVersionGivesWhatIsKnown) {
  EXPECT_TRUE(parse_traceparent("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
  EXPECT_TRUE(parse_traceparent("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more"));
}

TEST(Traceparent, ThatIsMalformedIsNone) {
  for (const char* text : {"", "garbage", "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                           "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
                           "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
                           "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
                           "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01more",
                           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0", "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}) {
    EXPECT_FALSE(parse_traceparent(text)) << text;
  }
}

TEST(Traceparent, IsReadAsItWasWritten) {
  const bool passed = rc::check("as it was written", [](std::uint64_t high, std::uint64_t low, std::uint64_t span) {
    const TraceContext context{high, low | 1, span | 1};
    RC_ASSERT(parse_traceparent(context.traceparent()) == context);
  });
  EXPECT_TRUE(passed);
}

}  // namespace
}  // namespace orrery
