#include "scenarios/plan_file.hpp"

#include <charconv>
#include <utility>

#include "faults/plan_json.hpp"
#include "sim/decide.hpp"

namespace orrery {
namespace {

constexpr std::int64_t kFormat = 1;

std::string hex(std::uint64_t word) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text(16, '0');
  for (int i = 0; i < 16; ++i) text[static_cast<std::size_t>(i)] = kHex[word >> (60 - 4 * i) & 15];
  return text;
}

std::uint64_t read_hex(const JsonFields& fields, std::string_view name) {
  const std::string text = fields.text(name);
  std::uint64_t word = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), word, 16);
  if (error != std::errc{} || end != text.data() + text.size() || text.size() != 16) {
    fields.fail(name, "expected 16 hexadecimal digits");
  }
  return word;
}

/// Of everything but the checksum itself, however it is laid out.
std::string checksum_of(Json document) {
  document.erase("checksum");
  return hex(sim::entity_of(document.dump()));
}

/// An element a line.
void print_array(std::string& text, const Json& array) {
  text += '[';
  const char* before = "\n    ";
  for (const Json& element : array) {
    text += before + element.dump();
    before = ",\n    ";
  }
  text += array.empty() ? "]" : "\n  ]";
}

}  // namespace

Json to_json(const Operation& operation) {
  return Json{{"at", to_string(operation.at)},
              {"client", operation.client},
              {"id", operation.id},
              {"name", operation.name},
              {"arguments", operation.arguments}};
}

Operation operation_from_json(const Json& json, const std::string& path) {
  const JsonFields fields(json, path, {"at", "client", "id", "name", "arguments"});
  Operation operation;
  operation.at = fields.duration("at");
  if (operation.at < Duration::zero()) fields.fail("at", "is before the run begins");
  operation.client = fields.text("client");
  operation.id = fields.text("id");
  if (operation.id.empty()) fields.fail("id", "is empty");
  operation.name = fields.text("name");
  if (fields.has("arguments")) operation.arguments = json["arguments"];
  if (!operation.arguments.is_object()) fields.fail("arguments", "expected an object");
  return operation;
}

RunRequest PlanFile::request() const {
  RunRequest request;
  request.seed = seed;
  request.profile = profile;
  request.defect = defect;
  request.plan = plan;
  return request;
}

Scenario PlanFile::scenario_of(const Scenario& scenario) const {
  Scenario copy = scenario;
  copy.runs_for = runs_for.value_or(copy.runs_for);
  copy.settles_within = settles_within.value_or(copy.settles_within);
  return copy;
}

std::string build_identity() { return "orrery " ORRERY_VERSION; }

std::string write_plan(const Scenario& scenario, const RunResult& result) {
  const JudgedProperty* violated = result.violated();
  Json document{{"orrery_plan", kFormat},
                {"scenario", scenario.name},
                {"seed", result.seed},
                {"profile", result.profile},
                {"defect", result.defect},
                {"build", build_identity()},
                {"property", violated == nullptr ? "" : violated->property->name},
                {"signature", violated == nullptr ? "" : violated->verdict.violations.front().signature},
                {"hash", hex(result.hash)},
                {"runs_for", to_string(scenario.runs_for)},
                {"settles_within", to_string(scenario.settles_within)},
                {"operations", Json::array()},
                {"faults", to_json(result.plan.faults)}};
  for (const Operation& operation : result.plan.operations) document["operations"].push_back(to_json(operation));
  document["checksum"] = checksum_of(document);

  std::string text = "{\n";
  for (const char* name : {"orrery_plan", "scenario", "seed", "profile", "defect", "build", "property", "signature",
                           "hash", "runs_for", "settles_within", "operations", "faults", "checksum"}) {
    if (text.size() > 2) text += ",\n";
    text += "  \"" + std::string(name) + "\": ";
    const Json& value = document[name];
    if (value.is_array()) {
      print_array(text, value);
    } else {
      text += value.dump();
    }
  }
  return text + "\n}\n";
}

PlanFile read_plan(std::string_view text) {
  const Json document = parse_json(text);
  if (!document.is_object() || !document.contains("orrery_plan")) {
    throw MalformedPlan("", "this is no plan file: it has no member \"orrery_plan\"");
  }
  // The format first: a later one may have other members.
  if (document["orrery_plan"] != kFormat) {
    throw MalformedPlan("orrery_plan", "format " + document["orrery_plan"].dump() + " is not known to this build, which reads " +
                                           std::to_string(kFormat));
  }
  const JsonFields fields(document, "", {"orrery_plan", "scenario", "seed", "profile", "defect", "build", "property",
                                         "signature", "hash", "operations", "faults", "checksum", "runs_for",
                                         "settles_within", "why"});
  PlanFile file;
  file.scenario = fields.text("scenario");
  file.seed = fields.natural("seed");
  file.profile = fields.text("profile", "");
  file.defect = fields.text("defect", "");
  file.build = fields.text("build", "");
  file.property = fields.text("property", "");
  file.signature = fields.text("signature", "");
  const auto duration = [&](std::string_view name, std::optional<Duration>& into) {
    if (!fields.has(name)) return;
    into = fields.duration(name);
    if (*into <= Duration::zero()) fields.fail(name, "is not positive");
  };
  duration("runs_for", file.runs_for);
  duration("settles_within", file.settles_within);
  file.why = fields.text("why", "");
  const Json& operations = fields.array("operations");
  for (std::size_t i = 0; i < operations.size(); ++i) {
    file.plan.operations.push_back(operation_from_json(operations[i], element_path("operations", i)));
  }
  file.plan.faults = faults_from_json(fields.array("faults"), "faults");
  // Whoever writes a plan by hand has no hash and no checksum.
  file.edited = !fields.has("checksum") || fields.text("checksum") != checksum_of(document);
  if (!file.edited) file.hash = read_hex(fields, "hash");
  return file;
}

Replay replay(const Catalog& catalog, const PlanFile& file, bool full, Instant until) {
  Replay replayed;
  const Scenario* scenario = catalog.find(file.scenario);
  try {
    if (scenario == nullptr) throw std::invalid_argument("scenario: there is no scenario \"" + file.scenario + "\"");
    RunRequest request = file.request();
    request.full = full;
    request.until = until;
    replayed.result = run(file.scenario_of(*scenario), request);
  } catch (const std::invalid_argument& misfit) {
    if (file.edited) throw;
    replayed.stale = misfit.what();
    return replayed;
  }
  if (until == Instant::max()) replayed.stale = staleness(file, replayed.result);
  return replayed;
}

std::string staleness(const PlanFile& file, const RunResult& result) {
  if (file.edited || file.hash == result.hash) return {};
  std::string what = "the trace hash is " + hex(result.hash) + ", the file says " + hex(file.hash);
  if (file.build != build_identity()) what += " (written by " + file.build + ", this is " + build_identity() + ")";
  if (!result.unused.empty()) {
    what += "; " + std::to_string(result.unused.size()) + " of its faults found no place, first: " +
            to_string(result.unused.front());
  }
  const JudgedProperty* violated = result.violated();
  const std::string now = violated == nullptr ? "" : violated->property->name;
  if (now != file.property) {
    const auto say = [](const std::string& property) { return property.empty() ? std::string("held") : "violated \"" + property + "\""; };
    what += "; it " + say(now) + ", before it " + say(file.property);
  }
  return what;
}

}  // namespace orrery
