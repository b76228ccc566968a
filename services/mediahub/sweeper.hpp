#pragma once

#include <map>
#include <string>

#include "runtime/context.hpp"
#include "runtime/files.hpp"
#include "services/mediahub/event_client.hpp"
#include "services/mediahub/media_state.hpp"
#include "services/patterns/settings.hpp"

namespace orrery::services {

struct SweeperSettings {
  Duration every = 15s;
  Duration orphan_after = 60s;  // a file without a medium is somebody's upload in progress until then

  [[nodiscard]] static SweeperSettings read(Settings settings);
};

/// Takes away the files that crashes left behind: of media that are gone, of uploads whose id another upload got, and of
/// uploads that never got their event. The last is fenced first: an event "compensated" takes the id's first version, so
/// that the upload cannot be completed any more, however late it comes. What an event of a living medium names, or may yet
/// name, is never touched.
class Sweeper {
 public:
  Sweeper(Context& context, SweeperSettings settings);
  void start();

 private:
  Task<void> run();
  Task<void> sweep();
  Task<void> follow();
  Task<void> give_up(std::string media_id);

  Context& context_;
  Files& files_;
  EventClient events_;
  SweeperSettings settings_;
  std::int64_t position_ = 0;                 // of the feed, as far as it was read
  std::map<std::string, MediaState> media_;   // by id: of what this replica has read since it started
  std::map<std::string, Instant> orphans_;    // paths without a medium: since when
};

}  // namespace orrery::services
