#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/files.hpp"
#include "sim/places.hpp"
#include "sim/resource.hpp"

namespace orrery::sim {

/// A simulated file store: a host, and what it keeps on disk. A file is there whole from the moment on that `file_written`
/// notes; what the store worked on when it crashed is either done or not.
class FileStore {
 public:
  FileStore(Kernel& kernel, Network& network, Places& places, std::string name);

  /// Names the store's host; once, before it starts.
  void attach(Host& host) { server_.attach(host); }
  /// Begins or ends a time in which the disk is full; these add up.
  void fill(bool full) noexcept { full_ += full ? 1 : -1; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  /// What is stored, seen from outside of the simulation: for tests and checkers.
  [[nodiscard]] const std::map<std::string, std::string, std::less<>>& stored() const noexcept { return files_; }

 private:
  friend class FileClient;
  /// Why a file cannot be written; empty: it can, and was.
  [[nodiscard]] std::string write(const std::string& path, std::string bytes);
  [[nodiscard]] bool remove(const std::string& path);
  [[nodiscard]] std::vector<std::string> list(std::string_view prefix) const;
  /// A file's path that stands in the way of `path`; empty: none does.
  [[nodiscard]] std::string in_the_way(const std::string& path) const;

  Kernel& kernel_;
  Places& places_;
  const std::string name_;
  ResourceServer server_;
  int full_ = 0;
  std::map<std::string, std::string, std::less<>> files_;
};

/// A host's end of a file store.
class FileClient final : public Files {
 public:
  FileClient(Host& host, FileStore& store) : host_(host), store_(store) {}

  Task<void> write(std::string path, std::string bytes) override;
  Task<std::optional<std::string>> read(std::string path) override;
  Task<bool> remove(std::string path) override;
  Task<std::vector<std::string>> list(std::string prefix) override;

 private:
  /// Throws FilesFailed unless an answer came; `if_unheard` is the effect without one.
  Task<void> ask(std::string label, std::function<void()> work, Effect if_unheard);

  Host& host_;
  FileStore& store_;
};

}  // namespace orrery::sim
