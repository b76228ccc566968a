#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "real-mode/loop.hpp"
#include "runtime/json.hpp"

namespace orrery::real {

/// One end of the stream between a process and the test bed that started it: JSON, a document a line, both ways.
///
///   bed → process   {"state": {…}}   what ails the process now (`Ailments`), whole; the first line when it starts
///                   {"go": true}     a process that holds at a place goes on
///                   {"number": 3}    the answer to "reached"
///   process → bed   {"held": {…}}    it stands at an armed place and waits; the fault that is to strike there
///                   {"reached": "…"} an occasion that several processes share; it waits for its number
class ControlLink {
 public:
  using OnLine = std::function<void(const Json& line)>;
  /// Takes the socket over. `heard` is called on the loop's thread.
  ControlLink(Loop& loop, int socket, OnLine heard);
  ControlLink(const ControlLink&) = delete;
  ControlLink& operator=(const ControlLink&) = delete;
  ~ControlLink();

  /// Never waits. What cannot be sent, because the other end is gone, is as good as never sent.
  void send(const Json& line) noexcept;
  /// Stops this thread until a line comes that `is_it`; others are heard meanwhile. False: the other end is gone.
  [[nodiscard]] bool wait_for(const std::function<bool(const Json&)>& is_it);

 private:
  struct State;
  static void arm(const std::shared_ptr<State>& state);
  static bool read(State& state, std::vector<Json>& lines);
  std::shared_ptr<State> state_;
};

/// Both ends of such a stream: the second is to be inherited by a child. Throws std::runtime_error.
[[nodiscard]] std::pair<int, int> control_sockets();

}  // namespace orrery::real
