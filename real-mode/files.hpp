#pragma once

#include <memory>
#include <string>

#include "real-mode/blocking.hpp"
#include "real-mode/places.hpp"
#include "real-mode/recorder.hpp"
#include "runtime/files.hpp"

namespace orrery::real {

/// A file store that is a directory, of this machine or one that several share. A file is written under another name and
/// synchronised before it takes its place by rename(2), and then its directory is synchronised: after a crash it is there
/// whole, as it was or as it is now. What a killed process had not renamed is removed by a later start, an hour later.
class DirectoryFiles final : public Files {
 public:
  /// Makes the directory if it is not there. Throws std::runtime_error if it cannot be made or read.
  DirectoryFiles(Loop& loop, Recorder& recorder, Mishaps& mishaps, std::string name, std::string directory);
  /// Its tasks must be gone.
  ~DirectoryFiles();

  Task<void> write(std::string path, std::string bytes) override;
  Task<std::optional<std::string>> read(std::string path) override;
  Task<bool> remove(std::string path) override;
  Task<std::vector<std::string>> list(std::string prefix) override;

 private:
  struct Outcome;
  /// Throws FilesFailed for what went wrong on the thread.
  void require(const Outcome& outcome, const std::string& what) const;

  Recorder& recorder_;
  Mishaps& mishaps_;
  const std::string name_;
  const std::string root_;
  BlockingCalls blocking_;
};

}  // namespace orrery::real
