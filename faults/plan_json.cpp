#include "faults/plan_json.hpp"

#include "faults/catalogue.hpp"

namespace orrery {

Json to_json(const Fault& fault) {
  Json json{{"kind", to_string(fault.kind)}, {"target", fault.target}};
  if (fault.ordinal == 0) {
    json["at"] = to_string(fault.at);
  } else {
    json["occasion"] = fault.ordinal;
    if (!fault.place.empty()) json["place"] = fault.place;
  }
  if (is_episode(fault.kind)) json["lasts"] = to_string(fault.lasts);
  switch (describe(fault.kind).amount_counts) {
    case Amount::none:
      break;
    case Amount::microseconds:
      json["by"] = to_string(Duration(std::chrono::microseconds(fault.amount)));
      break;
    case Amount::ppm:
      json["ppm"] = fault.amount;
      break;
    case Amount::connections:
      json["connections"] = fault.amount;
      break;
  }
  return json;
}

Json to_json(const std::vector<Fault>& faults) {
  Json json = Json::array();
  for (const Fault& fault : faults) json.push_back(to_json(fault));
  return json;
}

namespace {

void read_address(Fault& fault, const JsonFields& fields) {
  const bool by_time = fields.has("at");
  if (by_time == fields.has("occasion")) {
    fields.fail(by_time ? "at" : "occasion",
                is_episode(fault.kind) ? "a fault has either \"at\" or \"place\" with \"occasion\""
                                       : "is missing: this kind of fault strikes at an occasion");
  }
  if (by_time) {
    if (!is_episode(fault.kind)) fields.fail("at", "this kind of fault strikes at an \"occasion\", not at a time");
    if (fields.has("place")) fields.fail("place", "a fault has either \"at\" or \"place\" with \"occasion\"");
    fault.at = fields.duration("at");
    if (fault.at < Duration::zero()) fields.fail("at", "is before the run begins");
    return;
  }
  fault.ordinal = fields.natural("occasion");
  if (fault.ordinal == 0) fields.fail("occasion", "occasions are counted from 1");
  if (is_episode(fault.kind)) {
    fault.place = fields.text("place");
    if (fault.place.empty()) fields.fail("place", "is empty");
  } else if (fields.has("place")) {
    fields.fail("place", "this kind of fault strikes at an occasion of its target, not at a place");
  }
}

void read_amount(Fault& fault, const JsonFields& fields) {
  const Amount counts = describe(fault.kind).amount_counts;
  if (fields.has("by") && counts != Amount::microseconds) fields.fail("by", "this kind of fault has none");
  if (fields.has("ppm") && counts != Amount::ppm) fields.fail("ppm", "this kind of fault has none");
  if (fields.has("connections") && counts != Amount::connections) fields.fail("connections", "this kind of fault has none");
  if (counts == Amount::connections) {
    fault.amount = fields.integer("connections");
    if (fault.amount < 0) fields.fail("connections", "is negative");
  }
  if (counts == Amount::microseconds) {
    const Duration by = fields.duration("by");
    if (by % 1us != Duration::zero()) fields.fail("by", "is finer than a microsecond");
    if (by < Duration::zero() && fault.kind != FaultKind::clock_jump) fields.fail("by", "is negative");
    fault.amount = by / 1us;
  }
  if (counts == Amount::ppm) {
    fault.amount = fields.integer("ppm");
    if (fault.amount <= -1'000'000 || fault.amount > 1'000'000'000) fields.fail("ppm", "no clock runs like that");
  }
}

}  // namespace

Fault fault_from_json(const Json& json, const std::string& path) {
  const JsonFields fields(json, path, {"kind", "target", "at", "place", "occasion", "lasts", "by", "ppm", "connections"});
  const std::string name = fields.text("kind");
  const std::optional<FaultKind> kind = fault_kind(name);
  if (!kind) fields.fail("kind", "unknown fault \"" + name + "\"; known: " + known_fault_kinds());

  Fault fault;
  fault.kind = *kind;
  fault.target = fields.text("target");
  if (fault.target.empty()) fields.fail("target", "is empty");
  read_address(fault, fields);
  if (is_episode(fault.kind)) {
    fault.lasts = fields.duration("lasts");
    if (fault.lasts < Duration::zero()) fields.fail("lasts", "is negative");
  } else if (fields.has("lasts")) {
    fields.fail("lasts", "this kind of fault strikes once and does not last");
  }
  read_amount(fault, fields);
  return fault;
}

std::vector<Fault> faults_from_json(const Json& json, const std::string& path) {
  if (!json.is_array()) throw MalformedPlan(path, std::string("expected an array, found ") + json.type_name());
  std::vector<Fault> faults;
  for (std::size_t i = 0; i < json.size(); ++i) faults.push_back(fault_from_json(json[i], element_path(path, i)));
  return faults;
}

}  // namespace orrery
