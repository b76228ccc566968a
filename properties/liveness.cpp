#include "properties/liveness.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "properties/outages.hpp"
#include "properties/percentile.hpp"
#include "properties/rows.hpp"

namespace orrery {
namespace {

/// A fiber or request without what differs from run to run: "user GET /users/*".
std::string shape_of(std::string_view name) {
  std::string shape;
  bool has_digit = false;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= name.size(); ++i) {
    if (i < name.size() && name[i] != ' ' && name[i] != '/') {
      has_digit = has_digit || (name[i] >= '0' && name[i] <= '9');
      continue;
    }
    shape += has_digit ? "*" : name.substr(begin, i - begin);
    if (i < name.size()) shape += name[i];
    begin = i + 1;
    has_digit = false;
  }
  return shape;
}

bool is_answer(std::int64_t status) {
  return status >= 200 && status < 500 && status != 408 && status != 425 && status != 429;
}

/// From when on requests must succeed; nullopt: never.
std::optional<Instant> judged_from(const HistoryIndex& index, Duration grace) {
  if (index.of(EventKind::fault_injected).empty() && index.of(EventKind::host_crashed).empty()) return Instant{};
  if (index.healed_at() == Instant::max()) return std::nullopt;
  return index.healed_at() + grace;
}

const Event* end_of(const HistoryIndex& index, const Event& begun, EventKind end) {
  for (const Event* event : index.with_key(end, begun.key)) {
    if (event->subject == begun.subject && event->id > begun.id) return event;
  }
  return nullptr;
}

}  // namespace

Check requests_succeed(Duration grace, Duration patience) {
  return [grace, patience](const HistoryIndex& index) {
    Findings findings;
    const std::optional<Instant> from = judged_from(index, grace);
    if (!from) return std::move(findings).verdict();
    for (const Event* invoked : index.of(EventKind::operation_invoked)) {
      if (invoked->at < *from) continue;
      const Event* ended = end_of(index, *invoked, EventKind::operation_ended);
      if (ended == nullptr && index.end_at() - invoked->at < patience) continue;
      findings.examine();
      if (ended != nullptr && is_answer(ended->number)) continue;
      const HistoryIndex::Events& healings = index.of(EventKind::phase, "healed");
      const EventId healed = healings.empty() ? 0 : healings.front()->id;
      const std::string shape = ended == nullptr ? "never ended" : fmt::format("{}", ended->number);
      findings.violate(fmt::format("{} {}", invoked->subject, shape),
                       ended == nullptr ? fmt::format("'{}' of {} never ended", invoked->subject, invoked->host)
                       : ended->number == 0
                           ? fmt::format("'{}' of {} got no answer: {}", invoked->subject, invoked->host, ended->text)
                           : fmt::format("'{}' of {} was answered {}", invoked->subject, invoked->host, ended->number),
                       {healed, invoked->id, ended != nullptr ? ended->id : index.end()});
    }
    return std::move(findings).verdict();
  };
}

Check answer_time_p95_is_within(Duration grace, Duration bound, std::int64_t least) {
  return [grace, bound, least](const HistoryIndex& index) {
    Findings findings;
    const std::optional<Instant> from = judged_from(index, grace);
    if (!from) return std::move(findings).verdict();
    std::vector<Duration> times;
    const Event* slowest = nullptr;
    Duration longest{-1};
    for (const Event* invoked : index.of(EventKind::operation_invoked)) {
      const Event* ended = invoked->at < *from ? nullptr : end_of(index, *invoked, EventKind::operation_ended);
      if (ended == nullptr) continue;
      times.push_back(ended->at - invoked->at);
      if (times.back() > longest) slowest = invoked;
      longest = std::max(longest, times.back());
    }
    const auto count = static_cast<std::int64_t>(times.size());
    if (count < least) return std::move(findings).verdict();
    findings.examine(count);
    const Duration p95 = percentile(std::move(times), 95);
    if (p95 > bound) {
      findings.violate("too slow",
                       fmt::format("95% of {} requests were answered within {} only, not within {}", count,
                                   to_string(p95), to_string(bound)),
                       {slowest->id, end_of(index, *slowest, EventKind::operation_ended)->id});
    }
    return std::move(findings).verdict();
  };
}

