#include "tests/differential/schedule_runs.hpp"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <stdexcept>

namespace orrery::testing {
namespace {

using cli::sql::SqlClient;
using cli::sql::SqlEnvironment;
using namespace std::chrono_literals;

constexpr std::size_t kMostSessions = 4;

/// Told apart, so that sessions that begin to wait together look for a deadlock one after the other.
std::string deadlock_timeout(std::size_t session) { return std::to_string(2 + 10 * session) + "ms"; }

std::string session_name(std::size_t session) { return "s" + std::to_string(session + 1); }

class RealWorld final : public ScheduleWorld {
 public:
  explicit RealWorld(const real::PrivatePostgres& server)
      : control_(connect_to(server.connection("postgres"))) {
    // Predicate locks on rows stay locks on rows, nothing cleans up on its own, and small tables are read by index.
    for (const char* setting : {"autovacuum = off", "max_pred_locks_per_page = 1000", "max_pred_locks_per_relation = 100000",
                                "enable_seqscan = off", "enable_bitmapscan = off", "enable_hashjoin = off", "enable_mergejoin = off",
                                "client_min_messages = error"}) {
      must(*control_, "ALTER SYSTEM SET " + std::string(setting));
    }
    must(*control_, "SELECT pg_reload_conf()");
    for (std::size_t i = 0; i < kMostSessions; ++i) {
      auto session = std::make_unique<Session>(connect_to(server.connection("postgres")));
      // With log_lock_waits a session says when it has looked for a deadlock and waits on, and when it has got the lock.
      must(*session->connection, "SET deadlock_timeout = '" + deadlock_timeout(i) + "'; SET log_lock_waits = on; SET client_min_messages = log");
      session->process = PQbackendPID(session->connection.get());
      PQsetNoticeReceiver(session->connection.get(), &RealWorld::notice, session.get());
      sessions_.push_back(std::move(session));
    }
  }

  void begin(const Schedule& schedule) override {
    must(*control_, "DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public");
    std::string all;
    for (const std::string& sql : schedule.setup) all += sql + ";";
    if (schedule.is_spread) {
      for (const char* index : {"p_pkey", "p_k_key", "c_pkey", "c_of_p"}) all += "ALTER INDEX " + std::string(index) + " SET (fillfactor = 10);";
      all += "REINDEX TABLE p; REINDEX TABLE c";
    }
    must(*control_, all);
  }

  void give(std::size_t session, const std::string& sql) override {
    Session& each = *sessions_[session];
    each.is_busy = true;
    each.has_waited = false;
    if (PQsendQuery(each.connection.get(), sql.c_str()) == 0) throw std::runtime_error(PQerrorMessage(each.connection.get()));
    settle();
  }

  bool is_busy(std::size_t session) override { return sessions_[session]->is_busy; }

  std::optional<std::string> take_outcome(std::size_t session) override { return std::exchange(sessions_[session]->outcome, std::nullopt); }

