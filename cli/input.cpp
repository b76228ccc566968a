#include "cli/input.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <numeric>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "faults/profiles.hpp"

namespace orrery::cli {
namespace {

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Levenshtein's distance, with two neighbours that changed places as one step (Damerau).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> steps(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) steps[i][0] = i;
  std::iota(steps[0].begin(), steps[0].end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      steps[i][j] = std::min({steps[i - 1][j] + 1, steps[i][j - 1] + 1, steps[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        steps[i][j] = std::min(steps[i][j], steps[i - 2][j - 2] + 1);
      }
    }
  }
  return steps[a.size()][b.size()];
}

}  // namespace

SeedRange parse_seeds(std::string_view text, std::string_view option) {
  const auto wrong = [&](std::string_view why) {
    return UsageError(
        fmt::format("{} \"{}\": {}; write a range such as 1..200, or one seed such as 7", option, text, why));
  };
  if (text.empty()) throw wrong("no seeds");
  const std::size_t dots = text.find("..");
  if (dots == std::string_view::npos) {
    const auto seed = parse_number(text);
    if (!seed) throw wrong("not a number from 0 to 18446744073709551615");
    return {*seed, *seed};
  }
  const auto first = parse_number(text.substr(0, dots));
  const auto last = parse_number(text.substr(dots + 2));
  if (!first || !last) throw wrong(fmt::format("the {} seed is not a number", first ? "last" : "first"));
  if (*first > *last) throw wrong("the first seed is greater than the last");
  if (*last - *first == ~std::uint64_t{0}) throw wrong("too many seeds");
  return {*first, *last};
}

std::uint64_t parse_seed(std::string_view text) {
  const auto seed = parse_number(text);
  if (!seed) throw UsageError(fmt::format("--seed \"{}\": not a number; write one seed such as 7", text));
  return *seed;
}

Duration parse_positive_duration(std::string_view text, std::string_view option) {
  const auto duration = parse_duration(text);
  if (!duration || *duration <= Duration(0)) {
    throw UsageError(fmt::format("{} \"{}\": not a duration; write 250ms, 30s or 5m", option, text));
  }
  return *duration;
}

unsigned parse_jobs(std::string_view text) {
  const auto jobs = parse_number(text);
  if (!jobs || *jobs < 1 || *jobs > 1024) {
    throw UsageError(fmt::format("--jobs \"{}\": not a number of processes; write a number from 1 to 1024", text));
  }
  return static_cast<unsigned>(*jobs);
}

Shard parse_shard(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto number = parse_number(text.substr(0, slash));
  const auto of = slash == std::string_view::npos ? std::nullopt : parse_number(text.substr(slash + 1));
  if (!number || !of || *number < 1 || *number > *of || *of > 1'000'000) {
    throw UsageError(
        fmt::format("--shard \"{}\": not a part of the seeds; write K/N with K from 1 to N, such as 2/8", text));
  }
  return {static_cast<unsigned>(*number), static_cast<unsigned>(*of)};
}

std::string nearest(std::string_view word, const std::vector<std::string>& known) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(word.size() / 3, 1) + 1;
  for (const std::string& candidate : known) {
    // What was begun is meant, too: "user" for "user-notification".
    const bool begun = word.size() >= 3 && candidate.starts_with(word);
    const std::size_t steps = begun ? 1 : distance(word, candidate);
    if (steps < best_distance) {
      best_distance = steps;
      best = candidate;
    }
  }
  return best;
}

std::string unknown(std::string_view what, std::string_view word, const std::vector<std::string>& known) {
  std::string text = fmt::format("unknown {} \"{}\"", what, word);
  const std::string meant = nearest(word, known);
  if (!meant.empty()) return text + fmt::format(": did you mean \"{}\"?", meant);
  if (known.empty()) return text + ": there is none";
  return text + "; known: " + fmt::format("{}", fmt::join(known, ", "));
}

const Scenario& find_scenario(const Catalog& catalog, const std::string& name) {
  if (const Scenario* found = catalog.find(name)) return *found;
  std::vector<std::string> known;
  for (const Scenario& scenario : catalog.scenarios) known.push_back(scenario.name);
  throw UsageError(unknown("scenario", name, known));
}

std::vector<const Scenario*> find_scenarios(const Catalog& catalog, const std::vector<std::string>& names) {
  std::vector<const Scenario*> found;
  for (const std::string& name : names) {
    const Scenario* scenario = &find_scenario(catalog, name);
    if (std::ranges::find(found, scenario) == found.end()) found.push_back(scenario);
  }
  if (!names.empty()) return found;
  for (const Scenario& scenario : catalog.scenarios) found.push_back(&scenario);
  if (found.empty()) throw UsageError("this program has no scenarios");
  return found;
}

void require_profile(const std::string& name) {
  if (name.empty()) return;
  std::vector<std::string> known;
  for (const FaultProfile& profile : fault_profiles()) known.emplace_back(profile.name);
  if (std::ranges::find(known, name) == known.end()) throw UsageError(unknown("fault profile", name, known));
}

void require_defect_of(const Scenario& scenario, const std::string& name) {
  if (name.empty()) return;
  std::vector<std::string> known;
  for (const Defect& defect : scenario.defects) known.push_back(defect.name);
  if (std::ranges::find(known, name) == known.end()) {
    throw UsageError(unknown(fmt::format("defect of {}", scenario.name), name, known));
  }
}

OutputFile::OutputFile(std::string path, std::string_view option) : path_(std::move(path)), option_(option) {
  if (path_.empty()) return;
  if (path_ == "-") {
    fd_ = ::dup(STDOUT_FILENO);
    return;
  }
  created_ = ::access(path_.c_str(), F_OK) != 0;
  fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (fd_ < 0) {
    throw UsageError(fmt::format("{} \"{}\": cannot be written: {}", option_, path_, std::strerror(errno)));
  }
}

OutputFile::~OutputFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  if (created_) ::unlink(path_.c_str());
}

void OutputFile::write(std::string_view contents) {
  if (fd_ < 0) return;
  struct stat status{};
  if (::fstat(fd_, &status) == 0 && S_ISREG(status.st_mode) && path_ != "-" && ::ftruncate(fd_, 0) != 0) {
    throw UsageError(fmt::format("{} \"{}\": cannot be written: {}", option_, path_, std::strerror(errno)));
  }
  while (!contents.empty()) {
    const ssize_t written = ::write(fd_, contents.data(), contents.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0)
      throw UsageError(fmt::format("{} \"{}\": cannot be written: {}", option_, path_, std::strerror(errno)));
    contents.remove_prefix(static_cast<std::size_t>(written));
  }
  created_ = false;
}

void require_directory(const std::string& path, std::string_view option) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!std::filesystem::is_directory(path)) {
    throw UsageError(fmt::format("{} \"{}\": is not a directory and cannot be made: {}", option, path,
                                 error ? error.message() : "a file is in the way"));
  }
  if (::access(path.c_str(), W_OK | X_OK) != 0) {
    throw UsageError(fmt::format("{} \"{}\": cannot be written: {}", option, path, std::strerror(errno)));
  }
}

}  // namespace orrery::cli
