#include "services/patterns/projection.hpp"

namespace orrery::services {
namespace {

constexpr std::string_view kPosition = "SELECT position FROM feed_checkpoints WHERE name = $1";
constexpr std::string_view kBegin = "INSERT INTO feed_checkpoints (name, position) VALUES ($1, 0) ON CONFLICT DO NOTHING";
constexpr std::string_view kLock = "SELECT position FROM feed_checkpoints WHERE name = $1 FOR UPDATE";
constexpr std::string_view kMove = "UPDATE feed_checkpoints SET position = $2, moved_at = now() WHERE name = $1";
constexpr std::string_view kMoveForward =
    "INSERT INTO feed_checkpoints (name, position) VALUES ($1, $2) ON CONFLICT (name)"
    " DO UPDATE SET position = excluded.position, moved_at = now() WHERE feed_checkpoints.position < excluded.position";

}  // namespace

const char* const kCheckpointSchema = R"sql(
CREATE TABLE feed_checkpoints (
  name     text PRIMARY KEY,
  position bigint NOT NULL,                -- everything up to here has been taken in
  moved_at timestamptz NOT NULL DEFAULT now()
);
)sql";

FeedSettings FeedSettings::read(Settings settings, FeedSettings standard) {
  FeedSettings feed;
  feed.poll = settings.duration("poll", standard.poll);
  feed.batch = settings.integer("batch", standard.batch, 1, 1000);
  feed.backoff.base = settings.duration("backoff_base", standard.backoff.base);
  feed.backoff.cap = settings.duration("backoff_cap", standard.backoff.cap);
  settings.refuse_unknown();
  return feed;
}

namespace {

/// Round after round until the service is asked to stop: at once if there may be more, after a poll's pause if not, and with
/// growing pauses while rounds fail.
template <class Round, class HeldUp>
Task<void> follow_feed(Context& context, const FeedSettings& settings, Round round, HeldUp held_up) {
  std::int64_t failures = 0;
  while (!context.stopping()) {
    std::int64_t events = 0;
    try {
      Task<std::int64_t> going = round();
      events = co_await std::move(going);
      failures = 0;
    } catch (const Failure& failure) {
      ++failures;
      held_up(failure);
    }
    if (failures > 0) {
      co_await context.clock.sleep(settings.backoff.delay(failures, context.random) + 100ms);
    } else if (events < settings.batch) {
      co_await context.clock.sleep(context.random.between(settings.poll * 3 / 4, settings.poll * 5 / 4));
    }
  }
}

}  // namespace

Projection::Projection(Context& context, Database& db, std::string name, ReadFeed read, Apply apply, Clear clear,
                       FeedSettings settings, const Twin& twin)
    : context_(context),
      db_(db),
      name_(std::move(name)),
      read_(std::move(read)),
      apply_(std::move(apply)),
      clear_(std::move(clear)),
      settings_(settings),
      twin_(twin) {}

void Projection::start() { context_.spawn("projection", run()); }

Task<void> Projection::run() {
  const auto held_up = [this](const Failure& failure) {
    context_.telemetry.count("projection_errors_total");
    context_.telemetry.log(Level::warning, "projection held up", Json{{"projection", name_}, {"error", failure.what()}});
  };
  Task<void> following = follow_feed(context_, settings_, [this] { return round(); }, held_up);
  co_await std::move(following);
}

Task<std::int64_t> Projection::checkpoint() {
  const Rows rows = co_await db_.exec(kPosition, name_);
  if (!rows.empty()) co_return rows[0]["position"].integer();
  co_await db_.exec(kBegin, name_);
  co_return 0;
}

Task<std::int64_t> Projection::round() {
  const std::int64_t from = co_await checkpoint();
  Task<std::vector<StoredEvent>> reading = read_(from, settings_.batch);
  const std::vector<StoredEvent> page = co_await std::move(reading);
  if (page.empty()) co_return 0;
  if (twin_.is("skip-on-error")) {
    co_await apply_skipping(page);
  } else {
    co_await apply_page(from, page);
  }
  context_.telemetry.gauge("projection_position", static_cast<double>(page.back().position));
  co_return static_cast<std::int64_t>(page.size());
}

