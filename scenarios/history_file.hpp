#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/history.hpp"

namespace orrery {

/// A history, written down, for pictures of a run that cannot be run again: one in real mode. JSON lines, the first of which says
/// what it is, the others an event each, with the rows of commits:
///
///   {"orrery_history": 1, "scenario": "user-notification", "seed": 7, "profile": "heavy", "defect": ""}
///   {"id": 1, "at": 0, "kind": "phase", "subject": "faults"}
struct HistoryFile {
  std::string scenario;
  std::uint64_t seed = 0;
  std::string profile;
  std::string defect;
  History history;
};

/// The first line of a file says that it is a history.
[[nodiscard]] bool is_history(std::string_view text);

/// The text of a history file; bytes that are not UTF-8 are replaced.
[[nodiscard]] std::string write_history(const HistoryFile& file);

/// Throws std::invalid_argument, whose one line says in which line of the file what is wrong.
[[nodiscard]] HistoryFile read_history(std::string_view text);

}  // namespace orrery
