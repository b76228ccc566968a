#include <memory>
#include <string>

#include <fmt/format.h>

#include "cli/input.hpp"
#include "cli/picture.hpp"
#include "cli/verbs.hpp"
#include "viz/report_page.hpp"

namespace orrery::cli {
namespace {

struct Arguments {
  SourceArguments source;
  std::string out;
};

int draw(const Session& session, const Arguments& arguments) {
  PictureFile file("report", arguments.out, {".html", ".htm"});
  const auto page = draw_run(session, "report", arguments.source, "", [&](const viz::RunView& run, const Scenario&) {
    std::string again = run.command;
    const std::string verb = session.program + " report ";
    if (again.starts_with(verb)) again = session.program + " replay " + again.substr(verb.size());
    return viz::report_html(run, again);
  });
  if (!page) return kInterrupted + Interrupts::caught();
  file.write(*page);
  tell_written(file);
  return kHeld;
}

}  // namespace

Action add_report(CLI::App& app, const Session& session) {
  auto arguments = std::make_shared<Arguments>();
  arguments->source.add_to(app, "A scenario (with --seed), or a plan file that run wrote", "SCENARIO|FILE");
  app.add_option("--out", arguments->out, "Where it goes: .html; - is stdout")->required()->type_name("FILE");
  return [arguments, &session] { return draw(session, *arguments); };
}

}  // namespace orrery::cli
