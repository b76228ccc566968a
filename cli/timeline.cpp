#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "cli/input.hpp"
#include "cli/picture.hpp"
#include "cli/verbs.hpp"
#include "viz/state_graph.hpp"
#include "viz/timeline.hpp"

namespace orrery::cli {
namespace {

struct Arguments {
  SourceArguments source;
  std::string out;
  std::string order = "time";
  std::string around;
  std::string trace;
  std::string saga;
  std::vector<std::string> hosts;
  bool unfold = false;
};

constexpr std::size_t kShortestId = 4;

/// The options that chose what is drawn, as they were written.
std::string written(const Arguments& arguments) {
  std::string text;
  if (arguments.unfold) text += " --unfold";
  if (arguments.order != "time") text += " --order " + arguments.order;
  if (!arguments.around.empty()) text += " --around " + arguments.around;
  if (!arguments.trace.empty()) text += " --trace " + arguments.trace;
  if (!arguments.saga.empty()) text += " --saga " + arguments.saga;
  if (!arguments.hosts.empty()) text += fmt::format(" --hosts {}", fmt::join(arguments.hosts, ","));
  return text;
}

viz::TimelineOptions options_of(const Arguments& arguments) {
  viz::TimelineOptions options;
  options.unfold = arguments.unfold;
  if (arguments.order != "time" && arguments.order != "causal") {
    throw UsageError(unknown("--order", arguments.order, {"time", "causal"}));
  }
  options.causal = arguments.order == "causal";
  if (!arguments.around.empty()) {
    const Around around = parse_around(arguments.around);
    options.around = around.at;
    options.window = around.window;
  }
  if (!arguments.trace.empty() && arguments.trace.size() < kShortestId) {
    throw UsageError(fmt::format("--trace \"{}\": write at least the first {} characters of an id", arguments.trace, kShortestId));
  }
  options.trace = arguments.trace;
  options.hosts = arguments.hosts;
  return options;
}

int draw(const Session& session, const Arguments& arguments) {
  const viz::TimelineOptions options = options_of(arguments);
  PictureFile file("timeline", arguments.out, {".svg", ".png"});
  const auto picture = draw_run(session, "timeline", arguments.source, written(arguments),
                                [&](const viz::RunView& run, const Scenario&) {
                                  viz::TimelineOptions narrowed = options;
                                  if (!arguments.saga.empty()) narrowed.only = viz::events_of_journey(run, arguments.saga);
                                  return viz::timeline_svg(run, narrowed);
                                });
  if (!picture) return kInterrupted + Interrupts::caught();
  file.write(*picture);
  tell_written(file);
  return kHeld;
}

}  // namespace

Action add_timeline(CLI::App& app, const Session& session) {
  auto arguments = std::make_shared<Arguments>();
  arguments->source.add_to(app, "A scenario (with --seed), a plan file that run wrote, or a history file that real wrote", "SCENARIO|FILE");
  app.add_option("--out", arguments->out, "Where it goes: .svg or .png; - is stdout, as SVG")->required()->type_name("FILE");
  app.add_flag("--unfold", arguments->unfold, "Shows every event and message, not only what matters around the violation");
  app.add_option("--order", arguments->order, "What goes down the page: time (virtual time), causal (what happened before what)")
      ->type_name("ORDER");
  app.add_option("--around", arguments->around, "Only what happened around this time: 12.5s±500ms, or 12.5s+-500ms")->type_name("TIME±TIME");
  app.add_option("--trace", arguments->trace, "Only what has to do with this id of a request, message, row or trace; its beginning will do")
      ->type_name("ID");
  app.add_option("--saga", arguments->saga, "Only the steps of this saga, or of this event of user-notification: the beginning of its id")
      ->type_name("ID");
  app.add_option("--hosts", arguments->hosts, "Only these hosts: user-1,user_db")->delimiter(',')->allow_extra_args(false)->type_name("A,B");
  return [arguments, &session] { return draw(session, *arguments); };
}

}  // namespace orrery::cli
