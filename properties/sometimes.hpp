#pragma once

#include <string>

#include "properties/effects.hpp"
#include "properties/idempotency.hpp"
#include "properties/property.hpp"

namespace orrery {

// What must happen now and then, or a campaign has not tested what it claims to. Each counts occurrences in one run.
// (Antithesis, "Sometimes assertions"; FoundationDB's coverage probes)

/// A message that the group received before is delivered to it once more.
[[nodiscard]] Predicate message_is_delivered_again(const std::string& topic, const std::string& group);
/// A message is delivered although a consumer of the group had acknowledged it: the acknowledgement was lost, or late,
/// or the broker repeats itself, or it was published twice.
[[nodiscard]] Predicate message_comes_after_its_acknowledgement(const std::string& topic, const std::string& group);
/// Two hosts of the group have one message in work at the same time.
[[nodiscard]] Predicate two_consumers_have_one_message(const std::string& topic, const std::string& group);
/// The answer to a COMMIT is lost.
[[nodiscard]] Predicate commit_answer_is_lost(const std::string& database);
/// As above, by an injected fault, and the transaction had been committed, or had not (`committed` says which).
[[nodiscard]] Predicate unknown_commit_turns_out(const std::string& database, bool committed);
/// A crash or a failover took a commit back that had been acknowledged, or could have been.
[[nodiscard]] Predicate commits_are_lost(const std::string& database);
/// A publisher was told that publishing failed, or nothing, but the broker had stored the message.
[[nodiscard]] Predicate failed_publish_was_stored(const std::string& topic);
/// A message is stored more than once.
[[nodiscard]] Predicate message_is_published_again(const std::string& topic);
/// A host dies at a place whose name contains `place`: "before commit" is a host that dies with a transaction open.
[[nodiscard]] Predicate host_dies_at(const std::string& place);
/// A host dies while it has requests to answer.
[[nodiscard]] Predicate host_dies_with_a_request();
/// A row is claimed while an earlier claim was not given back: its lease had ended. `token` and `owner` are columns.
[[nodiscard]] Predicate lease_is_taken_over(const std::string& table, const std::string& id, const std::string& token,
                                            const std::string& owner);
/// Two requests with different keys ask for one unique value at the same time; one gets it, the other is refused.
[[nodiscard]] Predicate requests_race_for_one_value(const KeyedRequests& requests);
/// An attempt is told the outcome of an earlier attempt with the same key.
[[nodiscard]] Predicate retry_gets_the_stored_answer(const KeyedRequests& requests);
/// A key is refused because it was used for another body.
[[nodiscard]] Predicate key_is_refused(const KeyedRequests& requests);
/// A request to the provider brings no answer, although the provider carried it out.
[[nodiscard]] Predicate send_succeeds_without_an_answer(const Provider& provider);
/// Events of a kind happen.
[[nodiscard]] Predicate happens(EventKind kind);

}  // namespace orrery
