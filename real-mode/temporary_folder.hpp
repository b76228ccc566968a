#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace orrery::real {

/// A fresh folder in the system's place for temporary files, for this user alone. Throws std::runtime_error.
[[nodiscard]] std::string make_temporary_folder(std::string_view name);

/// One that goes with its owner, with what is in it.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(std::string_view name) : path_(make_temporary_folder(name)) {}
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryFolder& operator=(TemporaryFolder&& other) noexcept {
    std::swap(path_, other.path_);
    return *this;
  }
  ~TemporaryFolder();
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

}  // namespace orrery::real
