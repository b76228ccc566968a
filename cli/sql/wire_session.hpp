#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/sql/wire_messages.hpp"
#include "cli/sql/wire_types.hpp"
#include "cli/sql/world.hpp"
#include "sim/database/engine.hpp"

namespace orrery::cli::sql {

class WireSession;

/// What the sessions of one server share.
struct WireHub {
  WireHub(std::uint64_t seed, SystemTime begin, bool natural_order)
      : environment(seed, begin), engine("orrery", environment, {.shuffles_open_order = !natural_order}) {}

  /// CancelRequest: nothing happens if there is no such session or the key is wrong, as the protocol wants it.
  void cancel(std::int32_t process, std::int32_t key);

  SqlEnvironment environment;
  sim::database::Engine engine;
  TypeNumbers types;
  std::map<std::int32_t, WireSession*> sessions;  // by process id
  std::uint64_t connections = 0;
};

/// One client's side of PostgreSQL's protocol 3 (manual, chapter 55) over bytes: it knows no sockets. Bytes of the client go
/// in with `receive`, bytes for it come out of `take_output`; in between runs one coroutine, which waits where a
/// statement waits. What Execute does outside of a transaction block is committed at Sync. One difference to a real server: a
/// portal's statement runs as a whole at its first Execute.
class WireSession final : sim::database::CopyStream {
 public:
  explicit WireSession(WireHub& hub);
  ~WireSession() override;
  WireSession(const WireSession&) = delete;
  WireSession& operator=(const WireSession&) = delete;

  void receive(std::string_view bytes);
  /// The client is gone. A statement that runs goes on to its end, and commits if it is alone; then the session is over.
  void disconnect();
  [[nodiscard]] std::string take_output() { return out_.take(); }
  [[nodiscard]] bool has_output() const noexcept { return !out_.is_empty(); }
  /// True when nothing more comes: what is left of the output is to be sent, and the connection closed.
  [[nodiscard]] bool is_over() const noexcept { return running_.done(); }
  /// Bytes that wait to be read; who feeds the session stops for a while when they are many.
  [[nodiscard]] std::size_t buffered() const noexcept { return reader_.buffered(); }

 private:
  friend struct WireHub;

  struct Prepared {
    std::string sql;
    std::vector<sim::database::TypeRef> declared;
    sim::database::StatementDescription description;
  };
  struct Portal {
    std::string statement;
    Prepared prepared;
    std::vector<SqlValue> parameters;
    std::vector<std::int16_t> formats;  // of the columns: none, one for all, or one each
    bool has_run = false;
    StatementResult result;
    std::size_t given = 0;  // rows that were sent
  };

  Task<> run();
  Task<> serve();
  /// False: the connection ends.
  Task<bool> start_up();
  [[nodiscard]] bool begin_session(BodyReader& body);
  void apply_options(std::string_view options);
  /// Nothing: the client is gone.
  Task<std::optional<FrontendMessage>> next_message();
  Task<> handle(const FrontendMessage& message, bool was_ready);
  Task<> query(const FrontendMessage& message);
  // --- wire_extended.cpp ---
  void parse(BodyReader& body);
  void bind(BodyReader& body);
  void describe(BodyReader& body);
  Task<> execute(const FrontendMessage& message);
  void close(BodyReader& body);
  /// DEALLOCATE as a text: prepared statements live here, not in the engine. False: it is another statement.
  bool deallocate(std::string_view sql);

  [[nodiscard]] Prepared& find_statement(const std::string& name);
  [[nodiscard]] Portal& find_portal(const std::string& name);
  // --- wire_copy.cpp: COPY, whose data travels in messages of its own ---
  void begin_input(std::size_t columns) override;
  Task<std::optional<std::string>> read() override;
  void begin_output(std::size_t columns) override;
  void write(std::string_view line) override;
  void end_output() override;
  void begin_copy(char type, std::size_t columns);

  void send_result(const StatementResult& result);
  void send_rows(const StatementResult& result, std::size_t from, std::size_t count,
                 const std::vector<std::int16_t>& formats);
  void send_row_description(const std::vector<std::string>& names, const std::vector<sim::database::TypeRef>& types,
                            const std::vector<std::int16_t>& formats);
  void send_error(const SqlError& error);
  void send_fatal(std::string_view sqlstate, std::string_view message);
  void after_statement();
  void send_notifications();
  /// The answer to a command is complete: ReadyForQuery, and what goes before it.
  void ready();

  WireHub& hub_;
  Waiter input_;
  MessageReader reader_;
  MessageWriter out_;
  bool is_gone_ = false;
  bool skips_to_sync_ = false;
  bool is_ready_ = false;  // the client was told so, and has sent nothing since
  std::int32_t key_ = 0;
  std::unique_ptr<sim::database::Session> session_;
  std::map<std::string, Prepared> statements_;
  std::map<std::string, Portal> portals_;
  std::map<std::string, std::string> reported_;  // settings that the client was told
  std::function<void(StatementResult)> on_result_;
  Task<> running_;  // destroyed first: it uses all of the above
};

/// Throws SqlError, for what the protocol itself finds.
[[noreturn]] void fail(std::string_view sqlstate, std::string message);
/// Throws 22021.
void require_utf8(std::string_view text);
/// Of a column: no format is text, one is for all.
[[nodiscard]] std::int16_t format_of(const std::vector<std::int16_t>& formats, std::size_t column);

}  // namespace orrery::cli::sql
