#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/campaign.hpp"
#include "scenarios/scenario.hpp"

namespace orrery::cli {

/// The user's mistake, in one line: what, where, and what would be right.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// "A..B" or "N".
[[nodiscard]] SeedRange parse_seeds(std::string_view text, std::string_view option = "--seeds");
[[nodiscard]] std::uint64_t parse_seed(std::string_view text);
/// A positive duration: "250ms", "30s", "5m".
[[nodiscard]] Duration parse_positive_duration(std::string_view text, std::string_view option);
/// 1 to 1024 processes.
[[nodiscard]] unsigned parse_jobs(std::string_view text);
struct Shard {
  unsigned number = 1;
  unsigned of = 1;
};
/// "K/N" with 1 ≤ K ≤ N.
[[nodiscard]] Shard parse_shard(std::string_view text);

/// The known word that is meant by a misspelt one; empty: none is near.
[[nodiscard]] std::string nearest(std::string_view word, const std::vector<std::string>& known);
/// `unknown scenario "usr": did you mean "user"?`, or with the list of the known ones.
[[nodiscard]] std::string unknown(std::string_view what, std::string_view word, const std::vector<std::string>& known);

[[nodiscard]] const Scenario& find_scenario(const Catalog& catalog, const std::string& name);
/// The named scenarios, each once; none named: all.
[[nodiscard]] std::vector<const Scenario*> find_scenarios(const Catalog& catalog,
                                                          const std::vector<std::string>& names);
void require_profile(const std::string& name);
/// Empty is right.
void require_defect_of(const Scenario& scenario, const std::string& name);

/// A file that is to be written when the work is done. It is opened, and so tried, at once; a file that is there keeps
/// its contents until then, and one that was not there is taken away again if nothing is ever written. "-" is stdout,
/// where that makes sense.
class OutputFile {
 public:
  OutputFile() = default;
  /// Throws UsageError. An empty path: nothing is wanted.
  OutputFile(std::string path, std::string_view option);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  [[nodiscard]] bool wanted() const noexcept { return !path_.empty(); }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// Throws UsageError if the file cannot take it (a full disk).
  void write(std::string_view contents);

 private:
  std::string path_;
  std::string option_;
  int fd_ = -1;
  bool created_ = false;
};

/// Makes the directory if it is not there and makes sure that it can be written. Throws UsageError.
void require_directory(const std::string& path, std::string_view option);

}  // namespace orrery::cli
