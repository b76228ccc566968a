#include "real-mode/config.hpp"

#include <cstdlib>
#include <limits>
#include <set>
#include <stdexcept>
#include <utility>

namespace orrery::real {
namespace {

[[noreturn]] void refuse(const std::string& path, const std::string& why) { throw std::invalid_argument(path + ": " + why); }

std::string expand(const std::string& text, const std::string& path) {
  std::string expanded;
  for (std::size_t i = 0; i < text.size();) {
    if (text.compare(i, 3, "$${") == 0) {
      expanded += "${";
      i += 3;
    } else if (text.compare(i, 2, "${") == 0) {
      const std::size_t end = text.find('}', i);
      if (end == std::string::npos) refuse(path, "\"${\" without \"}\"");
      const std::string name = text.substr(i + 2, end - i - 2);
      const char* value = std::getenv(name.c_str());
      if (value == nullptr) refuse(path, "the environment has no " + name);
      expanded += value;
      i = end + 1;
    } else {
      expanded += text[i++];
    }
  }
  return expanded;
}

void expand_all(Json& json, const std::string& path) {
  if (json.is_string()) {
    json = expand(json.get<std::string>(), path);
  } else if (json.is_object()) {
    for (auto& [name, value] : json.items()) expand_all(value, path.empty() ? name : path + "." + name);
  } else if (json.is_array()) {
    for (std::size_t i = 0; i < json.size(); ++i) expand_all(json[i], path + "[" + std::to_string(i) + "]");
  }
}

/// An object's members, each asked for once; those that nobody asked for are refused.
class Members {
 public:
  Members(const Json& object, std::string path) : object_(object), path_(std::move(path)) {
    if (!object.is_object()) refuse(path_.empty() ? "the configuration" : path_, "expected an object");
  }
  const Json* take(const std::string& name) {
    known_.insert(name);
    const auto found = object_.find(name);
    return found == object_.end() ? nullptr : &*found;
  }
  [[nodiscard]] std::string path(const std::string& name) const { return path_.empty() ? name : path_ + "." + name; }

  std::string text(const std::string& name, std::string standard) {
    const Json* value = take(name);
    if (value == nullptr) return standard;
    if (!value->is_string()) refuse(path(name), "expected a string");
    return value->get<std::string>();
  }
  std::int64_t integer(const std::string& name, std::int64_t standard, std::int64_t low, std::int64_t high) {
    const Json* value = take(name);
    if (value == nullptr) return standard;
    if (!value->is_number_integer() || value->get<std::int64_t>() < low || value->get<std::int64_t>() > high) {
      refuse(path(name), "expected an integer in " + std::to_string(low) + ".." + std::to_string(high));
    }
    return value->get<std::int64_t>();
  }
  Duration duration(const std::string& name, Duration standard) {
    const Json* value = take(name);
    if (value == nullptr) return standard;
    const auto parsed = value->is_string() ? parse_duration(value->get<std::string>()) : std::nullopt;
    if (!parsed || *parsed < Duration::zero()) refuse(path(name), "expected a duration such as \"250ms\" or \"30s\"");
    return *parsed;
  }
  Address address(const std::string& name, Address standard) {
    const Json* value = take(name);
    return value == nullptr ? standard : address_of(*value, path(name));
  }
  static Address address_of(const Json& value, const std::string& path) {
    if (!value.is_string()) refuse(path, "expected a string");
    try {
      return Address::parse(value.get<std::string>());
    } catch (const std::invalid_argument& error) {
      refuse(path, error.what());
    }
  }
  void refuse_unknown() const {
    for (const auto& [name, value] : object_.items()) {
      if (!known_.contains(name)) refuse(path(name), "there is no such setting");
    }
  }

