#include "cli/sql/wire_session.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

namespace orrery::cli::sql {
namespace {

using sim::database::StatementDescription;
using sim::database::TransactionStatus;
using sim::database::TypeRef;

constexpr std::int32_t kProtocol3 = 196608;
constexpr std::int32_t kCancel = 80877102;
constexpr std::int32_t kSsl = 80877103;
constexpr std::int32_t kGss = 80877104;

}  // namespace

void fail(std::string_view sqlstate, std::string message) {
  SqlError error;
  error.sqlstate = sqlstate;
  error.message = std::move(message);
  throw error;
}

void require_utf8(std::string_view text) {
  std::string offending;
  if (!is_valid_utf8(text, offending)) fail("22021", "invalid byte sequence for encoding \"UTF8\": " + offending);
}

std::int16_t format_of(const std::vector<std::int16_t>& formats, std::size_t column) {
  return formats.empty() ? std::int16_t{0} : formats.size() == 1 ? formats[0] : formats[column];
}

void WireHub::cancel(std::int32_t process, std::int32_t key) {
  const auto found = sessions.find(process);
  if (found != sessions.end() && found->second->key_ == key) found->second->session_->cancel();
}

WireSession::WireSession(WireHub& hub) : hub_(hub), input_(hub.environment.executor()) {
  on_result_ = [this](StatementResult result) { send_result(result); };
  running_ = run();
  running_.start();
}

WireSession::~WireSession() {
  running_ = {};
  if (session_ != nullptr) hub_.sessions.erase(session_->process_id());
}

void WireSession::receive(std::string_view bytes) {
  reader_.feed(bytes);
  input_.wake();
}

void WireSession::disconnect() {
  is_gone_ = true;
  input_.wake();
}

Task<std::optional<FrontendMessage>> WireSession::next_message() {
  // Between two commands a client may be silent for so long; what it is told meanwhile does not count.
  const auto limit = is_ready_ ? session_->idle_limit() : sim::database::Session::IdleLimit();
  const Instant deadline =
      limit.after == Duration::zero() ? Instant::max() : hub_.environment.time.now() + limit.after;
  while (!is_gone_) {
    std::optional<FrontendMessage> message = reader_.next();
    if (message) co_return message;
    if (is_ready_) send_notifications();
    const bool woken = co_await input_.wait_until(deadline);
    if (woken) continue;
    send_fatal(limit.sqlstate, limit.message);
    break;
  }
  co_return std::nullopt;
}

Task<> WireSession::run() {
  std::string broken;
  try {
    Task<> serving = serve();
    co_await std::move(serving);
  } catch (const ProtocolError& error) {
    broken = error.what();
  }
  if (!broken.empty()) send_fatal("08P01", broken);
  // Its transaction is rolled back and its locks are free as soon as it ends, not when somebody notices.
  if (session_ != nullptr) hub_.sessions.erase(session_->process_id());
  portals_.clear();
  session_.reset();
}

Task<> WireSession::serve() {
  Task<bool> starting = start_up();
  const bool started = co_await std::move(starting);
  if (!started) co_return;
  while (true) {
    Task<std::optional<FrontendMessage>> reading = next_message();
    const std::optional<FrontendMessage> message = co_await std::move(reading);
    if (!message || message->type == 'X') co_return;
    const bool was_ready = std::exchange(is_ready_, false);
    if (skips_to_sync_ && message->type != 'S') continue;
    std::optional<SqlError> failure;
    try {
      Task<> handling = handle(*message, was_ready);
      co_await std::move(handling);
    } catch (const SqlError& error) {
      failure = error;
    }
    if (!failure) continue;
    send_error(*failure);
    if (message->type == 'Q' || message->type == 'F' || message->type == 'S') {
      ready();
    } else {
      skips_to_sync_ = true;
    }
  }
}

Task<bool> WireSession::start_up() {
  while (true) {
    Task<std::optional<FrontendMessage>> reading = next_message();
    const std::optional<FrontendMessage> message = co_await std::move(reading);
    if (!message) co_return false;
    BodyReader body(message->body);
    const std::int32_t version = body.int32();
    if (version == kSsl || version == kGss) {
      out_.refuse_encryption();
      continue;
    }
    if (version == kCancel) {
      const std::int32_t process = body.int32();
      const std::int32_t key = body.int32();
      hub_.cancel(process, key);
      co_return false;
    }
    if (version >> 16 != 3) {
      send_fatal("0A000", fmt::format("unsupported frontend protocol {}.{}: server supports 3.0 to 3.0",
                                      static_cast<std::uint32_t>(version) >> 16U, version & 0xFFFF));
      co_return false;
    }
    if (version != kProtocol3) out_.begin('v').int32(0).int32(0);  // NegotiateProtocolVersion: 3.0 it is
    const bool begun = begin_session(body);
    if (begun) reader_.end_startup();
    co_return begun;
  }
}

bool WireSession::begin_session(BodyReader& body) {
  std::map<std::string, std::string> parameters;
  while (true) {
    const std::string name(body.string());
    if (name.empty()) break;
    parameters[name] = std::string(body.string());
  }
  body.expect_end();
  const std::string user = std::exchange(parameters["user"], "");
  if (user.empty()) {
    send_fatal("28000", "no PostgreSQL user name specified in startup packet");
    return false;
  }
  session_ = hub_.engine.connect(fmt::format("connection {}", ++hub_.connections));
  try {
    for (const auto& [name, value] : parameters) {
      if (name == "user" || name == "database" || name.starts_with("_pq_.")) continue;
      if (name == "replication") fail("0A000", "not supported in the simulated database: replication connections");
      if (name == "options") {
        apply_options(value);
      } else {
        session_->set(name, value);
      }
    }
  } catch (const SqlError& error) {
    out_.error("FATAL", error);
    return false;
  }
  out_.begin('R').int32(0);
  for (const char* name : {"application_name", "client_encoding", "server_version", "server_encoding", "standard_conforming_strings",
                           "default_transaction_read_only"}) {
    reported_[name] = session_->setting(name);
    out_.parameter_status(name, reported_[name]);
  }
  // Names as the manual spells them, which settings are looked up without regard to.
  out_.parameter_status("DateStyle", session_->setting("datestyle"));
  out_.parameter_status("IntervalStyle", session_->setting("intervalstyle"));
  out_.parameter_status("TimeZone", session_->setting("timezone"));
  out_.parameter_status("integer_datetimes", "on");
  out_.parameter_status("in_hot_standby", "off");
  out_.parameter_status("is_superuser", "on");
  out_.parameter_status("session_authorization", "postgres");
  key_ = static_cast<std::int32_t>(hub_.environment.draw(0x77697265, hub_.connections, 0));
  hub_.sessions[session_->process_id()] = this;
  out_.begin('K').int32(session_->process_id()).int32(key_);
  session_->on_notification([this] { input_.wake(); });
  session_->copy_through(*this);
  ready();
  return true;
}

/// "-c name=value --name=value", as PGOPTIONS has them.
void WireSession::apply_options(std::string_view options) {
  std::vector<std::string> words(1);
  for (std::size_t i = 0; i < options.size(); ++i) {
    if (options[i] == '\\' && i + 1 < options.size()) {
      words.back() += options[++i];
    } else if (options[i] == ' ') {
      words.emplace_back();
    } else {
      words.back() += options[i];
    }
  }
  std::erase(words, "");
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string assignment = words[i];
    if (assignment == "-c" && i + 1 < words.size()) {
      assignment = words[++i];
    } else if (assignment.starts_with("-c") || assignment.starts_with("--")) {
      assignment.erase(0, 2);
    } else {
      fail("42601", fmt::format("invalid command-line argument for server process: {}", assignment));
    }
    const std::size_t equals = assignment.find('=');
    if (equals == std::string::npos) fail("42601", fmt::format("-c {} requires a value", assignment));
    session_->set(assignment.substr(0, equals), assignment.substr(equals + 1));
  }
}

