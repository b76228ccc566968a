#pragma once

#include "properties/property.hpp"

namespace orrery {

// What must hold of an upload and the saga that follows it, from the events of MediaHub and what "saga_db" says.

/// A saga that is completed has its MediaUploaded, MediaProcessed, MediaAddedToAlbum and NotificationSent, and nothing of it
/// was undone. Of one that is compensated, at the end of the run the medium is gone, no album holds it because of the saga,
/// and no notice was sent. Never a mix. Judged: each saga that ended. Broken by: a failure that counts as a success, an undo
/// of the wrong thing, a late success after an undo.
[[nodiscard]] Check sagas_are_atomic();

/// After a medium was deleted or disabled it has no more events; after a saga's fence in an album, nothing is added for it.
/// Judged: each fence. Broken by: a step that goes on while it is being undone.
[[nodiscard]] Check fences_hold();

/// Each MediaUploaded that is at least `patience` older than the end has a saga; each saga has its MediaUploaded. Judged:
/// each of both.
[[nodiscard]] Check every_upload_has_its_saga(Duration patience);

/// What a saga is told was said by an event with its id. Judged: each signal. Broken by: events that are matched by what they
/// are about instead.
[[nodiscard]] Check signals_carry_the_sagas_id();

/// At most one event of each type carries a saga's id, per medium or album, however often its steps are asked for. Judged:
/// each saga.
[[nodiscard]] Check steps_take_effect_once();
/// At most one NotificationSent, and one notice in the inbox, per saga. Judged: each saga that has one.
[[nodiscard]] Check one_notice_per_saga();
/// At most one default album per owner. Judged: each owner that has one.
[[nodiscard]] Check one_default_album_per_owner();

/// A file that a MediaUploaded or MediaProcessed names is there, whole, from then on until the medium is deleted or disabled.
/// Judged: each file that is named. Broken by: an event before its file, a clean-up that takes too much.
[[nodiscard]] Check named_files_exist(const std::string& store);
/// At the end no file is left of a medium that is gone, unless it went less than `patience` before. Judged: each such medium
/// and each file.
[[nodiscard]] Check no_file_is_left_behind(const std::string& store, Duration patience);

/// An upload that was answered with 201 has its MediaUploaded, of its user and with its content; a deletion that was answered
/// with 200 has left the medium gone. Judged: each such answer. Broken by: an acknowledgement before the event.
[[nodiscard]] Check acknowledged_is_stored_as_event();
/// Each MediaUploaded and each album has as owner the user who asked for it. Judged: each. Broken by: an identity that is
/// taken from the request instead of the token.
[[nodiscard]] Check owners_asked_for_it();
/// A request with a valid token is not answered 401. Judged: each answer to one. Broken by: clocks that are compared without
/// any leeway.
[[nodiscard]] Check valid_tokens_are_taken();
/// A request without a token, or with one that is not the gateway's, is answered 401, or not at all. Judged: each answer.
[[nodiscard]] Check other_tokens_are_refused();

}  // namespace orrery
