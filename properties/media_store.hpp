#pragma once

#include "properties/property.hpp"

namespace orrery {

// What must hold of MediaHub's event store and of the read models that follow it.

/// The events of an aggregate have the versions 1, 2, 3, … in commit order, once each; no event is ever changed or removed;
/// positions are used once. Judged: each event. Broken by: a version taken by the server at the wrong time, a missing
/// unique key.
[[nodiscard]] Check versions_count_up();

/// An event is stored as the version that its append expected: its requests said which version its decision was made at.
/// An append that was answered 201 or 200 is stored. Judged: each event and each such answer. Broken by: an event that takes
/// the next version whatever it is.
[[nodiscard]] Check stale_appends_are_refused();

/// While a row of a read model exists, its version never gets smaller. Judged: each commit of a row. Broken by: an old event
/// that is applied over a newer one.
[[nodiscard]] Check rows_never_go_back();

/// At the end the rows of "query_db", "album_db" and "notice_db" are what their events add up to: media, the counters of
/// their owners, albums, what is in them, notices. Judged: each row that is there or should be. Broken by: an event that is
/// left out, applied twice or applied late.
[[nodiscard]] Check read_models_are_sums();

/// No event waits for a reader of the events (a read model, or the saga) during `bound` in which nobody was struck who brings
/// it there: the reader's hosts and database, the event store's hosts and database, and the links between them. Transactions
/// that others have open there excuse nothing, nor do faults that strike once, which cost a repetition. Judged: each event at
/// each reader. Broken by: a reader that waits for all who run, that stops after an error, or is stuck at one event.
[[nodiscard]] Check readers_keep_up(Duration bound);

/// A medium that is listed for somebody, or shown to somebody, is theirs; and after an upload that was answered, a reader who
/// asks for at least its position is shown it. Judged: each answer to "get media" and "list media".
[[nodiscard]] Check reads_show_their_own();

}  // namespace orrery
