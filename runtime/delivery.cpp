#include "runtime/delivery.hpp"

#include <exception>
#include <string>

namespace orrery {

Task<void> handle_delivery(const Broker::Handler& handler, AnswerableDelivery& delivery) {
  bool failed = true;
  std::string why;
  try {
    const Task<void> handling = handler(delivery);
    co_await handling;
    failed = false;
  } catch (const Failure& failure) {
    why = failure.what();
    if (delivery.answered()) delivery.on_late_failure(why);
  } catch (const std::exception& error) {
    why = error.what();
    delivery.on_bug(why);
  } catch (...) {
    why = "an exception that is not a std::exception";
    delivery.on_bug(why);
  }
  if (failed) {
    delivery.refuse(why);
  } else {
    delivery.acknowledge();
  }
}

}  // namespace orrery
