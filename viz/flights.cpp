#include "viz/flights.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "properties/outages.hpp"

namespace orrery::viz {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLeastLate = 20ms;
constexpr int kLateFactor = 10;

Freight freight_of(std::string_view text, bool database) {
  if (text.starts_with("COMMIT") || text.starts_with("ROLLBACK")) return Freight::commit;
  if (text.starts_with("reply COMMIT") || text.starts_with("reply ROLLBACK")) return Freight::commit;
  if (database) return Freight::statement;
  if (text.starts_with("PUBLISH ") || text.starts_with("CONFIRM ")) return Freight::publish;
  if (text.starts_with("DELIVER ") || text.starts_with("ACK ") || text.starts_with("NACK ")) return Freight::delivery;
  if (text.starts_with("SUBSCRIBE") || text.starts_with("UNSUBSCRIBE")) return Freight::poll;
  const bool status = text.size() >= 3 && text.find_first_not_of("0123456789") >= 3;
  return status ? Freight::reply : Freight::call;
}

/// The hosts at the ends of "from>to".
std::pair<std::string_view, std::string_view> ends_of(std::string_view link) {
  const std::size_t arrow = link.find('>');
  if (arrow == std::string_view::npos) return {link, {}};
  return {link.substr(0, arrow), link.substr(arrow + 1)};
}

/// Databases are the hosts that commit.
bool is_database(const HistoryIndex& index, std::string_view host) {
  return !index.of(EventKind::transaction_committed, host).empty() || !index.of(EventKind::transaction_begun, host).empty();
}

class NetworkFlights {
 public:
  explicit NetworkFlights(const HistoryIndex& index) : index_(index) {}

  std::vector<Flight> take() {
    for (const Event& event : index_.history().events()) {
      switch (event.kind) {
        case EventKind::message_sent:
          send(event);
          break;
        case EventKind::message_arrived:
          end(event, Fate::delivered);
          break;
        case EventKind::message_dropped:
          end(event, event.detail == "refused" || event.detail == "unread" ? Fate::refused : Fate::dropped);
          break;
        default:
          break;
      }
    }
    return std::move(flights_);
  }

 private:
  using Address = std::pair<std::string_view, std::int64_t>;  // link and ordinal

  void send(const Event& event) {
    const auto [from, to] = ends_of(event.subject);
    Flight flight;
    flight.from = from;
    flight.to = to;
    flight.sent = &event;
    flight.fate = Fate::under_way;
    flight.freight = freight_of(event.text, touches_database(from) || touches_database(to));
    flight.text = event.text;
    by_address_[{event.subject, event.number}] = flights_.size();
    flights_.push_back(flight);
  }

  void end(const Event& event, Fate fate) {
    const auto found = by_address_.find({event.subject, event.number});
    if (found == by_address_.end()) return;  // it was sent before the history begins
    Flight& first = flights_[found->second];
    if (first.ended == nullptr) {
      first.ended = &event;
      first.fate = fate;
      return;
    }
    Flight again = first;
    again.ended = &event;
    again.fate = fate == Fate::delivered ? Fate::duplicate : fate;
    flights_.push_back(again);
  }

  bool touches_database(std::string_view host) {
    const auto [found, fresh] = databases_.try_emplace(host, false);
    if (fresh) found->second = is_database(index_, host);
    return found->second;
  }

  const HistoryIndex& index_;
  std::vector<Flight> flights_;
  std::map<Address, std::size_t> by_address_;
  std::map<std::string_view, bool> databases_;
};

/// Puts the two sides of requests, publishes and deliveries together.
class FactFlights {
 public:
  explicit FactFlights(const HistoryIndex& index) : index_(index) {}

  std::vector<Flight> take() {
    for (const Event* sent : index_.of(EventKind::request_sent)) request(*sent);
    for (const Event* answered : index_.of(EventKind::request_answered)) answer(*answered);
    for (const Event* started : index_.of(EventKind::publish_started)) publish(*started);
    for (const Event* delivered : index_.of(EventKind::message_delivered)) deliver(*delivered);
    return std::move(flights_);
  }