Task<void> Projection::apply_page(std::int64_t from, const std::vector<StoredEvent>& page) {
  Transaction tx = co_await db_.begin();
  const Rows locked = co_await tx.exec(kLock, name_);
  const bool moved = locked.empty() || locked[0]["position"].integer() != from;
  // twin: no-version-guard. Applies the page that it has, also if others are past it.
  if (moved && !twin_.is("no-version-guard")) co_return;  // another replica, or a rebuild, was faster
  for (const StoredEvent& event : page) {
    Task<void> applying = apply_(tx, event);
    co_await std::move(applying);
  }
  if (twin_.is("checkpoint-not-atomic")) {  // twin: checkpoint-not-atomic
    co_await tx.commit();
    co_await db_.exec(kMove, name_, page.back().position);
    co_return;
  }
  co_await tx.exec(kMove, name_, page.back().position);
  co_await tx.commit();
}

// twin: skip-on-error. One bad event must not hold up the others; it is only logged.
Task<void> Projection::apply_skipping(const std::vector<StoredEvent>& page) {
  for (const StoredEvent& event : page) {
    try {
      Transaction tx = co_await db_.begin();
      Task<void> applying = apply_(tx, event);
      co_await std::move(applying);
      co_await tx.commit();
    } catch (const Failure& failure) {
      context_.telemetry.log(Level::error, "event skipped", Json{{"id", event.id}, {"error", failure.what()}});
    }
  }
  co_await db_.exec(kMoveForward, name_, page.back().position);
}

Task<void> Projection::rebuild() {
  Transaction tx = co_await db_.begin();
  co_await tx.exec(kBegin, name_);
  co_await tx.exec(kLock, name_);
  Task<void> clearing = clear_(tx);
  co_await std::move(clearing);
  co_await tx.exec(kMove, name_, 0);
  co_await tx.commit();
}

Task<Transaction> Projection::read_at(std::int64_t position, Instant deadline) {
  while (true) {
    {
      Transaction tx = co_await db_.begin(Isolation::repeatable_read);
      const Rows rows = co_await tx.exec(kPosition, name_);
      if (!rows.empty() && rows[0]["position"].integer() >= position) co_return tx;
      co_await tx.rollback();
    }
    if (context_.clock.now() >= deadline) co_return Transaction();
    const std::int64_t events = co_await round();
    if (events == 0) co_await context_.clock.sleep(20ms);
  }
}

Follower::Follower(Context& context, Database& db, std::string name, ReadFeed read, Handle handle,
                   FeedSettings settings, const Twin& twin)
    : context_(context),
      db_(db),
      name_(std::move(name)),
      read_(std::move(read)),
      handle_(std::move(handle)),
      settings_(settings),
      twin_(twin) {}

void Follower::start() { context_.spawn("follower", run()); }

Task<void> Follower::run() {
  const auto held_up = [this](const Failure& failure) {
    context_.telemetry.count("follower_errors_total");
    context_.telemetry.log(Level::warning, "feed held up", Json{{"feed", name_}, {"error", failure.what()}});
  };
  Task<void> following = follow_feed(context_, settings_, [this] { return round(); }, held_up);
  co_await std::move(following);
}

Task<std::int64_t> Follower::round() {
  const Rows rows = co_await db_.exec(kPosition, name_);
  const std::int64_t from = rows.empty() ? 0 : rows[0]["position"].integer();
  Task<std::vector<StoredEvent>> reading = read_(from, settings_.batch);
  const std::vector<StoredEvent> page = co_await std::move(reading);
  if (page.empty()) co_return 0;
  for (const StoredEvent& event : page) {
    try {
      Task<void> handling = handle_(event);
      co_await std::move(handling);
    } catch (const Failure& failure) {
      if (!twin_.is("saga-skips-on-error")) throw;
      // twin: saga-skips-on-error
      context_.telemetry.log(Level::error, "event skipped", Json{{"id", event.id}, {"error", failure.what()}});
    }
  }
  co_await db_.exec(kMoveForward, name_, page.back().position);
  co_return static_cast<std::int64_t>(page.size());
}

}  // namespace orrery::services
