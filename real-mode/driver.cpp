#include "real-mode/driver.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include "real-mode/pg_link.hpp"

namespace orrery::real {

Driver::Driver(Loop& loop, const NodeSettings& settings, int clients) : loop_(loop), folder_(settings.events) {
  for (int number = 1; number <= clients; ++number) {
    NodeSettings client;
    client.service = "client";
    client.host = "client-" + std::to_string(number);
    client.peers = settings.peers;
    client.log = Level::error;
    client.traces = settings.traces;
    auto node = std::make_unique<Node>(loop_, std::move(client));
    node->recorder().on_event([this](Event event) { events_.push_back(std::move(event)); });
    clients_.emplace("client-" + std::to_string(number), std::move(node));
  }
  try {
    capture(settings);
  } catch (...) {
    drop_captures();
    throw;
  }
}

void Driver::capture(const NodeSettings& settings) {
  // Another driver may be at the same databases.
  const std::string slot = "orrery_drive_" + std::to_string(::getpid()) + "_";
  for (const auto& [name, connection] : settings.databases) {
    captures_.push_back({name, ChangeCapture(connection, slot + name)});
    const std::string filled = captures_.back().changes.filled();
    if (!filled.empty()) {
      throw std::runtime_error(name + "." + filled + " has rows already: a system is judged from its beginning, so it must be a fresh one");
    }
    Event event;
    event.kind = EventKind::transaction_committed;
    event.host = event.subject = name;
    event.changes = captures_.back().changes.standing();
    if (!event.changes.empty()) standing_.push_back(std::move(event));
  }
  if (!settings.broker.empty()) {
    captures_.push_back({kBrokerDatabase, ChangeCapture(settings.broker, slot + kBrokerDatabase)});
  }
}

void Driver::drop_captures() noexcept {
  for (Capture& capture : captures_) {
    try {
      capture.changes.drop();
    } catch (const PgError& error) {
      std::fprintf(stderr, "orrery: a replication slot of %s is left behind: %s\n", capture.database.c_str(), error.what());
    }
  }
}

Driver::~Driver() {
  loop_.end_tasks();  // they refer to what goes now
  clients_.clear();
  drop_captures();
}

Node* Driver::client(const std::string& name) {
  const auto known = clients_.find(name);
  return known == clients_.end() ? nullptr : known->second.get();
}

void Driver::enter_phase(std::string_view phase) {
  Event event;
  event.at = loop_.now();
  event.kind = EventKind::phase;
  event.subject = phase;
  events_.push_back(std::move(event));
}

void Driver::begin() {
  beginning_ = Beginning::now();
  enter_phase("faults");
}

History Driver::gather() {
  const Instant end = loop_.now();
  std::vector<Event> events = standing_;
  for (Event& event : events) event.at = beginning_.at;
  events.insert(events.end(), events_.begin(), events_.end());
  std::vector<std::string> paths;
  for (const auto& file : std::filesystem::directory_iterator(folder_)) {
    if (file.path().extension() == ".events") paths.push_back(file.path().string());
  }
  std::ranges::sort(paths);
  for (const std::string& path : paths) {
    std::vector<Event> of_host = read_events(path);
    tell_crashes(of_host);
    for (Event& event : of_host) {
      if (event.at >= beginning_.at) events.push_back(std::move(event));
    }
  }
  if (events.size() == standing_.size() + events_.size()) throw std::runtime_error("no process wrote what happened to " + folder_);
  add_committed(captures_, beginning_, events);
  return in_order(std::move(events), beginning_, end);
}

}  // namespace orrery::real
