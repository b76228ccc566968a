#include "viz/timeline.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "scenarios/user_notification.hpp"
#include "tests/properties/script.hpp"
#include "tests/viz/markup.hpp"
#include "viz/svg.hpp"
#include "viz/text.hpp"

namespace orrery::viz {
namespace {

using namespace std::chrono_literals;
using testing::Element;
using testing::read_markup;

RunResult run_of(const std::string& defect, std::uint64_t seed) {
  RunRequest request;
  request.seed = seed;
  request.defect = defect;
  request.full = true;
  return run(user_notification(), request);
}

RunView view_of(const RunResult& result) { return {"a run", "", result.history, result.judged, result.stuck}; }

/// The box of each text on the drawing: labels, times and lane heads.
std::vector<std::pair<std::string, Box>> texts_of(const Element& root) {
  std::vector<std::pair<std::string, Box>> boxes;
  for (const Element* group : root.all("g")) {
    if (group->at("class") != "n" && group->at("class") != "gap") continue;
    for (const Element* text : group->all("text")) {
      const bool bold = text->at("class") == "e";
      const double width = text_width(text->text, 11.5, bold ? Weight::bold : Weight::regular);
      const double left = text->at("text-anchor") == "end" ? text->number("x") - width : text->number("x");
      boxes.push_back({text->text, {left, text->number("y") - 10, width, 12}});
    }
  }
  for (const Element* text : root.all("text", "t")) {
    const double width = text_width(text->text, 11, Weight::regular);
    boxes.push_back({text->text, {text->number("x") - width, text->number("y") - 10, width, 12}});
  }
  return boxes;
}

void expect_no_overlaps(const std::string& svg, const std::string& what) {
  const auto boxes = texts_of(read_markup(svg));
  EXPECT_GT(boxes.size(), 3U) << what;
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    for (std::size_t k = i + 1; k < boxes.size(); ++k) {
      const Box& a = boxes[i].second;
      const Box& b = boxes[k].second;
      const bool apart = a.x + a.width <= b.x + 0.5 || b.x + b.width <= a.x + 0.5 || a.y + a.height <= b.y + 0.5 || b.y + b.height <= a.y + 0.5;
      EXPECT_TRUE(apart) << what << ": \"" << boxes[i].first << "\" and \"" << boxes[k].first << "\"";
    }
  }
}

/// The middle of the stretch of twice the window's length in which most messages are sent.
Instant busiest(const History& history, Duration window) {
  std::vector<Instant> sent;
  for (const Event& event : history.events()) {
    if (event.kind == EventKind::message_sent) sent.push_back(event.at);
  }
  std::size_t most = 0;
  Instant middle{};
  for (std::size_t first = 0, last = 0; first < sent.size(); ++first) {
    while (last < sent.size() && sent[last] <= sent[first] + 2 * window) ++last;
    if (last - first > most) {
      most = last - first;
      middle = sent[first] + window;
    }
  }
  return middle;
}

TEST(Timeline, HasAnArrowForEveryMessageOfItsWindow) {
  const RunResult result = run_of("dual-write", 1);
  TimelineOptions options;
  options.unfold = true;
  options.window = 40ms;
  options.around = busiest(result.history, options.window);
  std::set<std::pair<std::string, std::int64_t>> sent;
  std::size_t ends = 0;
  for (const Event& event : result.history.events()) {
    const bool inside = event.at >= *options.around - options.window && event.at <= *options.around + options.window;
    if (event.kind == EventKind::message_sent && inside) sent.insert({event.subject, event.number});
    const bool end = event.kind == EventKind::message_arrived || event.kind == EventKind::message_dropped;
    if (end && sent.contains({event.subject, event.number})) ++ends;
  }
  ASSERT_GT(sent.size(), 30U);
  ASSERT_GE(ends, sent.size());
  const Element root = read_markup(timeline_svg(view_of(result), options));
  std::size_t arrows = 0;  // those of the legend have no title
  for (const Element* arrow : root.all("g", "a")) arrows += arrow->children.at(0).name == "title" ? 1 : 0;
  EXPECT_EQ(arrows, ends);
}

TEST(Timeline, WritesNoTextOverAnother) {
  for (const char* defect : {"dual-write", "ack-before-work", "rescue-of-live-job", ""}) {
    const RunResult result = run_of(defect, 1);
    TimelineOptions options;
    expect_no_overlaps(timeline_svg(view_of(result), options), std::string(defect) + " by time");
    options.causal = true;
    expect_no_overlaps(timeline_svg(view_of(result), options), std::string(defect) + " by cause");
    options.causal = false;
    options.unfold = true;
    options.around = Instant(20s);
    options.window = 2s;
    expect_no_overlaps(timeline_svg(view_of(result), options), std::string(defect) + " unfolded");
  }
}

TEST(Timeline, IsTheSameBytesForTheSameRun) {
  const RunResult first = run_of("dual-write", 3);
  const RunResult again = run_of("dual-write", 3);
  EXPECT_EQ(timeline_svg(view_of(first)), timeline_svg(view_of(again)));
}

TEST(Timeline, FoldsALongRunToThePageAroundItsViolation) {
  const RunResult result = run_of("dual-write", 1);
  ASSERT_NE(result.violated(), nullptr);
  const std::string svg = timeline_svg(view_of(result));
  EXPECT_LT(svg.size(), 100'000U);
  const Element root = read_markup(svg);
  EXPECT_LT(root.number("height"), 3000);
  const auto& evidence = result.violated()->verdict.violations.front().evidence;
  std::set<std::string> shown;
  for (const Element* note : root.all("g", "n")) shown.insert(note->at("data-event"));
  for (const EventId id : evidence) EXPECT_TRUE(shown.contains(std::to_string(id))) << "event " << id << " of the evidence is not shown";
}

TEST(Timeline, DrawsARunThatHeld) {
  const RunResult result = run_of("", 2);
  ASSERT_EQ(result.violated(), nullptr);
  EXPECT_NE(timeline_svg(view_of(result)).find("every property held"), std::string::npos);
}

TEST(Timeline, SmallestTextIsElevenPixels) {
  const Element root = read_markup(timeline_svg(view_of(run_of("dual-write", 1))));
  for (const Element* text : root.all("text")) {
    const std::string size = text->at("font-size");
    if (!size.empty()) EXPECT_GE(std::stod(size), 11.0) << text->text;
    const std::size_t css = text->at("style").find("font-size:");
    if (css != std::string::npos) EXPECT_GE(std::stod(text->at("style").substr(css + 10)), 11.0) << text->text;
  }
}

/// A history of network messages, written by hand.
class Wire : public testing::Script {
 public:
  void sent(const std::string& link, int number) { add(EventKind::message_sent, link.substr(0, link.find('>')), link, "", number, "GET /x"); }
  void arrived(const std::string& link, int number) { add(EventKind::message_arrived, link.substr(link.find('>') + 1), link, "", number, "GET /x"); }
  void dropped(const std::string& link, int number, const std::string& why) {
    add(EventKind::message_dropped, link.substr(0, link.find('>')), link, "", number, "GET /x", why);
  }
};

std::map<std::string, int> fates_of(const History& history, TimelineOptions options) {
  options.unfold = true;
  const std::vector<JudgedProperty> judged;
  const Element root = read_markup(timeline_svg({"by hand", "", history, judged, ""}, options));
  std::map<std::string, int> fates;
  for (const Element* arrow : root.all("g", "a")) fates[arrow->at("data-fate")] += arrow->children.at(0).name == "title" ? 1 : 0;
  return fates;
}

TEST(Timeline, ShowsWhatCameOfEachMessage) {
  Wire wire;
  wire.add(EventKind::operation_invoked, "a", "ask", "op-1");
  for (int i = 1; i <= 5; ++i) {
    wire.sent("a>b", i);
    wire.arrived("a>b", i);
  }
  wire.sent("a>b", 6);
  wire.dropped("a>b", 6, "lost");
  wire.sent("a>b", 7);
  wire.dropped("a>b", 7, "refused");
  wire.sent("a>b", 8);
  wire.arrived("a>b", 8);
  wire.arrived("a>b", 8);  // once more
  wire.sent("a>b", 9);
  wire.at(5s);
  wire.arrived("a>b", 9);
  wire.sent("a>b", 10);
  const std::map<std::string, int> expected = {{"delivered", 6}, {"dropped", 1}, {"refused", 1}, {"duplicate", 1}, {"late", 1}, {"under way", 1}};
  EXPECT_EQ(fates_of(wire.history(), {}), expected);
}

TEST(Timeline, PutsTheSidesOfARequestTogetherWhereOnlyFactsWereKept) {
  testing::System system;
  system.sign_up("ada");
  system.publish("ada");
  system.consume("ada", 1);
  const std::vector<JudgedProperty> judged;
  const Element root = read_markup(timeline_svg({"facts", "", system.history(), judged, ""}, {}));
  int arrows = 0;
  for (const Element* arrow : root.all("g", "a")) arrows += arrow->children.at(0).name == "title" ? 1 : 0;
  EXPECT_GE(arrows, 2) << "the publish and the delivery";
}

TEST(Timeline, BreaksTheLaneOfAHostThatIsDownAndHatchesAPause) {
  testing::Script script;
  script.add(EventKind::operation_invoked, "a", "ask", "op-1");
  script.add(EventKind::host_crashed, "b", "", "", 1, "fault");
  script.add(EventKind::host_paused, "a");
  script.at(2s).add(EventKind::host_started, "b", "", "", 2);
  script.add(EventKind::host_resumed, "a");
  script.add(EventKind::operation_ended, "a", "ask", "op-1", 200);
  const std::vector<JudgedProperty> judged;
  const Element root = read_markup(timeline_svg({"by hand", "", script.history(), judged, ""}, {}));
  EXPECT_EQ(root.all("g", "down").size(), 1U);
  EXPECT_EQ(root.all("g", "paused").size(), 1U);
  EXPECT_EQ(root.all("g", "gap").size(), 1U) << "two seconds are cut short";
}

TEST(Timeline, MarksALinkThatIsCutAndACommitOfWhichNobodyKnows) {
  testing::Script script;
  script.add(EventKind::transaction_begun, "a", "db", "a.1#1");
  script.fault("partition", "a|db");
  script.add(EventKind::commit_unknown, "a", "db", "a.1#1");
  script.heal_fault("partition", "a|db");
  script.add(EventKind::operation_ended, "a", "ask", "op-1", 0, "timed out");
  const std::vector<JudgedProperty> judged;
  TimelineOptions options;
  options.unfold = true;
  History history = script.history();
  Event begun;
  begun.id = script.last() + 1;
  begun.at = script.now();
  begun.kind = EventKind::transaction_committed;
  begun.host = begun.subject = "db";
  begun.key = "a.1#2";
  history.add(begun);
  const Element root = read_markup(timeline_svg({"by hand", "", history, judged, ""}, options));
  EXPECT_EQ(root.all("g", "cut").size(), 1U);
  EXPECT_EQ(root.all("g", "bar").size(), 1U);
}

TEST(Timeline, NeverLetsAnArrowPointUp) {
  const RunResult result = run_of("rescue-of-live-job", 1);
  for (const bool causal : {false, true}) {
    TimelineOptions options;
    options.causal = causal;
    const Element root = read_markup(timeline_svg(view_of(result), options));
    for (const Element* arrow : root.all("g", "a")) {
      const std::string data = arrow->all("path").at(0)->at("d");
      const double from = std::stod(data.substr(data.find(' ') + 1));
      const double to = std::stod(data.substr(data.rfind(' ') + 1));
      EXPECT_LE(from, to) << (causal ? "by cause: " : "by time: ") << data;
    }
  }
}

TEST(Timeline, SaysWhatIsWrongWithWhatWasAskedFor) {
  const RunResult result = run_of("dual-write", 1);
  const auto complaint = [&](const TimelineOptions& options) {
    try {
      (void)timeline_svg(view_of(result), options);
    } catch (const std::invalid_argument& error) {
      return std::string(error.what());
    }
    return std::string("nothing");
  };
  TimelineOptions options;
  options.hosts = {"nobody"};
  EXPECT_NE(complaint(options).find("unknown host \"nobody\"; of this run: broker, client-1"), std::string::npos) << complaint(options);
  options.hosts = {};
  options.trace = "no-such-id";
  EXPECT_EQ(complaint(options), "nothing to draw: no event mentions \"no-such-id\"");
  options.trace = "";
  options.around = Instant(10h);
  EXPECT_EQ(complaint(options), "nothing to draw: within 250ms of 36000s");
}

TEST(Timeline, NarrowsToHostsAndToAnId) {
  const RunResult result = run_of("dual-write", 1);
  TimelineOptions options;
  options.hosts = {"broker", "user-2"};
  const Element hosts = read_markup(timeline_svg(view_of(result), options));
  EXPECT_EQ(hosts.all("g", "lane").size(), 2U);
  const std::string id = result.violated()->verdict.violations.front().evidence.empty()
                             ? ""
                             : result.history.find(result.violated()->verdict.violations.front().evidence.front())->key;
  options.hosts = {};
  options.trace = id.substr(0, 8);
  const std::string svg = timeline_svg(view_of(result), options);
  EXPECT_NE(svg.find(id.substr(0, 8)), std::string::npos);
}

}  // namespace
}  // namespace orrery::viz
