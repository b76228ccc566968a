// The way of an event of the user/notification system: outbox row, message, job, mail.
#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "properties/bodies.hpp"
#include "properties/journeys.hpp"
#include "properties/outages.hpp"
#include "properties/rows.hpp"

namespace orrery {
namespace {

constexpr std::string_view kOutbox = "user_db.outbox_events";
constexpr std::string_view kJobs = "notification_db.notification_jobs";
constexpr std::string_view kMail = "mail POST /messages";

/// The cell as text; "" if the table has no such column: another system's table may have the same name.
std::string text_in(const Row& row, std::string_view column) {
  const auto& columns = row.shape().columns;
  return std::ranges::find(columns, column) == columns.end() ? "" : cell(row, column);
}

/// Collects, by event, where it was; sorted by when.
class Trails {
 public:
  explicit Trails(const HistoryIndex& index) : index_(index) {}

  Journeys take() {
    rows();
    messages();
    jobs();
    mails();
    Journeys journeys;
    journeys.graph = event_graph();
    std::map<EventId, std::string> order;
    for (const auto& [id, trail] : trails_) {
      if (!trail.empty()) order[trail.begin()->first.first] = id;
    }
    for (const auto& [first, id] : order) {
      std::map<std::string, std::int64_t> times;
      std::vector<Visit> visits;
      for (auto& [when, visit] : trails_[id]) {
        visit.attempt = ++times[visit.state];
        visits.push_back(std::move(visit));
      }
      journeys.all.push_back(walk(id, journeys.graph, std::move(visits)));
    }
    return journeys;
  }

 private:
  void visit(const std::string& event, std::string state, const Event& at, std::string host, std::string error = {}, bool good = true) {
    Visit visit;
    visit.state = std::move(state);
    visit.host = std::move(host);
    visit.begun = &at;
    visit.error = std::move(error);
    visit.good = good;
    trails_[event][{at.id, sequence_++}] = std::move(visit);
  }

  static std::string host_of(const Event& commit) { return std::string(host_of_session(commit.key)); }

  void rows() {
    for (const History::Change& change : index_.committed(kOutbox)) {
      if (change.row->operation != RowOperation::insert) continue;
      visit(text_in(change.row->new_row(), "event_id"), "in the outbox", *change.commit, host_of(*change.commit));
    }
  }

  void messages() {
    for (const Event* stored : index_.of(EventKind::message_stored)) {
      if (trails_.contains(stored->key)) visit(stored->key, "stored by the broker", *stored, stored->host);
    }
    for (const Event* delivered : index_.of(EventKind::message_delivered)) {
      if (trails_.contains(delivered->key)) visit(delivered->key, "delivered", *delivered, delivered->host);
    }
    for (const Event* dead : index_.of(EventKind::message_dead_lettered)) {
      if (trails_.contains(dead->key)) visit(dead->key, "dead-lettered", *dead, dead->host, {}, false);
    }
  }

  void jobs() {
    std::map<std::string, std::pair<std::string, std::string>> known;  // status and claim token
    for (const History::Change& change : index_.committed(kJobs)) {
      if (change.row->operation == RowOperation::remove) continue;
      const Row row = change.row->new_row();
      const std::string job = text_in(row, "id");
      const std::string event = text_in(row, "correlation_id");
      if (!trails_.contains(event)) continue;
      event_of_job_[job] = event;
      const std::string status = text_in(row, "status");
      const std::string token = text_in(row, "claim_token");
      const auto before = known[job];
      known[job] = {status, token};
      if (status == before.first && (status != "sending" || token == before.second)) continue;
      const std::string error = status == "queued" || status == "dead" ? text_in(row, "error_reason") : "";
      visit(event, status_name(status), *change.commit, host_of(*change.commit), error, status != "dead");
    }
  }

  static std::string status_name(const std::string& status) {
    if (status == "queued") return "job queued";
    if (status == "sending") return "sending";
    return status == "sent" ? "marked as sent" : "given up";
  }

  void mails() {
    for (const Event* received : index_.of(EventKind::request_received, kMail)) {
      const auto job = event_of_job_.find(member_text(parse_body(received->text), "job_id"));
      if (job == event_of_job_.end()) continue;
      for (const Event* answered : index_.with_key(EventKind::request_answered, received->key)) {
        if (answered->id > received->id && answered->number >= 200 && answered->number < 300) {
          visit(job->second, "mail accepted", *answered, answered->host);
          break;
        }
      }
    }
  }

  using Trail = std::map<std::pair<EventId, int>, Visit>;
  const HistoryIndex& index_;
  std::map<std::string, Trail> trails_;
  std::map<std::string, std::string> event_of_job_;
  int sequence_ = 0;
};

}  // namespace

StateGraph event_graph() {
  StateGraph graph;
  graph.name = "an event of user-notification";
  graph.nodes = {{"start", "start", ""},
                 {"in the outbox", "step", "committed with the user"},
                 {"stored by the broker", "step", "durable"},
                 {"delivered", "step", "a consumer works on it"},
                 {"job queued", "step", "committed with the inbox row"},
                 {"sending", "step", "claimed by a mail sender"},
                 {"mail accepted", "pivot", "the provider said 202"},
                 {"marked as sent", "end", ""},
                 {"given up", "failed end", ""},
                 {"dead-lettered", "failed end", ""}};
  graph.edges = {{"start", "in the outbox", "sign-up or rename"},
                 {"in the outbox", "stored by the broker", "published"},
                 {"stored by the broker", "stored by the broker", "published again"},
                 {"stored by the broker", "delivered", ""},
                 {"delivered", "delivered", "delivered again"},
                 {"delivered", "job queued", "committed"},
                 {"delivered", "dead-lettered", "too many attempts"},
                 {"job queued", "sending", "claimed"},
                 {"sending", "mail accepted", "202"},
                 {"sending", "sending", "claimed again"},
                 {"sending", "job queued", "failed, try later"},
                 {"sending", "given up", "refused for good"},
                 {"mail accepted", "marked as sent", "committed"},
                 {"mail accepted", "sending", "outcome was lost"}};
  return graph;
}

Journeys event_journeys(const HistoryIndex& index) { return Trails(index).take(); }

}  // namespace orrery
