#include "properties/reads.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "properties/bodies.hpp"
#include "properties/rows.hpp"

namespace orrery {
namespace {

/// One answered request and what is wrong with it.
class Reading {
 public:
  Reading(const ShownRows& rows, const RowLives& lives, const Event& invoked, const Event& ended, Findings& findings)
      : rows_(rows), lives_(lives), invoked_(invoked), ended_(ended), findings_(findings) {}

  /// Judges a row that the answer shows.
  void show(const Json& object) {
    findings_.examine();
    const std::string id = member_text(object, rows_.id.c_str());
    const std::string version = member_text(object, rows_.version.c_str());
    const auto life = lives_.find(id);
    const RowState* shown = nullptr;   // the state that the answer shows, or comes closest to
    const RowState* newest = nullptr;  // committed before the request began
    bool fits = false;
    if (life != lives_.end()) {
      for (const RowState& state : life->second.states) {
        if (!state.exists) continue;
        if (state.commit->id < invoked_.id) newest = &state;
        if (fits || cell(state.row(), rows_.version) != version) continue;
        fits = state.commit->id < ended_.id && other_column(object, state).empty();
        if (fits || shown == nullptr) shown = &state;
      }
    }
    if (shown == nullptr) return violate("never committed", id, fmt::format("version {} was never committed", version));
    if (!fits) {
      const std::string column = other_column(object, *shown);
      return column.empty() ? violate("committed only afterwards", id,
                                      fmt::format("version {} was committed only afterwards", version), shown)
                            : violate("mixed", id, fmt::format("version {} had another {}", version, column), shown);
    }
    if (lost_meanwhile(life->second)) return;
    if (newest != nullptr && newest->row()[rows_.version].integer() > shown->row()[rows_.version].integer()) {
      violate("stale", id,
              fmt::format("version {} was replaced by version {} before the request", version,
                          cell(newest->row(), rows_.version)),
              newest);
    }
  }

  /// Judges an answer that there is no row with this id.
  void miss(const std::string& id) {
    const RowState* before = state_before(id);
    if (before == nullptr || lost_meanwhile(lives_.find(id)->second)) return;
    findings_.examine();
    if (before->exists) violate("missing", id, "it had been committed before the request", before);
  }

  /// Judges an answer that a row was changed.
  void change(const std::string& id, const std::string& value) {
    const auto life = lives_.find(id);
    const auto is_stored = [&](const RowState& state) {
      return state.exists && state.commit->id < ended_.id && cell(state.row(), rows_.changed) == value;
    };
    findings_.examine();
    if (life == lives_.end() || std::none_of(life->second.states.begin(), life->second.states.end(), is_stored)) {
      violate("change not stored", id, fmt::format("no commit before the answer had this {}", rows_.changed));
    }
  }

  /// Judges a page as a whole.
  void page(const Json& shown, const Json& arguments) {
    std::set<std::string> ids;
    for (const Json& object : shown) {
      const std::string id = member_text(object, rows_.id.c_str());
      if (!ids.insert(id).second) violate("twice in a list", id, "it is there twice");
    }
    const std::string limit = member_text(arguments, "limit");
    const bool is_first = !arguments.contains("after") && !arguments.contains("offset");
    if (limit.empty() || limit.find_first_not_of("0123456789") != std::string::npos || limit.size() > 9) return;
    const std::size_t most = std::stoul(limit);
    if (shown.size() > most) violate("longer than asked for", limit, fmt::format("it has {} rows", shown.size()));
    if (!is_first || shown.size() >= most) return;
    for (const auto& [id, life] : lives_) {
      const RowState* before = state_before(id);
      if (before == nullptr || !before->exists || ids.contains(id) || lost_meanwhile(life)) continue;
      findings_.examine();
      if (life.last().exists) return violate("missing in a list", id, "it is not there", before);
    }
  }

 private:
  /// The database lost a commit of this row between the request and its answer: either state may be shown.
  [[nodiscard]] bool lost_meanwhile(const RowLife& life) const {
    return std::any_of(life.states.begin(), life.states.end(), [&](const RowState& state) {
      return takes_back(*state.commit) && state.commit->id > invoked_.id && state.commit->id < ended_.id;
    });
  }

  /// A column that the object shows with another value; empty: none.
  [[nodiscard]] std::string other_column(const Json& object, const RowState& state) const {
    for (const std::string& column : rows_.shown) {
      if (member_text(object, column.c_str()) != cell(state.row(), column)) return column;
    }
    return {};
  }

  [[nodiscard]] const RowState* state_before(const std::string& id) const {
    const auto life = lives_.find(id);
    if (life == lives_.end()) return nullptr;
    const RowState* before = nullptr;
    for (const RowState& state : life->second.states) {
      if (state.commit->id < invoked_.id) before = &state;
    }
    return before;
  }

  void violate(std::string_view shape, const std::string& id, std::string_view why, const RowState* state = nullptr) {
    findings_.violate(fmt::format("{}: {}", ended_.subject, shape),
                      fmt::format("'{}' of {} was answered {} about {} {}, but {}", ended_.subject, ended_.host,
                                  ended_.number, rows_.name, short_id(id), why),
                      {state != nullptr ? state->commit->id : 0, invoked_.id, ended_.id});
  }

  const ShownRows& rows_;
  const RowLives& lives_;
  const Event& invoked_;
  const Event& ended_;
  Findings& findings_;
};

}  // namespace

Check reads_show_committed_rows(const ShownRows& rows) {
  return [rows](const HistoryIndex& index) {
    Findings findings;
    const RowLives& lives = lives_of(index, rows.table, rows.id);
    for (const std::string& operation : {rows.get, rows.change, rows.list}) {
      for (const Event* ended : index.of(EventKind::operation_ended, operation)) {
        if (ended->number != 200 && ended->number != 404) continue;
        const HistoryIndex::Events& begun = index.with_key(EventKind::operation_invoked, ended->key);
        if (begun.empty()) continue;
        Reading reading(rows, lives, *begun.front(), *ended, findings);
        const Json arguments = parse_body(begun.front()->text);
        const std::string id = member_text(arguments, rows.id.c_str());
        if (ended->number == 404) {
          if (!id.empty()) reading.miss(id);
          continue;
        }
        const Json body = parse_body(ended->text);
        if (!body.is_object()) continue;
        if (operation == rows.list) {
          const auto many = body.find(rows.many);
          if (many == body.end() || !many->is_array()) continue;
          for (const Json& object : *many) reading.show(object);
          if (arguments.is_object()) reading.page(*many, arguments);
        } else {
          const auto one = body.find(rows.one);
          reading.show(one == body.end() ? body : *one);
          if (operation == rows.change) reading.change(id, member_text(arguments, rows.changed.c_str()));
        }
      }
    }
    return std::move(findings).verdict();
  };
}

}  // namespace orrery
