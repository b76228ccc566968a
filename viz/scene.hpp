#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "viz/scope.hpp"
#include "viz/words.hpp"

namespace orrery::viz {

enum class LaneKind { client, service, database, broker };

struct Lane {
  std::string_view host;
  LaneKind kind = LaneKind::service;
};

/// An event on its lane.
struct Note {
  std::size_t lane = 0;
  const Event* event = nullptr;
  Mark mark = Mark::none;
  std::string label;  // empty: nothing is written
  int evidence = 0;   // its number among the evidence; 0: it is none
};

struct Arrow {
  std::size_t from = 0;
  std::size_t to = 0;
  Flight flight;
};

/// A transaction at its database.
struct Bar {
  enum class End { committed, unknown, rolled_back, open };
  std::size_t lane = 0;
  const Event* from = nullptr;
  const Event* to = nullptr;
  End end = End::committed;
  std::string title;
  struct Wait {
    const Event* from;
    const Event* to;
  };
  std::vector<Wait> waits;  // statements that took long
};

/// A time during which a host is down or paused, or a link is cut.
struct Stretch {
  enum class Kind { down, paused, cut, cut_one_way };
  Kind kind = Kind::down;
  std::size_t lane = 0;
  std::size_t other = 0;          // of a link: the lane of its other end
  const Event* from = nullptr;    // null: since before the picture
  const Event* to = nullptr;      // null: beyond the picture
  std::string title;
};

/// What a space-time diagram is made of, without places on paper.
struct Scene {
  std::vector<Lane> lanes;
  std::map<EventId, Note> notes;         // every event that has a place, those without mark and label too
  std::vector<Arrow> arrows;
  std::vector<Bar> bars;
  std::vector<Stretch> stretches;
  std::map<EventId, std::size_t> hidden;  // before the event with this id so many facts are not shown
};

[[nodiscard]] Scene make_scene(const RunView& run, const HistoryIndex& index, const Scope& scope);

}  // namespace orrery::viz
