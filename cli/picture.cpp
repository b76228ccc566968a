#include "cli/picture.hpp"

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "cli/screen.hpp"
#include "scenarios/campaign_retell.hpp"
#include "scenarios/history_file.hpp"
#include "scenarios/stage.hpp"
#include "viz/png.hpp"

namespace orrery::cli {
namespace {

/// The plan file's staleness comes before the picture, on a line of its own.
std::pair<std::string, std::string> first_line_and_rest(const std::string& text) {
  const std::size_t end = text.find('\n');
  return {text.substr(0, end), text.substr(end + 1)};
}

/// A picture of a history file; nothing if the arguments name something else.
std::optional<std::string> draw_history(const Session& session, const std::string& verb, const SourceArguments& arguments,
                                        const std::string& extra, const Draw& draw) {
  std::error_code error;
  if (!arguments.seed.empty() || session.catalog.find(arguments.what) != nullptr ||
      !std::filesystem::is_regular_file(arguments.what, error)) {
    return std::nullopt;
  }
  const std::string text = read_file(arguments.what);
  if (!is_history(text)) return std::nullopt;
  if (!arguments.faults.empty() || !arguments.defect.empty()) {
    throw UsageError(verb + ": a history says what happened; --faults and --defect go with --seed");
  }
  HistoryFile file;
  try {
    file = read_history(text);
  } catch (const std::invalid_argument& malformed) {
    throw UsageError(fmt::format("\"{}\": {}", arguments.what, malformed.what()));
  }
  const Scenario& scenario = find_scenario(session.catalog, file.scenario);
  const std::vector<JudgedProperty> judged = judge(properties_of(scenario), file.history);
  const std::string name = fmt::format("{}, {}, seed {}, faults {}, {}", scenario.name, arguments.what, file.seed, file.profile,
                                       file.defect.empty() ? "no defect" : "defect " + file.defect);
  const viz::RunView view{name, fmt::format("{} {} {}{}", session.program, verb, arguments.what, extra), file.history, judged, {}};
  return draw(view, scenario);
}

}  // namespace

Around parse_around(std::string_view text) {
  Around around;
  std::string_view at = text;
  for (const std::string_view sign : {std::string_view("±"), std::string_view("+-")}) {
    const std::size_t found = text.find(sign);
    if (found == std::string_view::npos) continue;
    at = text.substr(0, found);
    around.window = parse_positive_duration(text.substr(found + sign.size()), "--around: what follows ±");
  }
  const auto time = parse_duration(at);
  if (!time || *time < Duration::zero()) {
    throw UsageError(fmt::format("--around \"{}\": write TIME or TIME±TIME, such as 12.5s or 12.5s±500ms (+- does as well as ±)", text));
  }
  around.at = Instant(*time);
  return around;
}

PictureFile::PictureFile(const std::string& verb, const std::string& path, const std::vector<std::string>& endings,
                         const std::string& option)
    : file_([&] {
        const bool known = path == "-" || std::ranges::any_of(endings, [&](const std::string& ending) { return path.ends_with(ending); });
        if (!known) throw UsageError(fmt::format("{}: {} \"{}\": its name must end in {}", verb, option, path, fmt::join(endings, ", ")));
        return path;
      }(), option),
      ending_(endings.front()) {
  for (const std::string& ending : endings) {
    if (path.ends_with(ending)) ending_ = ending;
  }
}

void PictureFile::write(const std::string& text) { file_.write(ending_ == ".png" ? viz::png_of(text) : text); }

std::optional<std::string> draw_run(const Session& session, const std::string& verb, const SourceArguments& arguments,
                                    const std::string& extra, const Draw& draw) {
  if (auto picture = draw_history(session, verb, arguments, extra, draw)) return picture;
  const RunSource source = find_source(session, verb, arguments);
  RetellOptions options;
  options.request = source.request;
  options.note = [&](const RunResult& result) {
    const viz::RunView view{fmt::format("{}, {}", source.scenario->name, source.words()),
                            fmt::format("{} {} {}{}", session.program, verb, source.arguments, extra), result.history, result.judged,
                            result.stuck};
    return *source.stale + "\n" + draw(view, *source.scenario);
  };
  const Interrupts interrupts;
  Retelling retelling = retell(source.run, options);
  if (retelling.interrupted) return std::nullopt;
  if (!retelling.ended) {
    throw std::runtime_error(fmt::format("{} {}: the run left nothing to draw: {}", verb, source.arguments, retelling.death.what));
  }
  auto [stale, picture] = first_line_and_rest(retelling.note);
  if (!stale.empty() && retelling.record.events == 0) throw UsageError(fmt::format("\"{}\" is stale: {}", source.file, stale));
  if (!stale.empty()) {
    const Screen screen(stderr);
    screen.line(fmt::format("orrery: \"{}\" is stale, the picture shows what happens now: {}", source.file, stale));
  }
  return std::move(picture);
}

void tell_written(const PictureFile& file) {
  if (file.path() != "-") Screen().line(fmt::format("wrote {}", file.path()));
}

}  // namespace orrery::cli
