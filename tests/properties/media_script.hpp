#pragma once

#include <map>
#include <string>

#include "tests/properties/script.hpp"

namespace orrery::testing {

/// Steps of MediaHub as it should be, about the medium "m1" of "ada", its saga "s1" and her album "a1", unless said otherwise.
/// Times and versions count up by themselves.
class Hub : public Script {
 public:
  Hub& at(Duration time) {
    Script::at(time);
    return *this;
  }
  /// A request of a client and its answer. `arguments` without braces: who asks is added.
  Hub& asks(const std::string& operation, const std::string& arguments, std::int64_t status, const std::string& answer = "{}",
            const std::string& token = "valid");

  /// An event as the event store commits it. `version` 0: the next one.
  Hub& event(const std::string& type, const std::string& aggregate, const std::string& data = "{}", int version = 0);
  /// A request to append the next event, as version `expected` + 1. What it is called is the request's id too.
  Hub& append(const std::string& request, int expected);
  Hub& answer(const std::string& request, std::int64_t status);
  Hub& uploaded(const std::string& medium = "m1");
  Hub& processed(const std::string& medium = "m1");
  Hub& compensated(const std::string& medium = "m1");
  Hub& album(const std::string& album = "a1", const std::string& owner = "ada");
  Hub& added(const std::string& saga = "s1");
  Hub& removed(const std::string& saga = "s1");
  Hub& notified(const std::string& saga = "s1");

  /// The upload's file is written, or removed.
  Hub& writes_file(const std::string& path = "uploads/m1/f", std::int64_t bytes = 3);
  Hub& removes_file(const std::string& path = "uploads/m1/f");

  // ---- the saga ----
  Hub& starts(const std::string& saga = "s1", const std::string& medium = "m1");
  Hub& turns(const std::string& state, const std::string& saga = "s1");
  Hub& step(const std::string& name, const std::string& state, int attempts = 1, int undos = 0, const std::string& host = "media-saga-1");
  Hub& told(const std::string& step, const std::string& outcome = "done");
  /// Begun, said and done.
  Hub& does(const std::string& name);
  /// From the upload to the notice.
  Hub& completes();
  /// The album is full: what was done is undone.
  Hub& undoes();

  // ---- the read models ----
  Hub& shows_medium(const std::string& status, int version, int media = 1);
  Hub& shows_album(int version);
  Hub& shows_notice(const std::string& id, const std::string& saga = "s1");
  /// A reader of the events has read all of them up to now.
  Hub& reads(const std::string& database);

 private:
  Hub& write(const std::string& database) {
    commit(database, "media-1.1#1");
    return *this;
  }
  int events_ = 0;
  int asked_ = 0;
  std::map<std::string, int> versions_;
  bool shows_ = false;
  std::map<std::string, bool> reads_;
};

}  // namespace orrery::testing
