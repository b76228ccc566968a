#pragma once

#include <cstdio>
#include <functional>
#include <string>
#include <string_view>

#include "runtime/history.hpp"
#include "runtime/operations.hpp"
#include "runtime/json.hpp"

namespace orrery::real {

/// Writes what happens on a host as one JSON object a line, each as soon as it happened, so that a kill loses nothing:
/// {"at": monotonic ns, "kind": "request sent", "host", "subject", "key", "number", "text", "detail"}; empty fields are left
/// out. Without a file nothing is kept.
class Recorder {
 public:
  explicit Recorder(std::string host) : host_(std::move(host)) {}
  /// Appends to the file. Throws std::runtime_error if it cannot be opened.
  Recorder(std::string host, const std::string& path);
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;
  ~Recorder();

  void fact(EventKind kind, std::string_view subject, std::string_view key = {}, std::int64_t number = 0,
            std::string_view text = {}, std::string_view detail = {});
  [[nodiscard]] const std::string& host() const noexcept { return host_; }
  /// Somebody keeps what is told.
  [[nodiscard]] bool on() const noexcept { return file_ >= 0 || sink_; }
  /// Keeps the events itself, for a host that lives in the test bed's process.
  void on_event(std::function<void(Event)> sink) { sink_ = std::move(sink); }

 private:
  std::string host_;
  int file_ = -1;
  std::function<void(Event)> sink_;
};

/// Notes what a client asked and was told as events of its host.
class ClientNotes final : public OperationLog {
 public:
  explicit ClientNotes(Recorder& recorder) : recorder_(recorder) {}
  void invoked(std::string_view operation, std::string_view key, std::string_view arguments) override {
    recorder_.fact(EventKind::operation_invoked, operation, key, 0, arguments);
  }
  void ended(std::string_view operation, std::string_view key, int status, std::string_view text) override {
    recorder_.fact(EventKind::operation_ended, operation, key, status, text);
  }

 private:
  Recorder& recorder_;
};

/// The events of such a file, in its order; a last line that was cut off by a kill is left out. Throws std::runtime_error,
/// which names file and line, for one that is no event.
[[nodiscard]] std::vector<Event> read_events(const std::string& path);

}  // namespace orrery::real
