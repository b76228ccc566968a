#pragma once

#include <map>
#include <string>

#include "runtime/context.hpp"

namespace orrery::services {

/// Stands in for a third party that sends mail. It has no database of ours, and it is not part of the system under
/// test.
///
///   POST /messages  {job_id, event_id, channel, to, template, variables}, Idempotency-Key → 202 {id}; 400, 422
///   GET  /healthz   → 200
///
/// Each 202 is one mail that somebody gets. As many providers do, it takes the same message again as often as it is
/// sent; with the setting "deduplicates" it answers a known Idempotency-Key with the first id, as long as it has not
/// restarted. Addresses in the domain "rejected.example" do not exist for it (422). Each accepted mail is logged as
/// "mail accepted" with its job_id and event_id.
class MailProvider final : public Service {
 public:
  /// Throws SettingsError.
  explicit MailProvider(Context& context);

 private:
  Task<Response> accept(Request request);

  Context& context_;
  Duration latency_min_;
  Duration latency_max_;
  bool deduplicates_;
  std::map<std::string, std::string> accepted_;  // Idempotency-Key → id
};

}  // namespace orrery::services
