#include "scenarios/campaign_retell.hpp"

#include <stdexcept>
#include <utility>

#include "properties/story.hpp"
#include "scenarios/campaign_watchdog.hpp"
#include "scenarios/verify_trace.hpp"

namespace orrery {
namespace {

std::string encode(const RunResult& result, const RetellOptions& options) {
  WireWriter writer;
  SeedRecord record = summarize(result);
  record.seed = options.request.seed;
  writer.record(record);
  std::uint64_t violated = 0;
  for (const JudgedProperty& judged : result.judged) violated += judged.verdict.violations.empty() ? 0 : 1;
  writer.number(violated);
  for (const JudgedProperty& judged : result.judged) {
    if (judged.verdict.violations.empty()) continue;
    const Violation& violation = judged.verdict.violations.front();
    writer.text(judged.property->name);
    writer.text(judged.property->claim);
    writer.text(violation.what);
    writer.number(static_cast<std::uint64_t>(judged.verdict.violated));
    writer.text(story(violation, result.history));
  }
  for (const auto* faults : {&result.plan.faults, &result.unused}) {
    writer.number(faults->size());
    for (const Fault& fault : *faults) writer.text(to_string(fault));
  }
  writer.number(result.plan.operations.size());
  writer.text(options.note ? options.note(result) : std::string());
  writer.text(options.trace ? trace_lines(result.history) : std::string());
  return writer.take();
}

Retelling decode(std::string_view bytes) {
  WireReader reader;
  reader.feed(bytes);
  Retelling retelling;
  retelling.record = reader.record();
  for (std::uint64_t left = reader.number(); reader.good() && left > 0; --left) {
    Retelling::Chapter& chapter = retelling.chapters.emplace_back();
    chapter.property = reader.text();
    chapter.claim = reader.text();
    chapter.what = reader.text();
    chapter.violated = static_cast<std::int64_t>(reader.number());
    chapter.story = reader.text();
  }
  for (auto* faults : {&retelling.struck, &retelling.unused}) {
    for (std::uint64_t left = reader.number(); reader.good() && left > 0; --left) faults->push_back(reader.text());
  }
  retelling.operations = reader.number();
  retelling.note = reader.text();
  retelling.trace = reader.text();
  retelling.ended = reader.good();
  return retelling;
}

}  // namespace

Finding death_of(std::uint64_t seed, bool stuck, std::string why, std::string output) {
  Finding finding;
  finding.kind = stuck ? Finding::Kind::stuck : Finding::Kind::died;
  finding.seed = seed;
  finding.property = stuck ? kEveryRunEnds : kNoProcessDies;
  finding.what = std::move(why);
  finding.output = std::move(output);
  std::string line = telling_line(finding.output);
  if (line.empty() || stuck) line = finding.what;
  // Numbers are times, addresses and process ids: not part of the shape.
  finding.signature = finding.property + ": ";
  bool digits = false;
  for (const char c : line) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit || !digits) finding.signature.push_back(digit ? '#' : c);
    digits = digit;
  }
  return finding;
}

Retelling retell(const RunFunction& run, const RetellOptions& options) {
  RunRequest request = options.request;
  request.full = true;
  ChildAnswer answer = in_child(request.seed, options.limits, [&] { return encode(run(request), options); });
  if (answer.refused) throw std::invalid_argument(answer.why);
  Retelling retelling;
  if (answer.good) {
    retelling = decode(answer.text);
  } else {
    retelling.interrupted = answer.interrupted;
    retelling.death = death_of(request.seed, answer.stuck, std::move(answer.why), std::move(answer.output));
  }
  return retelling;
}

}  // namespace orrery
