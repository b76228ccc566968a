#include "services/mediahub/sweeper.hpp"

#include "services/mediahub/events.hpp"
#include "services/patterns/digest.hpp"

namespace orrery::services {

SweeperSettings SweeperSettings::read(Settings settings) {
  SweeperSettings sweeper;
  sweeper.every = settings.duration("every", sweeper.every);
  sweeper.orphan_after = settings.duration("orphan_after", sweeper.orphan_after);
  settings.refuse_unknown();
  return sweeper;
}

Sweeper::Sweeper(Context& context, SweeperSettings settings)
    : context_(context), files_(context.files("media_files")), events_(context), settings_(settings) {}

void Sweeper::start() { context_.spawn("sweeper", run()); }

Task<void> Sweeper::run() {
  while (!context_.stopping()) {
    co_await context_.clock.sleep(context_.random.between(settings_.every * 3 / 4, settings_.every * 5 / 4));
    try {
      co_await sweep();
    } catch (const Failure& failure) {
      context_.telemetry.count("sweeper_errors_total");
      context_.telemetry.log(Level::warning, "sweep broken off", Json{{"error", failure.what()}});
    }
  }
}

Task<void> Sweeper::follow() {
  constexpr std::int64_t kPage = 200;
  while (true) {
    const std::vector<StoredEvent> page = co_await events_.feed(position_, kPage);
    for (const StoredEvent& event : page) {
      if (event.aggregate_type == kMedia) media_[event.aggregate_id].apply(event);
      position_ = event.position;
    }
    if (static_cast<std::int64_t>(page.size()) < kPage) co_return;
  }
}

Task<void> Sweeper::sweep() {
  const std::vector<std::string> paths = co_await files_.list("");
  co_await follow();  // after the list: what it does not know of a listed file is not there yet
  const std::map<std::string, Instant> before = std::move(orphans_);
  orphans_.clear();
  for (const std::string& path : paths) {
    const std::string id = media_of_path(path);
    if (id.empty()) continue;
    const auto known = media_.find(id);
    if (known != media_.end()) {
      const MediaState& state = known->second;
      const bool others = path.starts_with("uploads/") && path != state.file;
      if (!state.is_gone() && !others) continue;
      const bool removed = co_await files_.remove(path);
      if (removed) context_.telemetry.count("files_swept_total");
      continue;
    }
    const auto since = before.find(path);
    const Instant seen = since == before.end() ? context_.clock.now() : since->second;
    if (context_.clock.now() - seen >= settings_.orphan_after) co_await give_up(id);  // the file goes with the next sweep
    orphans_.emplace(path, seen);
  }
}

Task<void> Sweeper::give_up(std::string media_id) {
  Json data{{"owner", ""}, {"reason", "the upload was never completed"}, {"saga_id", ""}};
  std::vector<NewEvent> events;
  events.emplace_back(uuid_of_name("given up " + media_id), std::string(kMediaCompensated), std::move(data));
  const Instant deadline = context_.clock.now() + 3s;
  (void)co_await events_.append(std::string(kMedia), media_id, 0, std::move(events), deadline);
}

}  // namespace orrery::services
