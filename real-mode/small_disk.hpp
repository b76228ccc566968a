#pragma once

#include <cstdint>
#include <string>

namespace orrery::real {

/// A file system of its own for one folder, in memory, which can be made full: then what needs more room in it fails with ENOSPC. Only this
/// process and those that it starts afterwards see it, in a mount namespace of theirs, and it is gone with the last of them (Linux,
/// mount_namespaces(7)).
class SmallDisk {
 public:
  /// Why there can be none; empty: there can. The first call puts this process into a mount namespace of its own, which takes
  /// CAP_SYS_ADMIN; threads that run already stay outside.
  [[nodiscard]] static const std::string& why_not();

  /// Over a folder, whose owner and mode it takes over, and whose content is hidden. Throws std::runtime_error.
  SmallDisk(std::string folder, std::uint64_t bytes);
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk();

  /// Takes what room there is. Throws std::runtime_error.
  void fill();
  void make_room() noexcept;

 private:
  [[nodiscard]] std::string filler() const;

  std::string folder_;
};

}  // namespace orrery::real
