#include "viz/state_graph.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <clocale>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/properties/script.hpp"
#include "tests/viz/markup.hpp"
#include "viz/graph_layout.hpp"
#include "viz/report_page.hpp"
#include "viz/text.hpp"

namespace orrery::viz {
namespace {

using namespace std::chrono_literals;
using testing::Element;
using testing::read_markup;

const std::vector<JudgedProperty> kNothingJudged;

RunView view_of(const History& history) { return {"by hand", "", history, kNothingJudged, ""}; }

/// The rows of jobs name their event.
History mailed() {
  testing::System system;
  system.all_of("ada", 1, "k1");
  return system.history();
}

TEST(GraphLayout, PutsNodesApartAndRoutesEveryEdge) {
  GraphShape shape;
  shape.nodes = {{120, 40}, {200, 80}, {90, 30}};
  shape.edges = {{0, 1, 60, 14}, {1, 2, 0, 0}, {2, 0, 30, 14}, {1, 1, 40, 14}};
  const GraphLayout layout = lay_out(shape);
  ASSERT_EQ(layout.nodes.size(), 3U);
  ASSERT_EQ(layout.routes.size(), 4U);
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t k = i + 1; k < 3; ++k) {
      const bool apart = std::abs(layout.nodes[i].x - layout.nodes[k].x) >= (shape.nodes[i].width + shape.nodes[k].width) / 2 ||
                         std::abs(layout.nodes[i].y - layout.nodes[k].y) >= (shape.nodes[i].height + shape.nodes[k].height) / 2;
      EXPECT_TRUE(apart) << i << " and " << k;
    }
  }
  EXPECT_LT(layout.nodes[0].y, layout.nodes[1].y) << "the way goes down";
}

TEST(GraphLayout, IsTheSameEachTime) {
  GraphShape shape;
  for (int i = 0; i < 12; ++i) shape.nodes.push_back({100.0 + i, 30});
  for (std::size_t i = 0; i + 1 < 12; ++i) shape.edges.push_back({i, (i * 5 + 3) % 12, 50, 14});
  const GraphLayout first = lay_out(shape);
  const GraphLayout again = lay_out(shape);
  for (std::size_t i = 0; i < 12; ++i) {
    EXPECT_EQ(first.nodes[i].x, again.nodes[i].x);
    EXPECT_EQ(first.nodes[i].y, again.nodes[i].y);
  }
}

