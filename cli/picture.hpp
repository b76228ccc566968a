#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "cli/input.hpp"
#include "cli/source.hpp"
#include "viz/run_view.hpp"

namespace orrery::cli {

/// "12.5s±500ms", "12.5s+-500ms", or "12.5s", which takes 250 ms before and after.
struct Around {
  Instant at{};
  Duration window = std::chrono::milliseconds(250);
};
[[nodiscard]] Around parse_around(std::string_view text);

/// Where a picture goes, and in which format: the name's ending says so.
class PictureFile {
 public:
  /// Throws UsageError for an ending that is not one of `endings` (".svg .png"), and for what cannot be written.
  PictureFile(const std::string& verb, const std::string& path, const std::vector<std::string>& endings,
              const std::string& option = "--out");
  /// ".svg"; of "-", which is stdout, the first ending.
  [[nodiscard]] const std::string& ending() const noexcept { return ending_; }
  /// Writes text, an SVG as PNG if the name ends so. Throws UsageError.
  void write(const std::string& text);
  [[nodiscard]] const std::string& path() const noexcept { return file_.path(); }

 private:
  OutputFile file_;
  std::string ending_;
};

/// What a verb draws of a run.
using Draw = std::function<std::string(const viz::RunView&, const Scenario&)>;

/// Runs what is named in a process of its own, recorded in full, or reads a history file, and has it drawn. `what` and what the
/// drawing refuses are told as UsageError; a process that dies leaves nothing to draw: std::runtime_error. Interrupted: nothing.
[[nodiscard]] std::optional<std::string> draw_run(const Session& session, const std::string& verb, const SourceArguments& arguments,
                                                  const std::string& extra, const Draw& draw);

/// Says which file was written.
void tell_written(const PictureFile& file);

}  // namespace orrery::cli
