#pragma once

#include <sys/types.h>

#include <string>

namespace orrery::real {

/// Cleans up after a process that is killed before it can do so itself. A child that does nothing but wait for this process's
/// end; if that comes before the object's, it kills the processes of this program, of PostgreSQL and of Redis that run in `folder`,
/// and removes the folder.
class Guardian {
 public:
  /// Throws std::runtime_error.
  explicit Guardian(std::string folder);
  Guardian(const Guardian&) = delete;
  Guardian& operator=(const Guardian&) = delete;
  /// The folder is this process's to remove.
  ~Guardian();

 private:
  pid_t child_ = -1;
  int pipe_ = -1;
};

}  // namespace orrery::real
