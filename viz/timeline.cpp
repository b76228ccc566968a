#include "viz/timeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>

#include "properties/describe.hpp"
#include "viz/axis.hpp"
#include "viz/caption.hpp"
#include "viz/scene.hpp"
#include "viz/style.hpp"
#include "viz/text.hpp"
#include "viz/timeline_marks.hpp"

namespace orrery::viz {
namespace {

constexpr double kHeadHeight = 30;
constexpr double kLeastWidth = 860;  // for the words

class Drawing {
 public:
  Drawing(const Scene& scene, const Placement& place) : scene_(scene), place_(place) {}

  /// Returns where the lanes end.
  double draw(Svg& svg) {
    draw_cuts(svg);
    draw_lanes(svg);
    draw_gaps(svg);
    draw_bars(svg);
    draw_arrows(svg);
    draw_ticks(svg);
    draw_labels(svg);
    draw_marks(svg);
    draw_heads(svg);
    return place_.bottom + kHeadHeight;
  }

 private:
  [[nodiscard]] double y_of(const Event* event, double otherwise) const {
    if (event == nullptr) return otherwise;
    const auto found = place_.y.find(event->id);
    return found == place_.y.end() ? otherwise : found->second;
  }
  [[nodiscard]] double lane_top() const { return place_.top; }

  void draw_cuts(Svg& svg) const {
    for (const Stretch& stretch : scene_.stretches) {
      if (stretch.kind != Stretch::Kind::cut && stretch.kind != Stretch::Kind::cut_one_way) continue;
      const double a = place_.lane_x[std::min(stretch.lane, stretch.other)];
      const double b = place_.lane_x[std::max(stretch.lane, stretch.other)];
      const double from = y_of(stretch.from, lane_top());
      const double to = std::max(y_of(stretch.to, place_.bottom), from + 6);
      svg.open("g", {{"class", "cut"}});
      svg.title(stretch.title);
      svg.rect({a, from, b - a, to - from}, {{"fill", "url(#cut)"}});
      const Attributes edge = {{"stroke", kVermillion}, {"stroke-width", 1.2}, {"stroke-dasharray", "2 3"}};
      if (stretch.from != nullptr) svg.line({a, from}, {b, from}, edge);
      if (stretch.to != nullptr) svg.line({a, to}, {b, to}, edge);
      svg.close("g");
    }
  }

  void draw_lanes(Svg& svg) const {
    for (std::size_t i = 0; i < scene_.lanes.size(); ++i) {
      const double x = place_.lane_x[i];
      svg.line({x, lane_top()}, {x, place_.bottom}, {{"stroke", kFaint}, {"stroke-width", 1.6}});
    }
    for (const Stretch& stretch : scene_.stretches) {
      const double x = place_.lane_x[stretch.lane];
      const double from = y_of(stretch.from, lane_top());
      const double to = std::max(y_of(stretch.to, place_.bottom), from + 4);
      if (stretch.kind == Stretch::Kind::down) {
        svg.open("g", {{"class", "down"}});
        svg.title(stretch.title);
        svg.line({x, from}, {x, to}, {{"stroke", "#fff"}, {"stroke-width", 4}});
        svg.line({x, from}, {x, to}, {{"stroke", kVermillion}, {"stroke-width", 1.6}, {"stroke-dasharray", "1.5 5"}});
        svg.close("g");
      } else if (stretch.kind == Stretch::Kind::paused) {
        svg.open("g", {{"class", "paused"}});
        svg.title(stretch.title);
        svg.rect({x - 6, from, 12, to - from}, {{"fill", "url(#hatch)"}, {"stroke", kMuted}, {"stroke-width", 1}});
        svg.close("g");
      }
    }
  }

