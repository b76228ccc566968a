#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "viz/svg.hpp"

namespace orrery::viz {

/// A graph whose places graphviz is to find. Sizes are in pixels.
struct GraphShape {
  struct Node {
    double width = 0;
    double height = 0;
  };
  struct Edge {
    std::size_t from = 0;
    std::size_t to = 0;
    double label_width = 0;  // 0: no label
    double label_height = 0;
    /// Which end stands above the other; `any`: the edge has no say in it, and its label is put on it afterwards. Edges must agree: to
    /// break a circle dot may turn any of its edges round.
    enum class Leads { down, up, any };
    Leads leads = Leads::down;
  };
  std::vector<Node> nodes;
  std::vector<Edge> edges;
  /// Nodes that stand side by side.
  std::vector<std::vector<std::size_t>> same_rank;
};

/// Where graphviz' "dot" (Gansner, Koutsofios, North, Vo, "A Technique for Drawing Directed Graphs", IEEE TSE 19(3), 1993) puts
/// things: y goes down.
struct GraphLayout {
  struct Route {
    std::vector<Point> curve;  // a cubic B-spline: the first point, then three for each piece
    Point tip;                 // of the arrow head
    Point label;               // the centre of the label, if there is one
  };
  double width = 0;
  double height = 0;
  std::vector<Point> nodes;  // their centres
  std::vector<Route> routes;
};

/// Lays a graph out. The same shape gives the same layout, on every machine: sizes of texts are given, no font is asked, and no
/// other plugin than "dot" is loaded. Throws std::runtime_error with what graphviz says.
[[nodiscard]] GraphLayout lay_out(const GraphShape& shape);

/// A graph with names and attributes as DOT text, written by cgraph.
struct DotGraph {
  using Attributes = std::vector<std::pair<std::string, std::string>>;
  struct Node {
    std::string name;
    Attributes attributes;
  };
  struct Edge {
    std::string from, to;
    Attributes attributes;
  };
  std::string name;
  Attributes attributes;
  std::vector<Node> nodes;
  std::vector<Edge> edges;
};
[[nodiscard]] std::string dot_text(const DotGraph& graph);

}  // namespace orrery::viz
