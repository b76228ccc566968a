#include "viz/graph_layout.hpp"

#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <locale.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <cgraph.h>
#include <fmt/format.h>
#include <gvc.h>

extern "C" {
// Plugins are linked, see cmake/FindGraphviz.cmake; graphviz declares them in no header.
extern gvplugin_library_t gvplugin_dot_layout_LTX_library;
extern gvplugin_library_t gvplugin_core_LTX_library;
}

namespace orrery::viz {
namespace {

constexpr double kPointsPerInch = 72;

/// graphviz reads and writes numbers in the locale of the process: while one of these lives, this thread's is "C".
class PlainNumbers {
 public:
  PlainNumbers() : plain_(::newlocale(LC_NUMERIC_MASK, "C", nullptr)), before_(::uselocale(plain_)) {}
  ~PlainNumbers() {
    ::uselocale(before_);
    if (plain_ != nullptr) ::freelocale(plain_);
  }
  PlainNumbers(const PlainNumbers&) = delete;
  PlainNumbers& operator=(const PlainNumbers&) = delete;

 private:
  locale_t plain_;
  locale_t before_;
};

/// graphviz prints complaints to stderr by itself; here they are kept for the exception.
std::string& complaints() {
  static std::string text;
  return text;
}
int keep_complaint(char* text) {
  complaints() += text;
  return 0;
}

[[noreturn]] void fail(std::string_view what) {
  std::string why = complaints();
  std::ranges::replace(why, '\n', ' ');
  throw std::runtime_error(fmt::format("graphviz: {}{}{}", what, why.empty() ? "" : ": ", why));
}

struct CloseGraph {
  void operator()(Agraph_t* graph) const { agclose(graph); }
};
using Graph = std::unique_ptr<Agraph_t, CloseGraph>;

struct FreeContext {
  void operator()(GVC_t* context) const { gvFreeContext(context); }
};
using Context = std::unique_ptr<GVC_t, FreeContext>;

/// cgraph takes char* for what it only reads.
char* text_of(const std::string& text) { return const_cast<char*>(text.c_str()); }

Graph open_graph(const std::string& name) {
  complaints().clear();
  agseterr(AGWARN);
  agseterrf(keep_complaint);
  Graph graph(agopen(text_of(name), Agdirected, nullptr));
  if (graph == nullptr) fail("no graph could be made");
  return graph;
}

void set(void* object, const std::string& name, const std::string& value) {
  agsafeset(object, text_of(name), text_of(value), text_of(""));
}

std::string inches(double pixels) { return fmt::format("{:.4f}", pixels / kPointsPerInch); }

/// Numbers that are separated by anything else.
std::vector<double> numbers_in(const char* text) {
  std::vector<double> numbers;
  std::string_view rest = text == nullptr ? "" : text;
  while (!rest.empty()) {
    double value = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    if (error == std::errc{}) {
      numbers.push_back(value);
      rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    } else {
      rest.remove_prefix(1);
    }
  }
  return numbers;
}

class Layouter {
 public:
  explicit Layouter(const GraphShape& shape) : shape_(shape) {}

  GraphLayout lay_out() {
    build();
    static const lt_symlist_t kPlugins[] = {{"gvplugin_dot_layout_LTX_library", &gvplugin_dot_layout_LTX_library},
                                            {"gvplugin_core_LTX_library", &gvplugin_core_LTX_library},
                                            {nullptr, nullptr}};
    constexpr int kNotOnDemand = 0;  // nor from graphviz' configuration file
    const Context context(gvContextPlugins(kPlugins, kNotOnDemand));
    if (context == nullptr) fail("no context could be made");
    if (gvLayout(context.get(), graph_.get(), "dot") != 0) fail("no layout was found");
    // Only a rendering as DOT writes the places into the attributes.
    char* rendered = nullptr;
    unsigned int length = 0;
    const int status = gvRenderData(context.get(), graph_.get(), "dot", &rendered, &length);
    if (rendered != nullptr) gvFreeRenderData(rendered);
    GraphLayout layout;
    if (status == 0) read(layout);
    // The layout is not given back: where an edge with a label joins nodes of one rank, dot 2.43 has moved the memory of that rank
    // (make_vn_slot) and gvFreeLayout would free where it was.
    if (status != 0) fail("the layout could not be written");
    return layout;
  }

