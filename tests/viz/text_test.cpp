#include "viz/text.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>

#include "tests/viz/markup.hpp"
#include "viz/svg.hpp"

namespace orrery::viz {
namespace {

TEST(Text, IsNeverWiderThanItsRoomOnceItIsWrappedOrElided) {
  EXPECT_TRUE(rc::check([] {
    const auto text = *rc::gen::container<std::string>(rc::gen::inRange(' ', '\x7f'));
    const double width = *rc::gen::inRange(40, 300);
    for (const std::string& line : wrapped(text, 11.5, width, 3)) RC_ASSERT(text_width(line, 11.5) <= width + 0.01);
    RC_ASSERT(text_width(elided(text, 11.5, width), 11.5) <= width + 0.01);
  }));
}

TEST(Text, LosesNoWordWhenItIsWrappedIntoAsManyLinesAsItNeeds) {
  EXPECT_TRUE(rc::check([] {
    const auto words = *rc::gen::container<std::vector<std::string>>(
        rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::inRange('a', '{'))));
    std::string text, kept;
    for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
    for (const std::string& line : wrapped(text, 11.5, 120, 100'000)) kept += line;
    std::erase(text, ' ');
    std::erase(kept, ' ');
    RC_ASSERT(kept == text);
  }));
}

TEST(Text, IsCutBetweenCharactersNotWithinOne) {
  EXPECT_EQ(elided("ĀĀĀĀĀĀĀĀ", 10, 45), "ĀĀĀ…");
  for (const std::string& line : wrapped("ŌŌŌŌŌŌŌŌŌŌ", 10, 35, 5)) EXPECT_EQ(line.size() % 2, 0U) << line;
}

TEST(Markup, KeepsAnyTextAndIsWellFormed) {
  const std::string nasty = "a<b>&\"c\"'d' ]]> </script> é 漢";
  Svg svg;
  svg.element("g", {{"id", nasty}}, nasty);
  const auto root = testing::read_markup(svg.document(10, 10, nasty, "", ""));
  const auto groups = root.all("g");
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_EQ(groups[0]->at("id"), nasty);
  EXPECT_EQ(groups[0]->children.at(0).text, nasty);
  EXPECT_EQ(root.at("aria-label"), nasty);
}

TEST(Markup, ReplacesWhatXmlForbids) {
  EXPECT_EQ(escaped(std::string("a\x01" "b\xff" "c\xc0\xaf" "d\xed\xa0\x80" "e\0f", 14)),
            "a\uFFFDb\uFFFDc\uFFFD\uFFFDd\uFFFD\uFFFD\uFFFDe\uFFFDf");
  EXPECT_EQ(escaped("\xEF\xBF\xBF\tx\n"), "\uFFFD\tx\n");
}

TEST(Markup, WritesNumbersShortly) {
  EXPECT_EQ(number(1.5), "1.5");
  EXPECT_EQ(number(-0.004), "0");
  EXPECT_EQ(number(-0.25), "-0.25");
  EXPECT_EQ(number(1234567.891), "1234567.89");
  EXPECT_EQ(number(3), "3");
  EXPECT_EQ(number(0.05), "0.05");
}

}  // namespace
}  // namespace orrery::viz