  std::vector<std::size_t> waits_for(std::size_t session) override {
    std::vector<std::size_t> found;
    const Result result(
        PQexec(control_.get(), ("SELECT DISTINCT unnest(pg_blocking_pids(" + std::to_string(sessions_[session]->process) + "))").c_str()), PQclear);
    for (int i = 0; i < PQntuples(result.get()); ++i) {
      const int process = std::stoi(PQgetvalue(result.get(), i, 0));
      for (std::size_t k = 0; k < sessions_.size(); ++k) {
        if (sessions_[k]->process == process) found.push_back(k);
      }
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  std::string look(const std::string& sql) override { return run_on(*control_, sql); }

  void end() override {
    for (const auto& each : sessions_) {
      if (each->is_busy) must(*control_, "SELECT pg_cancel_backend(" + std::to_string(each->process) + ")");
    }
    for (const auto& each : sessions_) {
      while (const Result rest{PQgetResult(each->connection.get()), PQclear}) continue;
      each->is_busy = false;
      each->outcome.reset();
      must(*each->connection, "ROLLBACK; SELECT pg_advisory_unlock_all(); RESET default_transaction_isolation");
    }
  }

 private:
  struct Session {
    explicit Session(Connection made) : connection(std::move(made)) {}
    Connection connection;
    int process = 0;
    bool is_busy = false;
    bool has_waited = false;  // has looked for a deadlock in the wait that it is in
    std::optional<std::string> outcome;
  };

  static void must(PGconn& connection, const std::string& sql) {
    const std::string outcome = run_on(connection, sql);
    if (outcome.starts_with("ERROR")) throw std::runtime_error(sql + ": " + outcome);
  }

  static void notice(void* argument, const PGresult* result) {
    const char* text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const std::string_view message(text == nullptr ? "" : text);
    auto& session = *static_cast<Session*>(argument);
    if (message.find(" still waiting for ") != std::string_view::npos) session.has_waited = true;
    if (message.find(" acquired ") != std::string_view::npos) session.has_waited = false;
  }

  void read(Session& session) {
    if (PQconsumeInput(session.connection.get()) == 0) throw std::runtime_error(PQerrorMessage(session.connection.get()));
    while (session.is_busy && PQisBusy(session.connection.get()) == 0) {
      Result result(PQgetResult(session.connection.get()), PQclear);
      if (result == nullptr) {
        session.is_busy = false;
      } else {
        session.outcome = outcome_of(*result);
      }
    }
  }

  /// A session has settled when it is done, or when the lock table says that it waits and the last that it said, read after
  /// that, is that it waits on: it says that it has got a lock before it can begin to wait for another.
  void settle() {
    const auto until = std::chrono::steady_clock::now() + 60s;
    while (std::chrono::steady_clock::now() < until) {
      std::vector<pollfd> sockets;
      for (const auto& each : sessions_) {
        if (each->is_busy) sockets.push_back({PQsocket(each->connection.get()), POLLIN, 0});
      }
      if (sockets.empty()) return;
      static_cast<void>(::poll(sockets.data(), sockets.size(), 1));
      std::string processes;
      for (const auto& each : sessions_) {
        read(*each);
        if (each->is_busy) processes += (processes.empty() ? "" : ", ") + std::to_string(each->process);
      }
      if (processes.empty()) return;
      if (std::any_of(sessions_.begin(), sessions_.end(), [](const auto& each) { return each->is_busy && !each->has_waited; })) continue;
      const std::string blocked =
          run_on(*control_, "SELECT bool_and(cardinality(pg_blocking_pids(pid)) > 0) FROM unnest(ARRAY[" + processes + "]) pid");
      for (const auto& each : sessions_) read(*each);
      const bool all_wait = std::all_of(sessions_.begin(), sessions_.end(), [](const auto& each) { return !each->is_busy || each->has_waited; });
      if (all_wait && blocked.ends_with("'t'")) return;
    }
    throw std::runtime_error("the real server's sessions do not settle");
  }

  Connection control_;
  std::vector<std::unique_ptr<Session>> sessions_;
};

class SimulatedWorld final : public ScheduleWorld {
 public:
  void begin(const Schedule& schedule) override {
    clients_.clear();
    control_.reset();
    engine_ = std::make_unique<sim::database::Engine>("postgres", environment_, sim::database::EngineOptions{.shuffles_open_order = false});
    control_ = std::make_unique<SqlClient>(*engine_, environment_.time, "control");
    for (const std::string& sql : schedule.setup) {
      const std::string outcome = look(sql);
      if (outcome.starts_with("ERROR")) throw std::runtime_error(sql + ": " + outcome);
    }
    for (std::size_t i = 0; i < kMostSessions; ++i) {
      clients_.push_back(std::make_unique<SqlClient>(*engine_, environment_.time, session_name(i)));
      clients_.back()->session().set("deadlock_timeout", deadlock_timeout(i));
    }
    outcomes_.assign(kMostSessions, std::nullopt);
    has_text_.assign(kMostSessions, false);
  }

  void give(std::size_t session, const std::string& sql) override {
    clients_[session]->start(sql);
    has_text_[session] = true;
    // Longer than all deadlock time-outs one after the other.
    if (std::any_of(clients_.begin(), clients_.end(), [](const auto& each) { return each->is_busy(); })) environment_.time.advance(1s);
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      if (!has_text_[i] || clients_[i]->is_busy()) continue;
      outcomes_[i] = outcome_of(*clients_[i], numbers_);
      has_text_[i] = false;
    }
  }

  bool is_busy(std::size_t session) override { return clients_[session]->is_busy(); }

  std::optional<std::string> take_outcome(std::size_t session) override { return std::exchange(outcomes_[session], std::nullopt); }

  std::vector<std::size_t> waits_for(std::size_t session) override {
    const std::string outcome =
        look("SELECT pg_blocking_pids(" + std::to_string(clients_[session]->session().process_id()) + ")::text");
    std::vector<std::size_t> found;
    for (std::size_t k = 0; k < clients_.size(); ++k) {
      const std::string process = std::to_string(clients_[k]->session().process_id());
      if (outcome.find(process, outcome.find('{')) != std::string::npos) found.push_back(k);
    }
    return found;
  }

  std::string look(const std::string& sql) override {
    control_->start(sql);
    while (control_->is_busy()) environment_.time.advance(1s);
    return outcome_of(*control_, numbers_);
  }

  void end() override { clients_.clear(); }

 private:
  SqlEnvironment environment_{1};
  cli::sql::TypeNumbers numbers_;
  std::unique_ptr<sim::database::Engine> engine_;
  std::unique_ptr<SqlClient> control_;
  std::vector<std::unique_ptr<SqlClient>> clients_;
  std::vector<std::optional<std::string>> outcomes_;
  std::vector<bool> has_text_;
};

/// Numbers of processes and transactions differ.
std::string without_numbers(const std::string& outcome) {
  const bool names_processes = outcome.starts_with("ERROR 40P01") || outcome.starts_with("ERROR 40001");
  return names_processes ? outcome.substr(0, outcome.find("\nDETAIL")) : outcome;
}

}  // namespace

std::unique_ptr<ScheduleWorld> real_schedule_world(const real::PrivatePostgres& server) { return std::make_unique<RealWorld>(server); }
std::unique_ptr<ScheduleWorld> simulated_schedule_world() { return std::make_unique<SimulatedWorld>(); }

/// RETURNING gives rows as they lie, which depends on where a real server found room for new versions.
std::string comparable(const std::string& outcome) {
  const bool is_change = outcome.starts_with("UPDATE") || outcome.starts_with("DELETE");
  return is_change ? in_any_order(outcome) : without_numbers(outcome);
}

std::string tables_of(ScheduleWorld& world) {
  return world.look("SELECT * FROM p WHERE id % 100 = 0 ORDER BY id") + "\n" + world.look("SELECT * FROM c WHERE id % 100 = 0 ORDER BY id") + "\n" +
         world.look("SELECT count(*) FROM c WHERE p IS NULL");
}

ScheduleRun run_schedule(const Schedule& schedule, ScheduleWorld& world) {
  world.begin(schedule);
  ScheduleRun run;
  run.outcomes.resize(schedule.steps.size());
  std::vector<std::size_t> left(schedule.steps.size());
  std::iota(left.begin(), left.end(), std::size_t{0});
  std::vector<std::size_t> last_given(schedule.sessions);
  while (!left.empty()) {
    const auto next = std::find_if(left.begin(), left.end(), [&](std::size_t i) { return !world.is_busy(schedule.steps[i].session); });
    if (next == left.end()) break;  // who waits waits for ever: the transcript says so
    const ScheduleStep& step = schedule.steps[*next];
    last_given[step.session] = *next;
    left.erase(next);
    std::vector<bool> waited(schedule.sessions);
    for (std::size_t i = 0; i < schedule.sessions; ++i) waited[i] = world.is_busy(i);
    world.give(step.session, step.sql);
    std::string event = session_name(step.session) + ": " + step.sql + "\n";
    for (std::size_t i = 0; i < schedule.sessions; ++i) {
      if (const auto outcome = world.take_outcome(i)) {
        run.outcomes[last_given[i]] = comparable(*outcome);
        event += "  " + session_name(i) + (waited[i] ? " ends: " : " ") + *run.outcomes[last_given[i]] + "\n";
      } else if (world.is_busy(i)) {
        event += "  " + session_name(i) + " waits for";
        for (const std::size_t other : world.waits_for(i)) event += " " + session_name(other);
        event += "\n";
      }
    }
    run.transcript.push_back(event);
  }
  run.transcript.push_back(tables_of(world));
  world.end();
  return run;
}

}  // namespace orrery::testing