 private:
  const Json& object_;
  std::string path_;
  std::set<std::string, std::less<>> known_;
};

constexpr std::int64_t kAny = std::numeric_limits<std::int64_t>::max();

FaultRates::Rate rate_of(const Json& json, const std::string& path) {
  Members members(json, path);
  FaultRates::Rate rate;
  rate.per_million = static_cast<std::uint32_t>(members.integer("per_million", 0, 0, 1'000'000));
  rate.amount_low = members.integer("amount_low", 0, -kAny, kAny);
  rate.amount_high = members.integer("amount_high", rate.amount_low, rate.amount_low, kAny);
  rate.lasts_low = members.duration("lasts_low", Duration::zero());
  rate.lasts_high = members.duration("lasts_high", rate.lasts_low);
  members.refuse_unknown();
  return rate;
}

Json json_of(const FaultRates::Rate& rate) {
  return Json{{"per_million", rate.per_million},
              {"amount_low", rate.amount_low},
              {"amount_high", rate.amount_high},
              {"lasts_low", to_string(rate.lasts_low)},
              {"lasts_high", to_string(rate.lasts_high)}};
}

void read_testbed(const Json& json, NodeSettings& settings) {
  Members members(json, "testbed");
  settings.events = members.text("events", "");
  settings.incarnation = static_cast<int>(members.integer("incarnation", 1, 1, 1'000'000));
  if (const Json* controlled = members.take("controlled")) settings.controlled = *controlled == true;
  settings.rates_until = Instant(Duration(members.integer("rates_until_ns", 0, 0, kAny)));
  if (const Json* faults = members.take("faults")) {
    if (!faults->is_array()) refuse(members.path("faults"), "expected an array");
    for (std::size_t i = 0; i < faults->size(); ++i) {
      settings.faults.push_back(fault_of((*faults)[i], members.path("faults") + "[" + std::to_string(i) + "]"));
    }
  }
  if (const Json* rates = members.take("rates")) {
    Members of(*rates, members.path("rates"));
    const auto read = [&](const std::string& name, FaultRates::Rate& rate) {
      if (const Json* one = of.take(name)) rate = rate_of(*one, of.path(name));
    };
    for (int i = 0; i < static_cast<int>(FaultKind::count_); ++i) {
      const auto kind = static_cast<FaultKind>(i);
      read(std::string(to_string(kind)), settings.rates[kind]);
    }
    read("crash_at_place", settings.rates.crash_at_place);
    read("pause_at_place", settings.rates.pause_at_place);
    of.refuse_unknown();
  }
  if (const Json* reached = members.take("reached")) {
    Members of(*reached, members.path("reached"));
    for (const auto& [place, value] : reached->items()) {
      settings.reached[place] = static_cast<std::uint64_t>(of.integer(place, 0, 0, kAny));
    }
  }
  settings.pool.tells_session = true;
  members.refuse_unknown();
}

}  // namespace

Fault fault_of(const Json& json, const std::string& path) {
  Members members(json, path);
  Fault fault;
  const std::string kind = members.text("kind", "");
  const auto known = fault_kind(kind);
  if (!known) refuse(members.path("kind"), "unknown fault \"" + kind + "\"");
  fault.kind = *known;
  fault.target = members.text("target", "");
  fault.place = members.text("place", "");
  fault.ordinal = static_cast<std::uint64_t>(members.integer("occasion", 0, 0, kAny));
  fault.at = members.duration("at", Duration(-1));
  fault.lasts = members.duration("lasts", Duration::zero());
  fault.amount = members.integer("amount", 0, -kAny, kAny);
  members.refuse_unknown();
  return fault;
}

Json fault_json(const Fault& fault) {
  Json json{{"kind", to_string(fault.kind)}, {"target", fault.target}, {"occasion", fault.ordinal}};
  if (fault.at >= Duration::zero()) json["at"] = to_string(fault.at);
  if (!fault.place.empty()) json["place"] = fault.place;
  if (fault.lasts > Duration::zero()) json["lasts"] = to_string(fault.lasts);
  if (fault.amount != 0) json["amount"] = fault.amount;
  return json;
}

NodeSettings read_config(std::string_view text, const std::string& service) {
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) throw std::invalid_argument("the configuration is not JSON");
  expand_all(json, "");
  Members members(json, "");
  NodeSettings settings;
  settings.service = service;
  settings.host = members.text("host", service);
  settings.listen = members.address("listen", Address{"127.0.0.1", 8080});
  if (const Json* peers = members.take("peers")) {
    Members of(*peers, "peers");
    for (const auto& [name, addresses] : peers->items()) {
      if (!addresses.is_array() || addresses.empty()) refuse(of.path(name), "expected an array of addresses");
      for (std::size_t i = 0; i < addresses.size(); ++i) {
        settings.peers[name].push_back(
            Members::address_of(addresses[i], of.path(name) + "[" + std::to_string(i) + "]"));
      }
    }
  }
  if (const Json* databases = members.take("databases")) {
    Members of(*databases, "databases");
    for (const auto& [name, value] : databases->items()) settings.databases[name] = of.text(name, "");
  }
  settings.broker = members.text("broker", "");
  if (const Json* files = members.take("files")) {
    Members of(*files, "files");
    for (const auto& [name, value] : files->items()) {
      settings.files[name] = of.text(name, "");
      if (settings.files[name].empty()) refuse(of.path(name), "expected a directory");
    }
  }
  if (!members.text("traces", "").empty()) settings.traces = members.address("traces", Address{});
  if (const Json* cache = members.take("cache")) settings.cache = Members::address_of(*cache, "cache").text();
  if (const Json* pool = members.take("pool")) {
    Members of(*pool, "pool");
    settings.pool.least = static_cast<std::size_t>(of.integer("least", 5, 0, 1000));
    settings.pool.most = static_cast<std::size_t>(of.integer("most", 20, 1, 1000));
    settings.pool.idle_time = of.duration("idle", 60s);
    if (settings.pool.least > settings.pool.most) refuse("pool.least", "must not be more than pool.most");
    of.refuse_unknown();
  }
  const std::string level = members.text("log", "info");
  static constexpr const char* kLevels[] = {"debug", "info", "warning", "error"};
  int known = -1;
  for (int i = 0; i < 4; ++i) known = level == kLevels[i] ? i : known;
  if (known < 0) refuse("log", "expected \"debug\", \"info\", \"warning\" or \"error\"");
  settings.log = static_cast<Level>(known);
  settings.drain_within = members.duration("drain", 10s);
  if (const Json* own = members.take("settings")) {
    if (!own->is_object()) refuse("settings", "expected an object");
    settings.config = *own;
  }
  if (const Json* testbed = members.take("testbed")) read_testbed(*testbed, settings);
  members.refuse_unknown();
  return settings;
}

Json testbed_json(const NodeSettings& settings) {
  Json faults = Json::array();
  for (const Fault& fault : settings.faults) faults.push_back(fault_json(fault));
  Json rates = Json::object();
  for (int i = 0; i < static_cast<int>(FaultKind::count_); ++i) {
    const auto kind = static_cast<FaultKind>(i);
    if (settings.rates[kind].per_million > 0) rates[std::string(to_string(kind))] = json_of(settings.rates[kind]);
  }
  if (settings.rates.crash_at_place.per_million > 0) rates["crash_at_place"] = json_of(settings.rates.crash_at_place);
  if (settings.rates.pause_at_place.per_million > 0) rates["pause_at_place"] = json_of(settings.rates.pause_at_place);
  Json json{{"events", settings.events},
            {"incarnation", settings.incarnation},
            {"controlled", settings.controlled},
            {"rates_until_ns", settings.rates_until.time_since_epoch().count()},
            {"faults", std::move(faults)},
            {"rates", std::move(rates)}};
  if (!settings.reached.empty()) json["reached"] = settings.reached;
  return json;
}

}  // namespace orrery::real