Task<> WireSession::handle(const FrontendMessage& message, bool was_ready) {
  BodyReader body(message.body);
  switch (message.type) {
    case 'Q': {
      Task<> running = query(message);
      co_await std::move(running);
      break;
    }
    case 'E': {
      Task<> running = execute(message);
      co_await std::move(running);
      break;
    }
    case 'P':
      parse(body);
      break;
    case 'B':
      bind(body);
      break;
    case 'D':
      describe(body);
      break;
    case 'C':
      close(body);
      break;
    case 'S':
      body.expect_end();
      skips_to_sync_ = false;
      {
        Task<> committing = session_->sync();
        co_await std::move(committing);
      }
      ready();
      break;
    case 'H':  // output is sent as soon as it is there
      body.expect_end();
      break;
    case 'F':
      fail("0A000", "not supported in the simulated database: the function call protocol");
    default:  // of a COPY that has failed: what the client still sends is passed over
      is_ready_ = was_ready;
      break;
  }
}

Task<> WireSession::query(const FrontendMessage& message) {
  BodyReader body(message.body);
  const std::string sql(body.string());
  body.expect_end();
  require_utf8(sql);
  statements_.erase("");
  portals_.erase("");
  if (!deallocate(sql)) {
    Task<> running = session_->execute_each(sql, on_result_);
    co_await std::move(running);
  }
  ready();
}

