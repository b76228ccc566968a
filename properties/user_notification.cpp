#include "properties/user_notification.hpp"

#include "properties/bodies.hpp"
#include "properties/effects.hpp"
#include "properties/idempotency.hpp"
#include "properties/inbox.hpp"
#include "properties/liveness.hpp"
#include "properties/outbox.hpp"
#include "properties/reads.hpp"
#include "properties/sometimes.hpp"

namespace orrery {
namespace {

constexpr const char* kTopic = "user.events";
constexpr const char* kGroup = "notification";
constexpr const char* kJobs = "notification_db.notification_jobs";
constexpr Duration kGrace = 10s;     // after the faults: hosts start, connections are made anew
constexpr Duration kPatience = 30s;  // what began later than this before the end may still be under way

/// Answers of the user service: problems (RFC 9457) over HTTP, `{"code", "message"}` over Connect.
AnswerKind kind_of(int status, std::string_view text) {
  const Json body = parse_body(text);
  const std::string code = member_text(body, "code");
  switch (status) {
    case 200:
    case 201:
      return AnswerKind::created;
    case 400:
      return code == "failed_precondition" ? AnswerKind::key_used : AnswerKind::invalid;
    case 409:
      return code == "aborted" || member_text(body, "type").ends_with("/in-work") ? AnswerKind::later
                                                                                  : AnswerKind::refused;
    case 413:
    case 415:
      return AnswerKind::invalid;
    case 422:
      return AnswerKind::key_used;
    default:
      return AnswerKind::later;
  }
}

KeyedRequests sign_ups() {
  KeyedRequests requests;
  requests.kind = kind_of;
  return requests;
}

StatusTable job_statuses() {
  StatusTable jobs;
  jobs.steps = {{"queued", "sending"}, {"sending", "queued"}, {"sending", "sent"}, {"sending", "dead"}};
  jobs.constant = {"correlation_id", "user_id", "channel", "destination", "template", "variables"};
  return jobs;
}

StatusTable event_statuses() {
  StatusTable events;
  events.name = "event";
  events.table = "user_db.outbox_events";
  events.id = "event_id";
  events.initial = {"pending"};
  events.steps = {{"pending", "published"}, {"pending", "failed"}, {"failed", "pending"}};
  events.final = {"published"};
  events.done = "published";
  events.done_at = "published_at";
  events.constant = {"aggregate_id", "aggregate_version", "event_type", "payload"};
  return events;
}

AtRest at_rest() {
  AtRest rest;
  rest.rows = {{"user_db.outbox_events", "event_id", "status", {"pending"}},
               {"user_db.idempotency_keys", "scope,key", "recovery_point", {"started"}},
               {kJobs, "id", "status", {"queued", "sending"}}};
  rest.topic = kTopic;
  rest.group = kGroup;
  rest.patience = kPatience;
  return rest;
}

void add_always(std::vector<Property>& all) {
  const OutboxTable outbox;
  const AggregateTable users;
  const KeyedRequests requests = sign_ups();
  const CreatedRows created;
  const EffectTable jobs;
  const InboxTable inbox;
  const Provider mail;

  all.push_back(always("users and user.created outbox rows correspond",
                       "In every committed state each user has exactly one user.created event in the outbox, and each "
                       "such event has its user.",
                       aggregates_match_their_creation(outbox, users)));
  all.push_back(always("an acknowledged user is stored",
                       "A user whose id was returned with 201 is in users from then on, with the e-mail asked for, unless a "
                       "failover lost the commit after it was asked for.",
                       acknowledged_is_stored(requests, created)));
  all.push_back(always("an e-mail belongs to one user", "In no committed state two users have the same e-mail.",
                       unique_in_every_state("user_db.users", "id", "email")));
  all.push_back(
      always("a repeated request gets the same answer",
             "All final answers to one Idempotency-Key and body are alike, unless a failover lost the key; another body with "
             "the key gets 422.",
             same_request_same_answer(requests)));
  all.push_back(always("published means the broker stored it before",
                       "When an event is committed as published, the broker has stored and confirmed its message.",
                       published_means_stored(outbox)));
  all.push_back(always("every broker message is a committed outbox row",
                       "A message that the broker stores is an event that had been committed, with its payload.",
                       messages_are_committed_events(outbox)));
  all.push_back(always("an event makes at most one job per channel",
                       "However often an event is delivered, one job per channel is ever made of it.",
                       at_most_one_effect(jobs)));
  all.push_back(always("a consumer acknowledges only what it has committed",
                       "When a message is acknowledged, its inbox row has been committed.",
                       acknowledged_means_committed(inbox)));
  all.push_back(always("a job is sent at most once beyond its ambiguous attempts",
                       "A job whose attempt was answered with success is not sent again, unless something outside of "
                       "the service kept that outcome from being committed.",
                       sent_once_beyond_ambiguous_attempts(job_statuses(), mail)));
  all.push_back(always("job status moves forward only",
                       "A job's status takes only its allowed steps, sent_at is set exactly when it is sent, and its "
                       "fencing token never gets smaller.",
                       status_moves_forward(job_statuses())));
  all.push_back(always("a redelivery carries the same bytes",
                       "A message that is published or delivered again carries the bytes of the first time.",
                       redeliveries_carry_the_same_bytes(kTopic, kGroup)));
  all.push_back(always("a job marked sent was accepted by the provider",
                       "When a job is committed as sent, the mail provider has answered a request for it with success.",
                       done_means_accepted(job_statuses(), mail)));
  all.push_back(always("events of a user are published in order",
                       "The broker stores the events of a user in the order of their versions, without gaps.",
                       events_are_stored_in_order(outbox)));
  all.push_back(always("every version of a user has its event",
                       "In every committed state the events of a user have exactly the versions 1 to the user's, once "
                       "each.",
                       every_change_has_its_event(outbox, users)));
  all.push_back(always(
      "an event says what its user was", "An event has the e-mail and the name of its user at the event's version.",
      events_say_what_aggregates_were(outbox, users, {{"user_id", "id"}, {"email", "email"}, {"name", "name"}})));
  all.push_back(always("a read shows users as they were committed",
                       "A read shows each user as a commit left it, committed before the answer, and no older than the "
                       "newest before the request; a change that was answered with 200 has been committed.",
                       reads_show_committed_rows(ShownRows())));
  all.push_back(always("an e-mail is refused only if somebody else has it",
                       "A sign-up that is told that its e-mail is taken was beaten by another sign-up.",
                       refused_only_if_taken(requests, created)));
  all.push_back(always("a published event stays published",
                       "An event's status goes from pending to published, or to failed and back, and its fencing token "
                       "never gets smaller.",
                       status_moves_forward(event_statuses())));
  all.push_back(always("a claimed event is written by its owner only",
                       "While a relay holds an event, nobody else writes its row, unless by claiming it anew.",
                       only_the_owner_writes(event_statuses())));
  all.push_back(always("events of a user take effect in order",
                       "The jobs of a user are made in the order in which the broker stored the events.",
                       effects_follow_the_order_of_messages(jobs, kTopic)));
  all.push_back(
      always("a job says what its event says", "A job is for the user, the address and the name of its event.",
             effects_say_what_messages_say(
                 jobs, kTopic, {{"user_id", "user_id"}, {"destination", "email"}, {"variables.name", "name"}})));
  all.push_back(always("every job comes from a published event",
                       "A job is made only for an event that the broker had stored.",
                       effects_come_from_messages(jobs, kTopic)));
  all.push_back(always("only poison is dead-lettered", "The broker gives up on no committed event.",
                       only_poison_is_dead_lettered(kTopic, kGroup, outbox.table, outbox.event_id)));
  all.push_back(always("a claimed job is written by its owner only",
                       "While a sender holds a job, nobody else writes its row, unless by claiming it anew.",
                       only_the_owner_writes(job_statuses())));
  all.push_back(always(
      "a mail is sent by the holder of its job",
      "A request to the provider is for a job that its sender holds, and says what the job says.",
      requests_are_of_held_jobs(
          job_statuses(), mail, "sending",
          {{"event_id", "correlation_id"}, {"channel", "channel"}, {"to", "destination"}, {"template", "template"}})));
  all.push_back(always("a job is given up only for a reason",
                       "A job that is dead was refused by the provider, or was tried again and again.",
                       given_up_for_a_reason(job_statuses(), mail, "dead", 5)));
  all.push_back(always("no service task ends by an exception",
                       "What the world does to a service is handled where it happens.", no_task_fails()));
}

void add_eventually(std::vector<Property>& all) {
  const OutboxTable outbox;
  all.push_back(eventually("every outbox row is published", "Once faults are healed, every event gets published.",
                           every_event_is_published(outbox)));
  all.push_back(eventually("outbox lag p95 is within 30s",
                           "Of the events that were waiting when faults were healed, or came later, 95 % are published "
                           "within 30 s.",
                           publish_lag_p95_is_within(outbox, 30s)));
  all.push_back(eventually("every published event has its job",
                           "Every event in the broker that asks for a mail gets its job.",
                           every_message_has_its_effect(EffectTable(), kTopic)));
  all.push_back(eventually("every job is sent or visibly dead", "No job is left behind on its way.",
                           every_row_ends(job_statuses())));
  all.push_back(eventually("nothing stays pending",
                           "At the end no row, message, operation or request waits for anybody.",
                           nothing_stays_pending(at_rest())));
  all.push_back(eventually("requests succeed once faults are healed",
                           "10 s after the faults every request is answered, and not with a server's failure.",
                           requests_succeed(kGrace, kPatience)));
  all.push_back(eventually("API p95 is within 300ms once faults are healed",
                           "10 s after the faults 95 % of the requests are answered within 300 ms.",
                           answer_time_p95_is_within(kGrace, 300ms, 10)));
}

void add_sometimes(std::vector<Property>& all) {
  const KeyedRequests requests = sign_ups();
  all.push_back(sometimes("a message is delivered more than once", "The consumers meet duplicates.",
                          message_is_delivered_again(kTopic, kGroup)));
  all.push_back(sometimes("a message comes after its acknowledgement", "The broker repeats what was done.",
                          message_comes_after_its_acknowledgement(kTopic, kGroup)));
  all.push_back(sometimes("two consumers have one message in work", "Duplicates are processed side by side.",
                          two_consumers_have_one_message(kTopic, kGroup)));
  all.push_back(sometimes("a commit's answer is lost", "A client does not learn the outcome of its COMMIT.",
                          commit_answer_is_lost("user_db")));
  all.push_back(sometimes("a commit of unknown outcome had happened", "An unknown commit turns out to have happened.",
                          unknown_commit_turns_out("user_db", true)));
  all.push_back(sometimes("a commit of unknown outcome had not happened",
                          "An unknown commit turns out not to have happened.",
                          unknown_commit_turns_out("user_db", false)));
  all.push_back(sometimes("a commit is lost in a failover", "The standby takes over without an acknowledged commit.",
                          commits_are_lost("user_db")));
  all.push_back(sometimes("a failed publish was stored all the same", "A confirmation is lost.",
                          failed_publish_was_stored(kTopic)));
  all.push_back(sometimes("an event is published more than once", "The broker stores an event twice.",
                          message_is_published_again(kTopic)));
  all.push_back(sometimes("a host dies with a transaction open", "A crash comes right before a COMMIT.",
                          host_dies_at("before commit")));
  all.push_back(sometimes("a host dies with a transaction done and nobody told", "A crash comes right after a COMMIT.",
                          host_dies_at("after commit")));
  all.push_back(sometimes("a host dies with a request to answer", "A crash comes while somebody waits for an answer.",
                          host_dies_with_a_request()));
  all.push_back(sometimes("an outbox claim is taken over", "A relay's lease ends, and another relay takes the event.",
                          lease_is_taken_over("user_db.outbox_events", "event_id", "claim_token", "claimed_by")));
  all.push_back(sometimes("a job's claim is taken over", "A sender's lease ends, and another one takes the job.",
                          lease_is_taken_over(kJobs, "id", "claim_token", "claimed_by")));
  all.push_back(sometimes("two requests race for one e-mail", "Two sign-ups at the same time; one gets 409.",
                          requests_race_for_one_value(requests)));
  all.push_back(sometimes("a retry gets the stored answer", "A repeated sign-up is answered from its key.",
                          retry_gets_the_stored_answer(requests)));
  all.push_back(
      sometimes("a key is used for another body", "A sign-up is refused with 422.", key_is_refused(requests)));
  all.push_back(sometimes("a mail is accepted without the sender hearing of it", "A send is ambiguous.",
                          send_succeeds_without_an_answer(Provider())));
}

}  // namespace

std::vector<Property> user_notification_properties() {
  std::vector<Property> all;
  add_always(all);
  add_eventually(all);
  add_sometimes(all);
  return all;
}

}  // namespace orrery
