#include <memory>
#include <string>

#include <fmt/format.h>

#include "cli/input.hpp"
#include "cli/picture.hpp"
#include "cli/verbs.hpp"
#include "viz/state_graph.hpp"

namespace orrery::cli {
namespace {

struct Arguments {
  SourceArguments source;
  std::string out;
  std::string saga;
};

int draw(const Session& session, const Arguments& arguments) {
  PictureFile file("graph", arguments.out, {".svg", ".png", ".dot"});
  viz::GraphOptions options;
  options.id = arguments.saga;
  const bool dot = file.ending() == ".dot";
  const auto picture = draw_run(session, "graph", arguments.source, arguments.saga.empty() ? "" : " --saga " + arguments.saga,
                                [&](const viz::RunView& run, const Scenario&) {
                                  return dot ? viz::graph_dot(run, options) : viz::graph_svg(run, options);
                                });
  if (!picture) return kInterrupted + Interrupts::caught();
  file.write(*picture);
  tell_written(file);
  return kHeld;
}

}  // namespace

Action add_graph(CLI::App& app, const Session& session) {
  auto arguments = std::make_shared<Arguments>();
  arguments->source.add_to(app, "A scenario (with --seed), a plan file that run wrote, or a history file that real wrote", "SCENARIO|FILE");
  app.add_option("--out", arguments->out, "Where it goes: .svg, .png or .dot; - is stdout, as SVG")->required()->type_name("FILE");
  app.add_option("--saga", arguments->saga,
                 "Which saga, or which event of user-notification: the beginning of its id; without it the one that the violation is about")
      ->type_name("ID");
  return [arguments, &session] { return draw(session, *arguments); };
}

}  // namespace orrery::cli
