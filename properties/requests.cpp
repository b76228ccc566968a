#include "properties/requests.hpp"

#include <algorithm>

#include "properties/bodies.hpp"

namespace orrery {
namespace {

bool is_success(std::int64_t status) { return status >= 200 && status < 300; }

}  // namespace

std::string folded(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

const KeyedAttempts& attempts_of(const HistoryIndex& index, const KeyedRequests& requests) {
  return index.shared<KeyedAttempts>("keyed " + requests.operation, [&](const HistoryIndex& of) {
    KeyedAttempts attempts;
    std::map<std::string_view, std::size_t> open;
    for (const Event* invoked : of.of(EventKind::operation_invoked, requests.operation)) {
      const Json arguments = parse_body(invoked->text);
      KeyedAttempt attempt;
      attempt.invoked = invoked;
      attempt.key = member_text(arguments, requests.key.c_str());
      attempt.unique = folded(member_text(arguments, requests.unique.c_str()));
      Json body = Json::object();
      for (const std::string& member : requests.body) {
        if (arguments.is_object() && arguments.contains(member)) body[member] = arguments[member];
      }
      if (!attempt.unique.empty()) body[requests.unique] = attempt.unique;
      attempt.body = body.dump();
      open[invoked->key] = attempts.all.size();
      if (!attempt.key.empty()) attempts.by_key[attempt.key].push_back(attempts.all.size());
      if (!attempt.unique.empty()) attempts.by_unique[attempt.unique].push_back(attempts.all.size());
      attempts.all.push_back(std::move(attempt));
    }
    for (const Event* ended : of.of(EventKind::operation_ended, requests.operation)) {
      const auto found = open.find(ended->key);
      if (found == open.end()) continue;
      KeyedAttempt& attempt = attempts.all[found->second];
      attempt.ended = ended;
      attempt.status = static_cast<int>(ended->number);
      attempt.kind = requests.kind(attempt.status, ended->text);
      if (attempt.kind == AnswerKind::later) continue;
      const Json body = parse_body(ended->text);
      attempt.answer = body.is_discarded() ? ended->text : body.dump();
      if (attempt.kind == AnswerKind::created) attempt.created_id = member_text(body, requests.created_id.c_str());
    }
    return attempts;
  });
}

bool Send::succeeded() const { return ended != nullptr && is_success(ended->number); }

const Sends& sends_of(const HistoryIndex& index, const Provider& provider) {
  return index.shared<Sends>("sends " + provider.call, [&](const HistoryIndex& of) {
    Sends sends;
    for (const Event* sent : of.of(EventKind::request_sent, provider.call)) {
      const HistoryIndex::Events& ends = of.with_key(EventKind::request_ended, sent->key);
      sends.by_job[member_text(parse_body(sent->text), provider.job.c_str())].push_back(
          {sent, ends.empty() ? nullptr : ends.front()});
    }
    // By what the provider received: a request that the network doubles has another id there.
    for (const Event* received : of.of(EventKind::request_received, provider.call)) {
      for (const Event* answered : of.with_key(EventKind::request_answered, received->key)) {
        if (answered->subject != provider.call || !is_success(answered->number)) continue;
        sends.accepted[member_text(parse_body(received->text), provider.job.c_str())].push_back(answered);
      }
    }
    for (auto& [job, answers] : sends.accepted) {
      std::sort(answers.begin(), answers.end(), [](const Event* a, const Event* b) { return a->id < b->id; });
    }
    return sends;
  });
}

}  // namespace orrery