Check nothing_stays_pending(const AtRest& rest) {
  return [rest](const HistoryIndex& index) {
    Findings findings;
    for (const WaitingRows& rows : rest.rows) {
      for (const auto& [id, life] : lives_of(index, rows.table, rows.id)) {
        if (!life.last().exists) continue;
        findings.examine();
        const std::string status = cell(life.last().row(), rows.status);
        if (std::find(rows.waiting.begin(), rows.waiting.end(), status) == rows.waiting.end()) continue;
        const std::string_view table = table_of(rows.table);
        findings.violate(fmt::format("{} {}", table, status),
                         fmt::format("row {} of {} is still {} at the end", short_id(id), table, status),
                         {life.first().commit->id, life.last().commit->id, index.end()});
      }
    }

    const std::string group = rest.topic + "/" + rest.group;
    struct Copies {
      std::size_t stored = 0;
      const Event* last = nullptr;
    };
    std::map<std::string_view, Copies> messages;
    for (const Event* event : index.of(EventKind::message_stored, rest.topic)) {
      Copies& copies = messages[event->key];
      ++copies.stored;
      copies.last = event;
    }
    for (const auto& [message, copies] : messages) {
      findings.examine();
      std::size_t over = 0;
      EventId last_over = 0;
      for (const EventKind kind : {EventKind::message_settled, EventKind::message_dead_lettered}) {
        for (const Event* end : index.with_key(kind, message)) {
          if (end->subject != group) continue;
          ++over;
          last_over = std::max(last_over, end->id);
        }
      }
      if (over >= copies.stored && last_over > copies.last->id) continue;
      std::vector<EventId> evidence{copies.last->id, index.end()};
      for (const EventKind kind : {EventKind::message_delivered, EventKind::message_acknowledged}) {
        for (const Event* step : index.with_key(kind, message)) evidence.push_back(step->id);
      }
      findings.violate("message", fmt::format("message {} is neither settled nor dead-lettered", short_id(message)),
                       std::move(evidence));
    }

    const Outages& outages = outages_of(index);
    for (const auto& [begins, ends, what] :
         {std::tuple{EventKind::operation_invoked, EventKind::operation_ended, "operation"},
          std::tuple{EventKind::request_sent, EventKind::request_ended, "request"}}) {
      for (const Event* begun : index.of(begins)) {
        if (index.end_at() - begun->at < rest.patience) continue;
        findings.examine();
        if (end_of(index, *begun, ends) != nullptr) continue;
        if (outages.was_down(begun->host, {begun->id, index.history().events().back().id})) continue;
        findings.violate(what, fmt::format("{} '{}' of {} never ended", what, begun->subject, begun->host),
                         {begun->id, index.end()});
      }
    }
    return std::move(findings).verdict();
  };
}

Check no_task_fails() {
  return [](const HistoryIndex& index) {
    Findings findings;
    const HistoryIndex::Events& answers = index.of(EventKind::request_answered);
    findings.examine(static_cast<std::int64_t>(index.of(EventKind::host_started).size() + answers.size()));
    for (const Event* answer : answers) {
      if (answer->number != 500) continue;
      findings.violate(fmt::format("{} 500", shape_of(answer->subject)),
                       fmt::format("{} answered 500 to '{}'", answer->host, answer->subject), {answer->id});
    }
    for (const Event* failed : index.of(EventKind::service_failed)) {
      findings.violate(shape_of(failed->subject),
                       fmt::format("an exception left '{}' on {}: {}", failed->subject, failed->host, failed->text),
                       {failed->id});
    }
    return std::move(findings).verdict();
  };
}

}  // namespace orrery
