#pragma once

#include <map>
#include <memory>
#include <string>

#include "real-mode/gathering.hpp"
#include "real-mode/node.hpp"

namespace orrery::real {

/// The clients of a scenario against a system that somebody else runs, on this machine, containers included: its processes
/// write their events to files of one folder (`serve --events`), and what they commit is captured from their databases.
class Driver {
 public:
  /// `settings`: the peers, the databases and the broker (how to connect to them as superuser), and the folder of the events.
  /// Begins to capture. Throws PgError, and std::runtime_error that says what the server lacks, or that somebody used the
  /// system before: what is judged must have its beginning in the history.
  Driver(Loop& loop, const NodeSettings& settings, int clients);
  /// Takes its replication slots away. Its tasks end first.
  ~Driver();
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  /// Null: there is no client of that name ("client-1", …).
  [[nodiscard]] Node* client(const std::string& name);
  void begin();
  [[nodiscard]] Instant began() const noexcept { return beginning_.at; }
  void enter_phase(std::string_view phase);
  /// What happened since `begin`, in order. Blocking. Throws as the constructor, and std::runtime_error if no process wrote.
  [[nodiscard]] History gather();

 private:
  void capture(const NodeSettings& settings);
  void drop_captures() noexcept;

  Loop& loop_;
  const std::string folder_;
  Captures captures_;
  std::map<std::string, std::unique_ptr<Node>> clients_;
  std::vector<Event> events_;
  std::vector<Event> standing_;  // a commit for each database that had rows from the start
  Beginning beginning_;
};

}  // namespace orrery::real