 private:
  void build() {
    graph_ = open_graph("states");
    set(graph_.get(), "rankdir", "TB");
    set(graph_.get(), "nodesep", "0.45");
    set(graph_.get(), "ranksep", "0.42");
    agattr(graph_.get(), AGNODE, text_of("shape"), text_of("box"));
    agattr(graph_.get(), AGNODE, text_of("fixedsize"), text_of("true"));
    agattr(graph_.get(), AGNODE, text_of("label"), text_of(""));
    for (std::size_t i = 0; i < shape_.nodes.size(); ++i) {
      Agnode_t* node = agnode(graph_.get(), text_of(fmt::format("n{}", i)), 1);
      set(node, "width", inches(shape_.nodes[i].width));
      set(node, "height", inches(shape_.nodes[i].height));
      nodes_.push_back(node);
    }
    for (std::size_t i = 0; i < shape_.same_rank.size(); ++i) {
      Agraph_t* rank = agsubg(graph_.get(), text_of(fmt::format("r{}", i)), 1);
      set(rank, "rank", "same");
      for (const std::size_t node : shape_.same_rank[i]) agsubnode(rank, nodes_[node], 1);
    }
    for (std::size_t i = 0; i < shape_.edges.size(); ++i) {
      const GraphShape::Edge& shape = shape_.edges[i];
      const bool up = shape.leads == GraphShape::Edge::Leads::up;
      Agedge_t* edge =
          agedge(graph_.get(), nodes_[up ? shape.to : shape.from], nodes_[up ? shape.from : shape.to], text_of(fmt::format("e{}", i)), 1);
      if (up) set(edge, "dir", "back");
      if (shape.leads == GraphShape::Edge::Leads::any) set(edge, "constraint", "false");
      if (shape.label_width > 0 && shape.leads != GraphShape::Edge::Leads::any) {
        // An empty table of the label's size keeps its room free, whatever fonts there are.
        const std::string table = fmt::format(
            "<TABLE BORDER=\"0\" CELLBORDER=\"0\" CELLPADDING=\"0\" CELLSPACING=\"0\" FIXEDSIZE=\"TRUE\" WIDTH=\"{:.0f}\" "
            "HEIGHT=\"{:.0f}\"><TR><TD></TD></TR></TABLE>",
            shape.label_width, shape.label_height);
        char* html = agstrdup_html(graph_.get(), text_of(table));
        agsafeset(edge, text_of("label"), html, text_of(""));
        agstrfree(graph_.get(), html);
      }
      edges_.push_back(edge);
    }
  }

  void read(GraphLayout& layout) {
    const std::vector<double> box = numbers_in(agget(graph_.get(), text_of("bb")));
    if (box.size() < 4) fail("the layout has no size");
    layout.width = box[2] - box[0];
    layout.height = box[3] - box[1];
    const auto point = [&](const std::vector<double>& numbers, std::size_t i) {
      return Point{numbers[i] - box[0], layout.height - (numbers[i + 1] - box[1])};
    };
    for (Agnode_t* node : nodes_) {
      const std::vector<double> at = numbers_in(agget(node, text_of("pos")));
      if (at.size() < 2) fail("a node has no place");
      layout.nodes.push_back(point(at, 0));
    }
    for (std::size_t i = 0; i < edges_.size(); ++i) {
      const char* text = agget(edges_[i], text_of("pos"));
      const std::vector<double> at = numbers_in(text);
      GraphLayout::Route route;
      const bool up = shape_.edges[i].leads == GraphShape::Edge::Leads::up;
      const bool has_tip = text != nullptr && std::string_view(text).starts_with(up ? "s," : "e,");
      for (std::size_t k = has_tip ? 2 : 0; k + 1 < at.size(); k += 2) route.curve.push_back(point(at, k));
      if (route.curve.size() < 4) fail("an edge has no way");
      if (up) std::ranges::reverse(route.curve);
      route.tip = has_tip ? point(at, 0) : route.curve.back();
      route.label = route.curve[route.curve.size() / 2];
      if (shape_.edges[i].label_width > 0 && shape_.edges[i].leads != GraphShape::Edge::Leads::any) {
        const std::vector<double> label = numbers_in(agget(edges_[i], text_of("lp")));
        if (label.size() < 2) fail("a label has no place");
        route.label = point(label, 0);
      }
      layout.routes.push_back(std::move(route));
    }
  }

  const GraphShape& shape_;
  Graph graph_;
  std::vector<Agnode_t*> nodes_;
  std::vector<Agedge_t*> edges_;
};

}  // namespace

GraphLayout lay_out(const GraphShape& shape) {
  const PlainNumbers plain;
  return Layouter(shape).lay_out();
}

std::string dot_text(const DotGraph& description) {
  const PlainNumbers plain;
  const Graph graph = open_graph(description.name);
  for (const auto& [name, value] : description.attributes) set(graph.get(), name, value);
  for (const DotGraph::Node& one : description.nodes) {
    Agnode_t* node = agnode(graph.get(), text_of(one.name), 1);
    for (const auto& [name, value] : one.attributes) set(node, name, value);
  }
  for (const DotGraph::Edge& one : description.edges) {
    Agedge_t* edge = agedge(graph.get(), agnode(graph.get(), text_of(one.from), 1), agnode(graph.get(), text_of(one.to), 1),
                            nullptr, 1);
    for (const auto& [name, value] : one.attributes) set(edge, name, value);
  }
  char* text = nullptr;
  std::size_t length = 0;
  std::FILE* file = ::open_memstream(&text, &length);
  if (file == nullptr) fail("no memory to write to");
  const int status = agwrite(graph.get(), file);
  std::fclose(file);
  std::string written(text, length);
  std::free(text);
  if (status != 0) fail("the graph could not be written");
  return written;
}

}  // namespace orrery::viz