 private:
  /// The first event of a kind and key at or after another one in the history.
  const Event* next(EventKind kind, const Event& after) const {
    for (const Event* event : index_.with_key(kind, after.key)) {
      if (event->id > after.id) return event;
    }
    return nullptr;
  }

  void add(const Event& sent, std::string_view to, const Event* ended, Fate fate, Freight freight, std::string_view text) {
    if (to.empty() || to == sent.host) return;
    flights_.push_back({sent.host, to, &sent, ended, fate, freight, text});
  }

  /// The service's first host: where a request that nobody received would have gone is not known.
  std::string_view host_of_service(std::string_view subject) const {
    const std::string_view service = subject.substr(0, subject.find(' '));
    for (const Event* event : index_.of(EventKind::request_received)) {
      if (std::string_view(event->subject).substr(0, event->subject.find(' ')) == service) return event->host;
    }
    return {};
  }

  void request(const Event& sent) {
    if (const Event* received = next(EventKind::request_received, sent)) {
      return add(sent, received->host, received, Fate::delivered, Freight::call, sent.subject);
    }
    const Event* ended = next(EventKind::request_ended, sent);
    add(sent, host_of_service(sent.subject), ended, ended != nullptr && ended->text == "refused" ? Fate::refused : Fate::dropped,
        Freight::call, sent.subject);
  }

  void answer(const Event& answered) {
    const Event* ended = next(EventKind::request_ended, answered);
    const auto& sent = index_.with_key(EventKind::request_sent, answered.key);
    if (sent.empty()) return;
    const bool heard = ended != nullptr && ended->number != 0;
    add(answered, sent.front()->host, ended, heard ? Fate::delivered : Fate::dropped, Freight::reply, answered.subject);
  }

  void publish(const Event& started) {
    if (const Event* stored = next(EventKind::message_stored, started)) {
      return add(started, stored->host, stored, Fate::delivered, Freight::publish, started.subject);
    }
    const auto& stored = index_.of(EventKind::message_stored);
    const Event* failed = next(EventKind::publish_failed, started);
    if (!stored.empty()) add(started, stored.front()->host, failed, Fate::dropped, Freight::publish, started.subject);
  }

  void deliver(const Event& delivered) {
    const auto& stored = index_.with_key(EventKind::message_stored, delivered.key);
    if (stored.empty() || stored.front()->id > delivered.id) return;
    const Event& sent = *stored.front();
    add(sent, delivered.host, &delivered, delivered.number > 1 ? Fate::duplicate : Fate::delivered, Freight::delivery, delivered.subject);
  }

  const HistoryIndex& index_;
  std::vector<Flight> flights_;
};

void mark_late(std::vector<Flight>& flights) {
  std::vector<Duration> took;
  for (const Flight& flight : flights) {
    if (flight.fate == Fate::delivered) took.push_back(flight.ended->at - flight.sent->at);
  }
  if (took.empty()) return;
  const auto middle = took.begin() + static_cast<std::ptrdiff_t>(took.size() / 2);
  std::ranges::nth_element(took, middle);
  const Duration late = std::max(kLeastLate, kLateFactor * *middle);
  for (Flight& flight : flights) {
    if (flight.fate == Fate::delivered && flight.ended->at - flight.sent->at >= late) flight.fate = Fate::late;
  }
}

}  // namespace

const char* to_string(Fate fate) noexcept {
  switch (fate) {
    case Fate::delivered:
      return "delivered";
    case Fate::late:
      return "late";
    case Fate::duplicate:
      return "duplicate";
    case Fate::dropped:
      return "dropped";
    case Fate::refused:
      return "refused";
    case Fate::under_way:
      return "under way";
  }
  return "";
}

std::vector<Flight> flights_of(const HistoryIndex& index) {
  const bool recorded = !index.of(EventKind::message_sent).empty();
  std::vector<Flight> flights = recorded ? NetworkFlights(index).take() : FactFlights(index).take();
  const auto order = [](const Flight& flight) { return std::pair(flight.sent->id, flight.ended == nullptr ? 0 : flight.ended->id); };
  std::ranges::sort(flights, {}, order);
  if (recorded) mark_late(flights);
  return flights;
}

}  // namespace orrery::viz
