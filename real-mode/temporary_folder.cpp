#include "real-mode/temporary_folder.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>

namespace orrery::real {

namespace fs = std::filesystem;

std::string make_temporary_folder(std::string_view name) {
  std::string pattern = (fs::temp_directory_path() / (std::string(name) + "-XXXXXX")).string();
  if (::mkdtemp(pattern.data()) == nullptr) {
    throw std::runtime_error("cannot make a folder like " + pattern + ": " + std::strerror(errno));
  }
  return pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;  // what is left lies in the place for temporary files
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

}  // namespace orrery::real
