#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "scenarios/scenario.hpp"

namespace orrery {

/// What a campaign keeps of one run.
struct SeedRecord {
  struct Judged {
    std::string property;
    Mode mode = Mode::always;
    bool holds = true;
    std::int64_t violated = 0;
    std::int64_t examined = 0;
    std::string signature;  // of the first violation
    std::string what;
  };
  std::uint64_t seed = 0;
  std::uint64_t hash = 0;
  std::uint64_t events = 0;
  std::uint64_t messages = 0;
  Duration simulated{0};
  std::vector<Judged> judged;
  std::string stuck;
  std::map<std::string, std::int64_t> faults;
  std::map<std::string, std::int64_t> sometimes;
};
[[nodiscard]] SeedRecord summarize(const RunResult& result);

/// Writes values into a buffer for the other end of a pipe on the same machine.
class WireWriter {
 public:
  void number(std::uint64_t value);
  void text(std::string_view value);
  /// A text that comes again and again: only its first time is it sent in full.
  void name(const std::string& value);
  void record(const SeedRecord& record);
  [[nodiscard]] std::string take() noexcept { return std::exchange(buffer_, {}); }

 private:
  std::string buffer_;
  std::map<std::string, std::uint64_t> names_;
};

/// Reads what a WireWriter wrote. Reading past the end gives zeros and empty texts, and makes it not `good()`.
class WireReader {
 public:
  void feed(std::string_view bytes) { buffer_.append(bytes); }
  [[nodiscard]] std::uint64_t number();
  [[nodiscard]] std::string text();
  [[nodiscard]] const std::string& name();
  [[nodiscard]] SeedRecord record();
  [[nodiscard]] bool good() const noexcept { return good_; }
  [[nodiscard]] bool at_end() const noexcept { return position_ == buffer_.size(); }

  /// The next frame (see `frame`) as the contents of this reader's buffer ahead; false: it has not arrived yet.
  [[nodiscard]] bool next_frame();

 private:
  std::string buffer_;
  std::size_t position_ = 0;
  std::vector<std::string> names_;
  bool good_ = true;
};

/// The bytes with their length in front.
[[nodiscard]] std::string frame(std::string_view bytes);

}  // namespace orrery
