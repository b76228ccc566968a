#include "viz/axis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "viz/style.hpp"
#include "viz/text.hpp"

namespace orrery::viz {
namespace {

constexpr double kAxisWidth = 92;
constexpr double kLabelOffset = 13;   // from the lane
constexpr double kLabelMargin = 10;   // before the next lane
constexpr double kAboveMark = 8;      // the label's first line is centred on the mark
constexpr double kLabelGap = 3;
constexpr double kTickHeight = 13;
constexpr double kGapHeight = 34;
constexpr double kCausalStep = 30;
constexpr Duration kCutFrom = std::chrono::milliseconds(500);

double column_width(std::size_t lanes) { return std::clamp(1120.0 / static_cast<double>(lanes), 156.0, 340.0); }

/// Paper between two moments.
double gap_for(Duration between) {
  if (between <= Duration::zero()) return 0;
  const double steps = static_cast<double>(between.count()) / 50'000.0;  // of 50 us
  return std::min(5 + 8.5 * std::log10(1 + steps), 48.0);
}

/// Tenths of a millisecond, for steps follow each other closely.
std::string tick_text(Duration since) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(since).count();
  return us < 1000 ? fmt::format("{} µs", us) : fmt::format("{:.1f} ms", static_cast<double>(us) / 1000);
}

std::size_t most_lines(const Note& note) {
  if (note.evidence != 0) return 4;
  return note.event->kind == EventKind::message_sent ? 1 : 3;
}

class Placer {
 public:
  Placer(const Scene& scene, bool causal, double top) : scene_(scene), causal_(causal) {
    place_.column = column_width(scene.lanes.size());
    place_.top = top;
    for (std::size_t i = 0; i < scene.lanes.size(); ++i) {
      place_.lane_x.push_back(kAxisWidth + 16 + place_.column * static_cast<double>(i));
    }
    place_.width = kAxisWidth + 16 + place_.column * static_cast<double>(scene.lanes.size()) + 8;
    bottoms_.assign(scene.lanes.size(), top);
    for (const Arrow& arrow : scene.arrows) {
      if (arrow.to > arrow.from) leaves_right_.insert({arrow.from, arrow.flight.sent->at});
      if (arrow.to < arrow.from && arrow.flight.ended != nullptr) {
        arrives_right_.insert({arrow.to, arrow.flight.ended->at});
        arrivals_.insert(arrow.flight.ended->id);
      }
    }
  }

  Placement place() {
    y_ = place_.top + 22;
    if (causal_) {
      by_cause();
    } else {
      by_time();
    }
    double lowest = y_;
    for (const double bottom : bottoms_) lowest = std::max(lowest, bottom);
    place_.bottom = lowest + 18;
    return std::move(place_);
  }

 private:
  void by_time() {
    const Note* before = nullptr;
    Instant head{};
    double last_tick = -1000;
    for (const auto& [id, note] : scene_.notes) {
      const Instant at = note.event->at;
      const bool cut = before != nullptr && at - before->event->at >= kCutFrom;
      if (before != nullptr && !cut) y_ += gap_for(at - before->event->at);
      if (cut) add_gap(*before, note);
      put(id, note);
      const bool said = before != nullptr && !cut && at == before->event->at;
      if (before == nullptr || cut) {
        head = at;
        place_.ticks.push_back({y_, clock_text(at), true});
        last_tick = y_;
      } else if (!said && y_ - last_tick >= kTickHeight) {
        place_.ticks.push_back({y_, "+" + tick_text(at - head), false});
        last_tick = y_;
      }
      before = &note;
    }
  }

  void add_gap(const Note& before, const Note& after) {
    double from = y_ + 10;
    for (const double bottom : bottoms_) from = std::max(from, bottom + 4);
    const auto hidden = scene_.hidden.find(after.event->id);
    const std::size_t count = hidden == scene_.hidden.end() ? 0 : hidden->second;
    const std::string time = span_text(after.event->at - before.event->at);
    const std::string title = count == 0 ? time + " later" : fmt::format("{} later; {} facts in between are not shown", time, count);
    place_.gaps.push_back({from, from + kGapHeight, time, title});
    y_ = from + kGapHeight + 12;
    for (double& bottom : bottoms_) bottom = std::max(bottom, from + kGapHeight);
  }

