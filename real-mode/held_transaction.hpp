#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace orrery::real {

/// A session of nobody's that has a transaction open, with an id but without any lock that others want, and says nothing. It
/// has a thread, because a server that stands still keeps who connects to it waiting.
class HeldTransaction {
 public:
  /// Connects and begins, soon. `failed` is called in the thread, with what the server said, if that does not work: then there is
  /// no transaction.
  HeldTransaction(std::string connection, std::function<void(const std::string& why)> failed);
  /// Ends the session, and waits until it has: for as long as connecting may take.
  ~HeldTransaction();
  HeldTransaction(const HeldTransaction&) = delete;
  HeldTransaction& operator=(const HeldTransaction&) = delete;

  /// Ends the session soon: the server rolls back.
  void release();

 private:
  void hold(const std::string& connection);

  const std::function<void(const std::string&)> failed_;
  std::mutex mutex_;
  std::condition_variable released_;
  bool release_ = false;
  std::thread thread_;
};

}  // namespace orrery::real