TEST(GraphLayout, DoesNotDependOnTheLocale) {
  const GraphShape shape{{{100.5, 30}, {80.25, 40}}, {{0, 1, 33.5, 14}}, {}};
  const GraphLayout plain = lay_out(shape);
  const char* before = std::setlocale(LC_NUMERIC, nullptr);
  const std::string kept = before == nullptr ? "C" : before;
  for (const char* comma : {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"}) {
    if (std::setlocale(LC_NUMERIC, comma) == nullptr) continue;  // not installed: the C locale is what is left to try
    const GraphLayout other = lay_out(shape);
    EXPECT_EQ(plain.nodes[1].x, other.nodes[1].x) << comma;
  }
  std::setlocale(LC_NUMERIC, kept.c_str());
  EXPECT_EQ(lay_out(shape).width, plain.width);
}

TEST(Dot, IsReadBackAsItWasMeant) {
  const DotGraph graph{"a \"graph\"", {}, {{"one", {{"label", "first\n<line>"}}}, {"two", {}}}, {{"one", "two", {{"label", "x -> y"}}}}};
  const std::string text = dot_text(graph);
  EXPECT_NE(text.find("digraph \"a \\\"graph\\\"\""), std::string::npos) << text;
  EXPECT_NE(text.find("one -> two"), std::string::npos) << text;
}

TEST(StateGraph, ShowsEachDeclaredStateOnceAndWhichWereVisited) {
  const Element root = read_markup(graph_svg(view_of(mailed())));
  std::vector<std::string> states, visited;
  for (const Element* state : root.all("g", "state")) {
    states.push_back(state->at("data-state"));
    if (state->at("data-visited") == "yes") visited.push_back(state->at("data-state"));
  }
  std::vector<std::string> declared;
  for (const StateGraph::Node& node : event_graph().nodes) declared.push_back(node.id);
  EXPECT_EQ(states, declared);
  const std::vector<std::string> expected = {"start",      "in the outbox", "stored by the broker", "delivered",
                                             "job queued", "sending",       "mail accepted",        "marked as sent"};
  EXPECT_EQ(visited, expected);
  EXPECT_EQ(root.all("g", "way").size(), event_graph().edges.size());
}

TEST(StateGraph, MarksAWayThatNobodyDeclared) {
  const StateGraph graph = event_graph();
  Visit outbox, sent;
  Event event;
  outbox.state = "in the outbox";
  sent.state = "marked as sent";
  outbox.begun = sent.begun = &event;
  const Journey journey = walk("x", graph, {outbox, sent});
  const std::vector<StateGraph::Edge> expected = {graph.edge("start", "in the outbox", ""), {"in the outbox", "marked as sent", ""}};
  EXPECT_EQ(journey.steps, expected);
  EXPECT_FALSE(graph.has_edge("in the outbox", "marked as sent"));
}

TEST(StateGraph, KeepsWaysApartThatLeadToTheSameStateForDifferentReasons) {
  StateGraph graph;
  graph.edges = {{"pay", "undo pay", "refused"}, {"pay", "undo pay", "timed out"}};
  EXPECT_EQ(graph.edge("pay", "undo pay", "timed out").on, "timed out");
  EXPECT_EQ(graph.edge("pay", "undo pay", "").on, "refused");
  EXPECT_EQ(graph.edge("pay", "ship", "done"), (StateGraph::Edge{"pay", "ship", ""}));
}

TEST(StateGraph, LeadsToAStateFromTheLastOneThatDeclaresAWayThere) {
  std::vector<Visit> visits;
  Event event;
  for (const char* state : {"in the outbox", "stored by the broker", "delivered", "job queued", "delivered"}) {
    Visit visit;
    visit.state = state;
    visit.begun = &event;
    visits.push_back(visit);
  }
  const Journey journey = walk("x", event_graph(), visits);
  EXPECT_EQ(journey.steps.back().from, "delivered");
  EXPECT_EQ(journey.steps.back().to, "delivered");
}

TEST(StateGraph, WritesNothingOutsideOfItsCard) {
  const Element root = read_markup(graph_svg(view_of(mailed())));
  for (const Element* state : root.all("g", "state")) {
    const Element* frame = state->all("rect").at(0);
    for (const Element* text : state->all("text")) {
      const double size = text->at("font-size").empty() ? 11.5 : text->number("font-size");
      const bool bold = text->at("font-weight") == "bold";
      const double right = text->number("x") + text_width(text->text, size, bold ? Weight::bold : Weight::regular);
      EXPECT_LE(right, frame->number("x") + frame->number("width") + 0.5) << text->text;
      EXPECT_LE(text->number("y"), frame->number("y") + frame->number("height")) << text->text;
    }
  }
}

TEST(StateGraph, SaysInOneLineThatThereIsNothingToDraw) {
  testing::Script script;
  script.add(EventKind::operation_invoked, "a", "ask", "op-1");
  EXPECT_THROW((void)graph_svg(view_of(script.history())), std::invalid_argument);
  GraphOptions options;
  options.id = "zzz";
  EXPECT_THROW((void)graph_svg(view_of(mailed()), options), std::invalid_argument);
}

TEST(StateGraph, CountsTheWaysOfManyRuns) {
  GraphCoverage coverage;
  const History history = mailed();
  for (int i = 0; i < 3; ++i) coverage.add(HistoryIndex(history));
  ASSERT_EQ(coverage.graphs.size(), 1U);
  const auto& counts = coverage.graphs.begin()->second;
  EXPECT_EQ(counts.journeys, 3);
  EXPECT_EQ(counts.steps.at(counts.graph.edge("mail accepted", "marked as sent", "")), 3);
  const std::string svg = coverage_svg(coverage, "3 runs");
  EXPECT_NE(svg.find("committed: 3"), std::string::npos);
  EXPECT_NE(svg.find("refused for good: never"), std::string::npos);
}

TEST(ReportPage, NeedsNothingFromOutside) {
  const std::string page = report_html(view_of(mailed()), "./orrery replay x");
  std::string own = page;
  for (std::size_t at = own.find("http://www.w3.org/2000/svg"); at != std::string::npos; at = own.find("http://www.w3.org/2000/svg")) own.erase(at, 26);
  for (const char* outside : {"http:", "https:", "src=", "url(//", "@import", "<link"}) {
    EXPECT_EQ(own.find(outside), std::string::npos) << outside;
  }
  EXPECT_NE(page.find("default-src 'none'"), std::string::npos);
}

TEST(ReportPage, EscapesAllText) {
  testing::System system;
  system.all_of("ada", 1, "k1");
  system.add(EventKind::log, "a<b", "error", "", 0, "</script><script>alert(1)</script>");
  system.add(EventKind::fault_injected, "<i>", "<b>", "1s", 0, "<img onerror=x>");
  const std::string page = report_html(view_of(system.history()), "./orrery <replay>");
  EXPECT_EQ(page.find("<script>alert"), std::string::npos);
  EXPECT_EQ(page.find("<img"), std::string::npos);
  EXPECT_EQ(page.find("<replay>"), std::string::npos);
  EXPECT_NE(page.find("\\u003c/script\\u003e"), std::string::npos);
}

}  // namespace
}  // namespace orrery::viz
