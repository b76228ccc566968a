#pragma once

#include <string>

#include "properties/property.hpp"
#include "properties/sagas.hpp"

namespace orrery {

// What must hold of sagas, whatever they are about, from what their orchestrator committed. (H. Garcia-Molina, K. Salem,
// "Sagas", SIGMOD 1987; C. Richardson, "Microservices Patterns", 4.3)

/// A saga's state goes from running to completed, or to compensating and from there to compensated; a step's from pending to
/// running, to awaiting and back, to done, refused or timed out, and from anything but pending to compensating and
/// compensated. A saga is completed only when all of its steps are done, and compensated only when each step that was begun
/// and has a compensation is compensated. Once the pivot is done it does not turn round. Judged: each change of a state.
/// Broken by: a worker that writes after its lease ended, a step that is forgotten.
[[nodiscard]] Check sagas_move_along_their_graph(const std::string& database);

/// Steps are begun one after the other, each when the one before is done; compensations one after the other, in reverse, none
/// before the saga has turned round. Judged: each attempt. Broken by: undoing in the order of doing, calls side by side.
[[nodiscard]] Check steps_run_in_order(const std::string& database);

/// At most one saga of a name is ever started for a business key. Judged: each saga.
[[nodiscard]] Check one_saga_per_key(const std::string& database);

/// A saga that began at least `patience` before the end of the run has ended. Judged: each of these. Broken by: a worker that
/// dies of an error, an undo that can never succeed, an event that is missed.
[[nodiscard]] Check every_saga_ends(const std::string& database, Duration patience);

/// A step is done only after a signal that said so. Judged: each step that becomes done. Broken by: a failed call that counts
/// as a success. (For sagas whose steps are concluded by signals.)
[[nodiscard]] Check done_means_it_was_said(const std::string& database);

// What must happen now and then.

/// Sagas that ended as `state` ("completed", "compensated").
[[nodiscard]] Predicate saga_ends_as(const std::string& database, const std::string& state);
/// Steps that reached `state` ("refused", "timed_out").
[[nodiscard]] Predicate step_becomes(const std::string& database, const std::string& step, const std::string& state);
/// An attempt after which nothing was written, and which another host's worker took up.
[[nodiscard]] Predicate saga_is_taken_over(const std::string& database);
/// A compensation that is asked for again.
[[nodiscard]] Predicate compensation_is_repeated(const std::string& database);
/// A signal "done" for a step that had been given up.
[[nodiscard]] Predicate success_comes_late(const std::string& database);

}  // namespace orrery