  /// Where time is cut short the lanes are broken.
  void draw_gaps(Svg& svg) const {
    for (const Placement::Gap& gap : place_.gaps) {
      svg.open("g", {{"class", "gap"}});
      svg.title(gap.title);
      const double middle = (gap.from + gap.to) / 2;
      for (const double x : place_.lane_x) {
        svg.rect({x - 9, middle - 5, 18, 10}, {{"fill", "#fff"}});
        for (const double y : {middle - 5, middle + 5}) {
          svg.path(fmt::format("M{} {}l5 -4l6 8l5 -4", number(x - 8), number(y)),
                   {{"fill", "none"}, {"stroke", kMuted}, {"stroke-width", 1.2}});
        }
      }
      svg.text({82, middle + 4}, gap.text + " later", {{"text-anchor", "end"}, {"fill", kMuted}, {"style", "font-size:11px;font-style:italic"}});
      svg.close("g");
    }
  }

  void draw_bars(Svg& svg) const {
    std::map<std::size_t, std::vector<double>> busy;  // by lane and slot: until where
    for (const Bar& bar : scene_.bars) {
      const double from = y_of(bar.from, lane_top());
      const double to = std::max(y_of(bar.to, place_.bottom), from + 8);
      std::vector<double>& slots = busy[bar.lane];
      std::size_t slot = 0;
      while (slot < slots.size() && slots[slot] > from) ++slot;
      if (slot == slots.size()) slots.push_back(0);
      slots[slot] = to;
      const double x = place_.lane_x[bar.lane] - 5 - 10 * static_cast<double>(slot);
      svg.open("g", {{"class", "bar"}});
      svg.title(bar.title);
      if (bar.end == Bar::End::committed) {
        svg.rect({x, from, 10, to - from}, {{"rx", 2}, {"fill", "#cfeadf"}, {"stroke", kGreen}, {"stroke-width", 1.2}});
      } else {
        svg.rect({x, from, 10, to - from}, {{"rx", 2}, {"fill", "#fff"}, {"stroke", kVermillion}, {"stroke-width", 1.4}, {"stroke-dasharray", "3 2"}});
      }
      for (const Bar::Wait& wait : bar.waits) {
        const double begins = y_of(wait.from, from);
        svg.rect({x + 1, begins, 8, std::max(y_of(wait.to, to) - begins, 4.0)}, {{"fill", "url(#wait)"}});
      }
      svg.close("g");
    }
  }

  void draw_arrows(Svg& svg) const {
    for (const Arrow& arrow : scene_.arrows) {
      const Flight& flight = arrow.flight;
      const double direction = arrow.to > arrow.from ? 1 : -1;
      const double y = place_.y.at(flight.sent->id);
      const bool lost = flight.fate == Fate::dropped || flight.fate == Fate::refused || flight.fate == Fate::under_way;
      double end = flight.ended == nullptr ? y + 14 : y_of(flight.ended, y + 14);
      if (lost && flight.fate != Fate::refused) end = y + 14;
      const std::string title = fmt::format("{} to {}, {}{}: {}", flight.from, flight.to, to_string(flight.fate),
                                            flight.ended == nullptr ? "" : " after " + span_text(flight.ended->at - flight.sent->at),
                                            shortened(flight.text, 90));
      draw_arrow(svg, {place_.lane_x[arrow.from] + 3 * direction, y}, {place_.lane_x[arrow.to] - 3 * direction, end}, flight.fate,
                 flight.freight == Freight::reply, title);
    }
  }

  void draw_ticks(Svg& svg) const {
    for (const Placement::Tick& tick : place_.ticks) {
      svg.text({82, tick.y + 4}, tick.text,
               {{"text-anchor", "end"}, {"class", "t"}, {"style", tick.head ? "font-weight:bold;font-size:11px" : "font-size:11px;fill:#5f6368"}});
      svg.line({86, tick.y}, {91, tick.y}, {{"stroke", kFaint}, {"stroke-width", 1}});
    }
  }

