#pragma once

#include <string_view>

#include "runtime/broker.hpp"

namespace orrery {

/// A delivery as a world makes it: what a handler sees, and what the end of the handler means.
class AnswerableDelivery : public Delivery {
 public:
  [[nodiscard]] bool answered() const noexcept { return answered_; }
  void acknowledge() final {
    if (answered_) return;
    answered_ = true;
    on_acknowledge();
  }
  void refuse() final { refuse("refused by its handler"); }
  void refuse(std::string_view why) {
    if (answered_) return;
    answered_ = true;
    on_refuse(why);
  }

  /// The handler failed after it had answered: nothing can be refused any more, but the failure must not be lost.
  virtual void on_late_failure(std::string_view why) = 0;
  /// What left the handler is no Failure: a bug of the service.
  virtual void on_bug(std::string_view what) = 0;

 private:
  virtual void on_acknowledge() = 0;
  virtual void on_refuse(std::string_view why) = 0;

  bool answered_ = false;
};

/// Runs a handler on its delivery. Its return acknowledges, unless it has answered itself; an exception refuses, in its words.
[[nodiscard]] Task<void> handle_delivery(const Broker::Handler& handler, AnswerableDelivery& delivery);

}  // namespace orrery
