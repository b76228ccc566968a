#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/failure.hpp"
#include "runtime/task.hpp"

namespace orrery {

/// A file that could not be written, read or removed. `did_not_happen`: the disk is full, the store cannot be reached, or the
/// path is none. `may_have_happened`: the answer did not come.
class FilesFailed : public Failure {
 public:
  using Failure::Failure;
};

/// A named store of whole files, shared by every host that names it: an object store or a directory. Paths are those of
/// `is_file_path`; others are refused (did not happen). As in a directory, a path cannot be both a file and the beginning of
/// another file's path: "a/b" is refused while there is a file "a", and the other way round.
class Files {
 public:
  /// Replaces the file as a whole and durably: after a crash readers see the old bytes or the new, never a part.
  virtual Task<void> write(std::string path, std::string bytes) = 0;
  /// nullopt: there is none.
  virtual Task<std::optional<std::string>> read(std::string path) = 0;
  /// Durably. False: there was none.
  virtual Task<bool> remove(std::string path) = 0;
  /// The paths that begin with `prefix` (any text; empty: all), in the order of their bytes.
  virtual Task<std::vector<std::string>> list(std::string prefix) = 0;

 protected:
  ~Files() = default;
};

/// Relative, '/' between segments of [A-Za-z0-9._-], none of them empty, "." or "..", none longer than 200 bytes, 1024 in all.
[[nodiscard]] bool is_file_path(std::string_view path) noexcept;

/// Throws FilesFailed unless `is_file_path`.
void require_file_path(std::string_view path);

/// Names a file's bytes in a history: 64-bit FNV-1a (Fowler, Noll, Vo) as 16 hexadecimal digits. Not for adversaries.
[[nodiscard]] std::string content_hash(std::string_view bytes);

}  // namespace orrery