void WireSession::send_result(const StatementResult& result) {
  for (const auto& notice : result.notices) out_.notice(notice);
  if (result.command_tag.empty()) {
    out_.begin('I');
    return;
  }
  if (result.types != nullptr) {
    send_row_description(result.types->empty() ? std::vector<std::string>() : result.rows.shape()->columns, *result.types, {});
    send_rows(result, 0, result.rows.size(), {});
  }
  out_.begin('C').string(result.command_tag);
}

void WireSession::send_row_description(const std::vector<std::string>& names, const std::vector<TypeRef>& types,
                                       const std::vector<std::int16_t>& formats) {
  out_.begin('T').int16(static_cast<std::int16_t>(types.size()));
  for (std::size_t i = 0; i < types.size(); ++i) {
    // Of which table's column it comes is not known: zeros.
    out_.string(names[i]).int32(0).int16(0).int32(static_cast<std::int32_t>(hub_.types.number_of(types[i])));
    out_.int16(TypeNumbers::length_of(types[i])).int32(std::max(types[i].typmod, -1)).int16(format_of(formats, i));
  }
}

void WireSession::send_rows(const StatementResult& result, std::size_t from, std::size_t count,
                            const std::vector<std::int16_t>& formats) {
  const auto& types = *result.types;
  if (types.empty()) {  // SELECT without columns has rows all the same
    for (std::int64_t i = 0; i < result.rows.affected(); ++i) out_.begin('D').int16(0);
    return;
  }
  for (std::size_t i = from; i < from + count; ++i) {
    out_.begin('D').int16(static_cast<std::int16_t>(types.size()));
    for (std::size_t k = 0; k < types.size(); ++k) {
      const SqlValue& cell = result.rows[i][k];
      if (cell.is_null()) {
        out_.int32(-1);
        continue;
      }
      const std::string bytes = format_of(formats, k) == 1 ? binary_of(cell, types[k], hub_.types) : cell.text();
      out_.int32(static_cast<std::int32_t>(bytes.size())).bytes(bytes);
    }
  }
}

void WireSession::send_error(const SqlError& error) { out_.error("ERROR", error); }

void WireSession::send_fatal(std::string_view sqlstate, std::string_view message) {
  SqlError error;
  error.sqlstate = sqlstate;
  error.message = message;
  out_.error("FATAL", error);
}

/// Outside of a transaction: PostgreSQL sends them before ReadyForQuery, or at once to a client that is idle.
void WireSession::send_notifications() {
  for (const sim::database::Notification& each : session_->take_notifications()) {
    out_.begin('A').int32(each.process_id).string(each.channel).string(each.payload);
  }
}

void WireSession::ready() {
  after_statement();
  send_notifications();
  out_.ready_for_query(session_->status());
  is_ready_ = true;
}

/// Portals end with their transaction; settings that clients follow are reported when they have changed.
void WireSession::after_statement() {
  if (session_->status() == TransactionStatus::idle) portals_.clear();
  for (auto& [name, value] : reported_) {
    const std::string now = session_->setting(name);
    if (now == value) continue;
    value = now;
    out_.parameter_status(name, value);
  }
}

}  // namespace orrery::cli::sql
