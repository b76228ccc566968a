#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "real-mode/broker.hpp"
#include "real-mode/database.hpp"
#include "real-mode/pg_link.hpp"
#include "real-mode/private_postgres.hpp"
#include "real-mode/telemetry.hpp"

namespace orrery::real {

/// One server for all tests of a program.
inline PrivatePostgres& server() {
  static PrivatePostgres postgres;
  return postgres;
}

inline std::string fresh_database() {
  static int made = 0;
  const std::string name = "test_" + std::to_string(++made);
  server().create_database(name);
  return server().connection(name);
}

/// A process's pool of connections to a database of its own, on a real server.
class RealWorldTest : public ::testing::Test {
 public:
  ~RealWorldTest() override {
    if (broker_) broker_->stop();
    loop_.end_tasks();
  }

  DatabasePool& pool(PoolSettings settings = {}) {
    if (connection_.empty()) connection_ = fresh_database();
    settings.connection = connection_;
    settings.session = "host-1.1";
    pool_ = std::make_unique<DatabasePool>(loop_, random_, recorder_, mishaps_, "db", settings);
    return *pool_;
  }
  template <class... P>
  Rows exec(std::string_view sql, P... parameters) {
    return complete(loop_, pool_->exec(sql, parameters...));
  }
  /// The error that this task ends with.
  template <class T>
  DatabaseError error_of(Task<T> task) {
    try {
      complete(loop_, std::move(task));
    } catch (const DatabaseError& error) {
      return error;
    }
    return DatabaseError(Effect::did_not_happen, "00000", "no error");
  }
  int backends() {
    PgLink link(connection_, "spy");
    return static_cast<int>(
        link.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'host-1.1%'", {})[0][0].integer());
  }

  Loop loop_;
  RealClock clock_{loop_};
  RealRandom random_;
  Tracer tracer_{loop_, clock_, random_};
  Recorder recorder_{"host-1"};
  Mishaps mishaps_{loop_, recorder_};
  RealTelemetry telemetry_{"test", clock_, recorder_, Level::error};
  std::string connection_;
  std::unique_ptr<DatabasePool> pool_;
  std::unique_ptr<PgBroker> broker_;
};

}  // namespace orrery::real
