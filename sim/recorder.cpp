#include "sim/recorder.hpp"

#include <cstring>

namespace orrery::sim {

void Recorder::absorb(std::string_view text) noexcept {
  std::uint64_t hash = hash_ ^ text.size();
  std::size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + i, 8);
    hash = mix(hash, word);
  }
  std::uint64_t rest = 0;
  for (; i < text.size(); ++i) rest = rest << 8 | static_cast<unsigned char>(text[i]);
  hash_ = mix(hash, rest);
}

void Recorder::describe(EventKind kind, std::string_view host, std::string_view subject, std::string_view key,
                        std::int64_t number, std::string_view text, std::string_view detail) {
  Event event;
  event.id = last_;
  event.cause = cause_before_;
  event.at = now_;
  event.kind = kind;
  event.host = host;
  event.subject = subject;
  event.key = key;
  event.number = number;
  event.text = text;
  event.detail = detail;
  history_.add(std::move(event));
}

EventId Recorder::fact(EventKind kind, std::string_view host, std::string_view subject, std::string_view key,
                       std::int64_t number, std::string_view text, std::string_view detail) {
  const EventId id = tick(kind, entity_of(host), static_cast<std::uint64_t>(number));
  absorb(subject);
  absorb(key);
  absorb(text);
  absorb(detail);
  describe(kind, host, subject, key, number, text, detail);
  return id;
}

EventId Recorder::commit(std::string_view host, std::string_view database, std::string_view session,
                         std::uint64_t transaction_id, std::vector<RowChange> changes, EventKind kind) {
  const EventId id = tick(kind, entity_of(host), transaction_id);
  absorb(database);
  absorb(session);
  for (const RowChange& change : changes) {
    absorb(change.table);
    for (const SqlValue& cell : change.after) {
      if (const auto* text = std::get_if<std::string>(&cell.variant())) {
        absorb(*text);
      } else if (const auto* number = std::get_if<std::int64_t>(&cell.variant())) {
        hash_ = mix(hash_, static_cast<std::uint64_t>(*number));
      } else {
        absorb(cell.text());
      }
    }
  }
  Event event;
  event.id = id;
  event.cause = cause_before_;
  event.at = now_;
  event.kind = kind;
  event.host = host;
  event.subject = database;
  event.key = session;
  event.number = static_cast<std::int64_t>(transaction_id);
  event.changes = std::move(changes);
  history_.add(std::move(event));
  return id;
}

}  // namespace orrery::sim