  void draw_labels(Svg& svg) const {
    for (const Placement::Label& label : place_.labels) {
      const Note& note = scene_.notes.at(label.event);
      const bool evidence = note.evidence != 0;
      svg.open("g", {{"class", "n"}, {"data-event", std::to_string(label.event)}});
      svg.title(fmt::format("{}  {} {}", clock_text(note.event->at), actor_of(*note.event), shortened(describe(*note.event), 240)));
      if (evidence) {
        svg.rect({label.box.x - 3, label.box.y, label.box.width + 7, label.box.height}, {{"rx", 3}, {"fill", kMarker}});
      }
      for (std::size_t i = 0; i < label.lines.size(); ++i) {
        const double y = label.box.y + kLineHeight * static_cast<double>(i) + 12;
        svg.text({label.box.x, y}, label.lines[i], {{"class", evidence ? "e" : "l"}});
      }
      svg.close("g");
    }
  }

  void draw_marks(Svg& svg) const {
    for (const auto& [id, note] : scene_.notes) {
      const Point at{place_.lane_x[note.lane], place_.y.at(id)};
      if (note.evidence != 0) {
        draw_evidence(svg, at, note.evidence);
      } else {
        draw_mark(svg, at, note.mark);
      }
    }
  }

  void draw_heads(Svg& svg) const {
    std::vector<double> rows = {place_.top - 12};
    if (place_.bottom - place_.top > 700) rows.push_back(place_.bottom + 12);
    for (const double y : rows) {
      for (std::size_t i = 0; i < scene_.lanes.size(); ++i) {
        draw_lane_head(svg, {place_.lane_x[i], y}, place_.column, scene_.lanes[i]);
      }
    }
  }

  const Scene& scene_;
  const Placement& place_;
};

void require_hosts(const HistoryIndex& index, const std::vector<std::string>& hosts) {
  if (hosts.empty()) return;
  std::set<std::string_view> known;
  for (const Event& event : index.history().events()) {
    if (!is_fault(event.kind) && !event.host.empty()) known.insert(event.host);
  }
  for (const std::string& host : hosts) {
    if (!known.contains(host)) {
      throw std::invalid_argument(fmt::format("unknown host \"{}\"; of this run: {}", host, fmt::join(known, ", ")));
    }
  }
}

std::string what_is_shown(const RunView& run, const Scope& scope, const Scene& scene) {
  std::size_t facts = 0;
  for (const Event& event : run.history.events()) facts += is_fact(event.kind) ? 1 : 0;
  std::string text = fmt::format("{} of {} facts and {} messages are shown", scope.events.size(), facts, scene.arrows.size());
  if (scope.left_out > 0) text += fmt::format("; {} more that were asked for did not fit", scope.left_out);
  if (scope.folded) text += ". --unfold shows all, --around, --trace and --hosts choose others";
  return text + ".";
}

}  // namespace

std::string timeline_svg(const RunView& run, const TimelineOptions& options) {
  const HistoryIndex index(run.history);
  require_hosts(index, options.hosts);
  const Scope scope = choose_scope(run, index, options);
  const Scene scene = make_scene(run, index, scope);
  if (scene.lanes.empty()) throw std::invalid_argument("nothing to draw: no host takes part in what was asked for");

  const double width = std::max(place(scene, options.causal, 0).width, kLeastWidth);
  Svg svg;
  const double head = options.bare ? 6 : draw_head(svg, run, options.causal ? "Causal order" : "Space-time diagram", width);
  const Placement placement = place(scene, options.causal, head + kHeadHeight);
  double y = Drawing(scene, placement).draw(svg);
  y = draw_legend(svg, scene, y + 4, width);
  y += 14;
  svg.text({16, y}, elided(what_is_shown(run, scope, scene), kSmallText, width - 32), {{"style", "font-size:11px;fill:#5f6368"}});
  y = options.bare ? y + 14 : draw_story(svg, run, y + 4, width, scope.evidence.size());
  return svg.document(width, y, spoken(run, "Space-time diagram"), timeline_css(), timeline_patterns());
}

}  // namespace orrery::viz