  /// The step of each event is the longest chain of what happened before it.
  void by_cause() {
    std::map<EventId, EventId> sender;  // by arrival
    for (const Arrow& arrow : scene_.arrows) {
      if (arrow.flight.ended != nullptr) sender[arrow.flight.ended->id] = arrow.flight.sent->id;
    }
    std::map<EventId, int> steps;
    std::vector<int> on_lane(scene_.lanes.size(), -1);
    std::vector<std::pair<int, EventId>> order;
    for (const auto& [id, note] : scene_.notes) {
      int step = on_lane[note.lane];
      const auto from = sender.find(id);
      if (from != sender.end() && steps.contains(from->second)) step = std::max(step, steps.at(from->second));
      if (steps.contains(note.event->cause)) step = std::max(step, steps.at(note.event->cause));
      // What is written needs a step of its own; a message's end that is not written stands where it comes from.
      const bool written = !note.label.empty() || note.mark != Mark::none || from != sender.end();
      step = std::max(step + (written ? 1 : 0), 0);
      steps[id] = on_lane[note.lane] = step;
      order.emplace_back(step, id);
    }
    std::ranges::sort(order);
    int before = 0;
    for (const auto& [step, id] : order) {
      if (step != before) y_ = row_ + kCausalStep;
      if (step != before || place_.ticks.empty()) {
        row_ = y_;
        place_.ticks.push_back({y_, fmt::format("step {}", step + 1), false});
      }
      before = step;
      put(id, scene_.notes.at(id));
      row_ = std::max(row_, y_);
      if (place_.ticks.back().y < y_ && place_.y.at(id) == y_) place_.ticks.back().y = y_;
    }
  }

  /// Puts a note at y_, or lower if its label needs the room. A label stands beside its mark; above it if an arrow leaves to the
  /// right, below it if one arrives from there.
  void put(EventId id, const Note& note) {
    double& bottom = bottoms_[note.lane];
    const auto key = std::pair(note.lane, note.event->at);
    if (!note.label.empty()) {
      const bool leaves = leaves_right_.contains(key);
      const bool arrives = arrives_right_.contains(key);
      const double room = place_.column - kLabelOffset - kLabelMargin - (note.evidence != 0 ? 4 : 0);
      std::vector<std::string> lines = wrapped(note.label, kTextSize, room, most_lines(note), weight_of(note));
      const double height = kLineHeight * static_cast<double>(lines.size()) + 2;
      double above = kAboveMark;
      if (leaves) {
        above = height + 1;
      } else if (arrives) {
        above = -4;
      }
      // What arrived at the same moment came down from the right: the label stands below its arrow.
      if (const auto arrived = arrived_at_.find(key); leaves && arrived != arrived_at_.end()) {
        y_ = std::max(y_, arrived->second + above + 4);
      }
      y_ = std::max(y_, bottom + kLabelGap + above);
      double width = 0;
      for (const std::string& line : lines) width = std::max(width, text_width(line, kTextSize, weight_of(note)));
      const Box box{place_.lane_x[note.lane] + kLabelOffset, y_ - above, width, height};
      bottom = box.y + box.height;
      place_.labels.push_back({id, box, std::move(lines)});
    }
    if (arrivals_.contains(id)) arrived_at_[key] = y_;
    place_.y[id] = y_;
  }

  static Weight weight_of(const Note& note) { return note.evidence != 0 ? Weight::bold : Weight::regular; }

  const Scene& scene_;
  bool causal_;
  Placement place_;
  double y_ = 0;
  double row_ = 0;
  std::vector<double> bottoms_;
  using Where = std::pair<std::size_t, Instant>;  // a lane, at a moment
  std::set<Where> leaves_right_;
  std::set<Where> arrives_right_;
  std::set<EventId> arrivals_;  // of arrows from the right
  std::map<Where, double> arrived_at_;
};

}  // namespace

Placement place(const Scene& scene, bool causal, double top) { return Placer(scene, causal, top).place(); }

}  // namespace orrery::viz
