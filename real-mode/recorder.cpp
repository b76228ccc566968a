#include "real-mode/recorder.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <utility>

#include "real-mode/loop.hpp"

namespace orrery::real {
namespace {

/// Bytes that are not UTF-8 must not end a process: they are replaced.
std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::optional<EventKind> kind_of(std::string_view name) {
  for (int i = 0; i < static_cast<int>(EventKind::count_); ++i) {
    if (name == to_string(static_cast<EventKind>(i))) return static_cast<EventKind>(i);
  }
  return std::nullopt;
}

}  // namespace

Recorder::Recorder(std::string host, const std::string& path) : host_(std::move(host)) {
  file_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file_ < 0) throw std::runtime_error("cannot write events to " + path + ": " + std::strerror(errno));
}

Recorder::~Recorder() {
  if (file_ >= 0) ::close(file_);
}

void Recorder::fact(EventKind kind, std::string_view subject, std::string_view key, std::int64_t number,
                    std::string_view text, std::string_view detail) {
  if (!on()) return;
  const Instant at = monotonic_now();
  if (sink_) {
    Event event;
    event.at = at;
    event.kind = kind;
    event.host = host_;
    event.subject = subject;
    event.key = key;
    event.number = number;
    event.text = text;
    event.detail = detail;
    sink_(std::move(event));
    return;
  }
  Json json{{"at", at.time_since_epoch().count()}, {"kind", to_string(kind)}, {"host", host_}};
  if (!subject.empty()) json["subject"] = subject;
  if (!key.empty()) json["key"] = key;
  if (number != 0) json["number"] = number;
  if (!text.empty()) json["text"] = text;
  if (!detail.empty()) json["detail"] = detail;
  const std::string line = dump(json) + "\n";
  // One write a line: what a kill cuts off is at most the last line. Without its events a run cannot be judged.
  const ssize_t written = ::write(file_, line.data(), line.size());
  CHECK(written == static_cast<ssize_t>(line.size()), "an event could not be written");
}

std::vector<Event> read_events(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::vector<Event> events;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    const Json json = Json::parse(line, nullptr, false);
    if (json.is_discarded() && file.eof()) break;
    const auto text = [&](const char* name) { return json.value(name, std::string()); };
    const auto kind = json.is_object() ? kind_of(text("kind")) : std::nullopt;
    if (!kind) throw std::runtime_error(path + ":" + std::to_string(number) + ": not an event");
    Event event;
    event.at = Instant(Duration(json.value("at", std::int64_t{0})));
    event.kind = *kind;
    event.host = text("host");
    event.subject = text("subject");
    event.key = text("key");
    event.number = json.value("number", std::int64_t{0});
    event.text = text("text");
    event.detail = text("detail");
    events.push_back(std::move(event));
  }
  return events;
}

}  // namespace orrery::real
