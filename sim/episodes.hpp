#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/controls.hpp"
#include "sim/kernel.hpp"

namespace orrery::sim {

class Directory;

/// Faults that begin and last: what each does to the world, and how it is undone.
class Episodes {
 public:
  explicit Episodes(Directory& directory) : directory_(directory) {}

  /// Empty if the fault can be done; else why not.
  [[nodiscard]] std::string unsupported(const Fault& fault) const;
  /// Begins it now; it ends by itself after `lasts`.
  void begin(const Fault& fault);
  /// Ends all that last still, and starts every host that is down.
  void heal();

 private:
  void apply(const Fault& fault, bool begins);
  void end(std::uint64_t id);
  /// A failover or switchover: the standby takes the primary's place, unless an orchestrator would not let it; then a failover
  /// is a crash, and a switchover nothing.
  void change_primary(const Fault& fault);
  /// All links that a fault on links names: "a|b" both ways, "a>b" one way, "*" everybody else.
  struct Pair {
    Host* from;
    Host* to;
  };
  [[nodiscard]] std::vector<Pair> links(const Fault& fault) const;
  [[nodiscard]] std::vector<Host*> side(std::string_view name) const;
  void start_later(Host& host, Duration after);

  Directory& directory_;
  struct Active {
    std::uint64_t id;
    Fault fault;
  };
  std::uint64_t last_ = 0;
  std::vector<Active> active_;
};

}  // namespace orrery::sim
