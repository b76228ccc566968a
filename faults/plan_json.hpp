#pragma once

#include <string>
#include <vector>

#include "faults/json_fields.hpp"
#include "runtime/controls.hpp"
#include "runtime/json.hpp"

namespace orrery {

/// A fault as a plan file holds it:
///
///   {"kind": "crash", "target": "user-1", "at": "12.5s", "lasts": "2s"}
///   {"kind": "crash", "target": "user-1", "place": "user-1/outbox-relay after publish", "occasion": 3, "lasts": "2s"}
///   {"kind": "delay", "target": "user-1>broker", "occasion": 17, "by": "250ms"}
///   {"kind": "clock_drift", "target": "user-1", "at": "3s", "lasts": "20s", "ppm": -400}
///   {"kind": "connection_limit", "target": "user_db", "at": "3s", "lasts": "20s", "connections": 2}
[[nodiscard]] Json to_json(const Fault& fault);
[[nodiscard]] Json to_json(const std::vector<Fault>& faults);

/// Reads what to_json writes. Throws MalformedPlan: "faults[3].kind: unknown fault "crsh"; known: crash, …".
[[nodiscard]] Fault fault_from_json(const Json& json, const std::string& path);
/// Of an array.
[[nodiscard]] std::vector<Fault> faults_from_json(const Json& json, const std::string& path);

}  // namespace orrery
