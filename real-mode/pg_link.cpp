#include "real-mode/pg_link.hpp"

#include <libpq-fe.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <exception>
#include <map>
#include <optional>
#include <pqxx/connection>
#include <pqxx/nontransaction>
#include <pqxx/notification>
#include <pqxx/prepared_statement>
#include <pqxx/result>
#include <string>
#include <utility>

namespace orrery::real {
namespace {

// From PostgreSQL's pg_type.dat; they never change.
enum : unsigned { kBool = 16, kInt8 = 20, kInt2 = 21, kInt4 = 23, kOid = 26, kFloat4 = 700, kFloat8 = 701 };

template <class Number>
SqlValue number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  CHECK(error == std::errc{} && end == text.data() + text.size(), "PostgreSQL sent a number that is none");
  return value;
}

SqlValue cell(unsigned type, std::string_view text) {
  switch (type) {
    case kBool: return text == "t";
    case kInt2:
    case kInt4:
    case kInt8:
    case kOid: return number<std::int64_t>(text);
    case kFloat4:
    case kFloat8: return number<double>(text);
    default: return text;
  }
}

/// A result as libpqxx gives it.
struct Blocking {
  const pqxx::result& result;
  [[nodiscard]] int columns() const { return static_cast<int>(result.columns()); }
  [[nodiscard]] int rows() const { return static_cast<int>(result.size()); }
  [[nodiscard]] const char* name(int column) const { return result.column_name(static_cast<pqxx::row::size_type>(column)); }
  [[nodiscard]] unsigned type(int column) const {
    return static_cast<unsigned>(result.column_type(static_cast<pqxx::row::size_type>(column)));
  }
  [[nodiscard]] std::optional<std::string_view> text(int row, int column) const {
    const auto field = result[static_cast<pqxx::result::size_type>(row)][static_cast<pqxx::row::size_type>(column)];
    if (field.is_null()) return std::nullopt;
    return std::string_view(field.c_str(), field.size());
  }
  [[nodiscard]] std::int64_t affected() const { return static_cast<std::int64_t>(result.affected_rows()); }
};

/// A result as libpq gives it.
struct Asked {
  PGresult* result;
  [[nodiscard]] int columns() const { return PQnfields(result); }
  [[nodiscard]] int rows() const { return PQntuples(result); }
  [[nodiscard]] const char* name(int column) const { return PQfname(result, column); }
  [[nodiscard]] unsigned type(int column) const { return PQftype(result, column); }
  [[nodiscard]] std::optional<std::string_view> text(int row, int column) const {
    if (PQgetisnull(result, row, column) != 0) return std::nullopt;
    return std::string_view(PQgetvalue(result, row, column), static_cast<std::size_t>(PQgetlength(result, row, column)));
  }
  [[nodiscard]] std::int64_t affected() const { return std::atoll(PQcmdTuples(result)); }
};

template <class Result>
Rows to_rows(const Result& result) {
  auto shape = std::make_shared<RowShape>();
  std::vector<unsigned> types;
  for (int column = 0; column < result.columns(); ++column) {
    shape->columns.emplace_back(result.name(column));
    types.push_back(result.type(column));
  }
  std::vector<SqlValue> cells;
  cells.reserve(static_cast<std::size_t>(result.rows()) * types.size());
  for (int row = 0; row < result.rows(); ++row) {
    for (int column = 0; column < result.columns(); ++column) {
      const auto text = result.text(row, column);
      cells.push_back(text ? cell(types[static_cast<std::size_t>(column)], *text) : SqlValue());
    }
  }
  return Rows(std::move(shape), std::move(cells), result.affected());
}

/// libpqxx 6 does not pass the name on that PostgreSQL sends; its messages, which are in English, quote it.
std::string constraint_in(std::string_view message) {
  constexpr std::string_view kBefore = "constraint \"";
  std::size_t at = message.find(kBefore);
  if (at == std::string_view::npos) return {};
  at += kBefore.size();
  return std::string(message.substr(at, message.find('"', at) - at));
}

std::string one_line(std::string_view text) { return std::string(text.substr(0, text.find('\n'))); }

#if PQXX_VERSION_MAJOR >= 7
using ConnectionBase = pqxx::connection;

/// libpqxx 7 takes a handle that was made elsewhere (seize_raw_connection).
class Connection final : public pqxx::connection {
 public:
  explicit Connection(const std::string& options) : Connection(connected(options)) {}
  /// Valid until the connection is closed.
  [[nodiscard]] PGconn* handle() const noexcept { return handle_; }

 private:
  explicit Connection(PGconn* handle) : pqxx::connection(seize_raw_connection(handle)), handle_(handle) {}
  static PGconn* connected(const std::string& options) {
    PGconn* const made = PQconnectdb(options.c_str());
    if (PQstatus(made) == CONNECTION_OK) return made;
    const std::string why = PQerrorMessage(made);
    PQfinish(made);
    throw pqxx::broken_connection(why);
  }

  PGconn* handle_;
};
#else
using ConnectionBase = pqxx::connection_base;

/// Connects at once, as libpqxx's own policy does, and keeps the handle: what libpqxx 6 offers to get at it.
class KeepsHandle final : public pqxx::connect_direct {
 public:
  explicit KeepsHandle(const std::string& options) : pqxx::connect_direct(options) {}
  handle do_startconnect(handle before) override { return made = pqxx::connect_direct::do_startconnect(before); }
  handle made = nullptr;
};

class Connection final : public pqxx::connection_base {
 public:
  explicit Connection(const std::string& options) : pqxx::connection_base(policy_), policy_(options) { init(); }
  ~Connection() { close(); }
  /// Valid until the connection is closed.
  [[nodiscard]] PGconn* handle() const noexcept { return policy_.made; }

 private:
  KeepsHandle policy_;
};
#endif

struct Cleared {
  void operator()(PGresult* result) const noexcept { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, Cleared>;

/// What became of a question: parts of one trip are answered one after the other.
struct Question {
  struct Part {
    std::string prepares;  // this text…
    std::string name;      // …under this name
  };
  std::vector<Part> parts;
  std::size_t part = 0;
  bool pipelined = false;
  bool open = false;
  bool unsent = false;
  Result last;
  std::optional<PgError> error;  // the first one
};

}  // namespace

struct PgLink::Impl {
  explicit Impl(const std::string& connection) : link(connection), socket(link.sock()) {}

  class Receiver final : public pqxx::notification_receiver {
   public:
    Receiver(ConnectionBase& link, const std::string& channel, std::function<void(const std::string&)> heard)
        : pqxx::notification_receiver(link, channel), heard_(std::move(heard)) {}
    void operator()(const std::string& payload, int) override { heard_(payload); }

   private:
    std::function<void(const std::string&)> heard_;
  };

  /// Throws the current exception as a PgError.
  [[noreturn]] void rethrow() const {
    const bool open = link.is_open();
    try {
      throw;
    } catch (const pqxx::broken_connection& error) {
      throw PgError("08006", one_line(error.what()), {}, true);
    } catch (const pqxx::serialization_failure& error) {
      throw PgError("40001", one_line(error.what()), {}, !open);
    } catch (const pqxx::deadlock_detected& error) {
      throw PgError("40P01", one_line(error.what()), {}, !open);
    } catch (const pqxx::transaction_rollback& error) {
      throw PgError("40000", one_line(error.what()), {}, !open);
    } catch (const pqxx::sql_error& error) {
      const bool ended = error.sqlstate().starts_with("57P0") || error.sqlstate().starts_with("08");
      throw PgError(error.sqlstate().empty() ? "08006" : error.sqlstate(), one_line(error.what()),
                    constraint_in(error.what()), ended || !open || error.sqlstate().empty());
    } catch (const pqxx::failure& error) {
      throw PgError("08006", one_line(error.what()), {}, true);
    }
  }

  /// The connection says no more than this.
  [[nodiscard]] PgError lost() const {
    const std::string why = one_line(PQerrorMessage(link.handle()));
    return PgError("08006", why.empty() ? "the connection is lost" : why, {}, true);
  }
  [[nodiscard]] PgError error_of(PGresult* result) const;
  /// The name of a prepared statement; asks for it to be prepared, in the same trip, if it is not.
  [[nodiscard]] bool use(const std::string& sql, std::string& name);
  void take(Result result);

  Connection link;
  std::atomic<int> socket;
  std::map<std::string, std::string, std::less<>> prepared;
  std::uint64_t named = 0;
  Question question;
  std::vector<std::unique_ptr<Receiver>> receivers;
};

PgLink::PgLink(const std::string& connection, const std::string& application, Wants wants) {
  try {
    // A URL takes further parameters after '?', the other form after a space.
    const bool is_url = connection.starts_with("postgresql://") || connection.starts_with("postgres://");
    const std::string join = !is_url ? " " : connection.find('?') == std::string::npos ? "?" : "&";
    const std::string between = is_url ? "&" : " ";
    impl_ = std::make_unique<Impl>(connection + join + "connect_timeout=3" + between + "application_name=" + application);
    // A connection that was made while the roles changed may have found the old primary.
    pqxx::nontransaction session(impl_->link);
    session.exec("SET timezone = 'UTC'; SET client_encoding = 'UTF8'; SET client_min_messages = error");
    // Only a superuser may set it; for other roles the server, or ALTER ROLE … SET, must say it.
    session.exec("SELECT set_config('lc_messages', 'C', false) FROM pg_roles WHERE rolname = current_user AND rolsuper");
    const auto language = session.exec("SHOW lc_messages")[0][0].as<std::string>();
    if (language != "POSIX" && !language.starts_with("C") && !language.starts_with("en")) {
      throw PgError("55000", "lc_messages is " + language + ": names of constraints are read from messages in English", {}, true);
    }
    // A server otherwise goes on with a statement, and keeps its locks, long after its client was killed.
    session.exec("SELECT set_config(name, '500ms', false) FROM pg_settings WHERE name = 'client_connection_check_interval'");
    if (wants == Wants::primary && session.exec("SELECT pg_is_in_recovery()")[0][0].as<bool>()) {
      throw PgError("08001", "the server is a standby", {}, true);
    }
  } catch (const pqxx::failure& error) {
    // libpqxx does not tell the SQLSTATE of a refused session.
    const bool is_full = std::string_view(error.what()).find("sorry, too many clients already") != std::string_view::npos;
    throw PgError(is_full ? "53300" : "08001", one_line(error.what()), {}, true);
  }
}

PgLink::~PgLink() {
  if (impl_ != nullptr) impl_->socket = -1;
}

namespace {

/// Parameters as text, as libpq wants them.
class Arguments {
 public:
  explicit Arguments(const std::vector<SqlValue>& parameters) {
    texts_.reserve(parameters.size());
    for (const SqlValue& value : parameters) {
      texts_.push_back(value.text());
      pointers_.push_back(value.is_null() ? nullptr : texts_.back().c_str());
    }
  }
  [[nodiscard]] const std::vector<const char*>& pointers() const noexcept { return pointers_; }

 private:
  std::vector<std::string> texts_;
  std::vector<const char*> pointers_;
};

}  // namespace

Rows PgLink::execute(const std::string& sql, const std::vector<SqlValue>& parameters) {
  try {
    pqxx::nontransaction session(impl_->link);
    if (parameters.empty()) return to_rows(Blocking{session.exec(sql)});
    auto known = impl_->prepared.find(sql);
    if (known == impl_->prepared.end()) {
      const std::string name = "s" + std::to_string(++impl_->named);
      impl_->link.prepare(name, sql);
      known = impl_->prepared.emplace(sql, name).first;
    }
    const Arguments arguments(parameters);
    return to_rows(Blocking{session.exec_prepared(known->second, pqxx::prepare::make_dynamic_params(arguments.pointers()))});
  } catch (const pqxx::failure&) {
    impl_->rethrow();
  }
}

// ---- without waiting (libpq: the manual's sections 34.4 and 34.5) ----

PgError PgLink::Impl::error_of(PGresult* result) const {
  const char* sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
  const std::string_view code = sqlstate == nullptr ? "" : sqlstate;
  const bool ended = code.empty() || code.starts_with("57P0") || code.starts_with("08") || PQstatus(link.handle()) == CONNECTION_BAD;
  return PgError(code.empty() ? "08006" : std::string(code), one_line(PQresultErrorMessage(result)),
                 constraint == nullptr ? "" : constraint, ended);
}

bool PgLink::Impl::use(const std::string& sql, std::string& name) {
  const auto known = prepared.find(sql);
  if (known != prepared.end()) {
    name = known->second;
    return true;
  }
  name = "s" + std::to_string(++named);
  question.parts.push_back({sql, name});
  return PQsendPrepare(link.handle(), name.c_str(), sql.c_str(), 0, nullptr) == 1;
}

void PgLink::ask(const std::string& sql, const std::vector<SqlValue>& parameters, const std::string& begin) {
  Question& question = impl_->question;
  CHECK(!question.open, "a connection is asked two things at once");
  PGconn* const to = impl_->link.handle();
  question = Question();
  question.open = true;
  // In blocking mode libpq waits until the socket has taken everything.
  bool sent = PQisnonblocking(to) == 1 || PQsetnonblocking(to, 1) == 0;
  if (parameters.empty()) {
    sent = sent && PQsendQuery(to, begin.empty() ? sql.c_str() : (begin + "; " + sql).c_str()) == 1;
  } else {
    question.pipelined = !begin.empty() || !impl_->prepared.contains(sql);
    if (question.pipelined) sent = sent && PQenterPipelineMode(to) == 1;
    std::string name;
    if (!begin.empty()) {
      sent = sent && impl_->use(begin, name) && PQsendQueryPrepared(to, name.c_str(), 0, nullptr, nullptr, nullptr, 0) == 1;
      question.parts.emplace_back();
    }
    const Arguments arguments(parameters);
    sent = sent && impl_->use(sql, name) &&
           PQsendQueryPrepared(to, name.c_str(), static_cast<int>(parameters.size()), arguments.pointers().data(), nullptr, nullptr, 0) == 1;
    if (question.pipelined) sent = sent && PQpipelineSync(to) == 1;
  }
  const int left = sent ? PQflush(to) : -1;
  if (left < 0) {
    question.open = false;
    throw impl_->lost();
  }
  question.unsent = left > 0;
}

bool PgLink::has_unsent() const noexcept { return impl_->question.unsent; }

int PgLink::socket() const noexcept { return impl_->socket; }

void PgLink::Impl::take(Result result) {
  switch (PQresultStatus(result.get())) {
    case PGRES_FATAL_ERROR:
      if (!question.error) question.error = error_of(result.get());
      break;
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
    case PGRES_COPY_BOTH:
      // Nobody is there to give or take the rows.
      if (!question.error) question.error.emplace("0A000", "COPY has no place in a service's statement", "", true);
      ::shutdown(socket, SHUT_RDWR);
      break;
    case PGRES_PIPELINE_ABORTED: break;  // what failed before it says why
    default:
      if (question.part < question.parts.size() && !question.parts[question.part].name.empty()) {
        prepared.emplace(std::move(question.parts[question.part].prepares), std::move(question.parts[question.part].name));
      }
      question.last = std::move(result);
  }
}

bool PgLink::proceed() {
  Question& question = impl_->question;
  PGconn* const from = impl_->link.handle();
  const int left = question.unsent ? PQflush(from) : 0;
  question.unsent = left > 0;
  const bool alive = PQconsumeInput(from) == 1 && left >= 0;
  // A server that ends a session says why before it goes: that counts, and not that it has gone.
  while (question.open && PQisBusy(from) == 0) {
    Result result(PQgetResult(from));
    if (result == nullptr) {
      if (!question.pipelined) {
        question.open = false;
      } else if (PQstatus(from) == CONNECTION_BAD) {
        break;
      } else {
        ++question.part;
      }
      continue;
    }
    const ExecStatusType status = PQresultStatus(result.get());
    if (status == PGRES_PIPELINE_SYNC) {
      question.open = PQexitPipelineMode(from) != 1;
      CHECK(!question.open, "libpq expects more answers than were asked for");
      continue;
    }
    impl_->take(std::move(result));
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) break;
  }
  while (PGnotify* unheard = PQnotifies(from)) PQfreemem(unheard);
  if (alive) return !question.open;
  question.open = false;
  if (question.error) throw *question.error;
  throw impl_->lost();
}

Rows PgLink::answer() {
  Question& question = impl_->question;
  CHECK(!question.open, "the answer is not there yet");
  const Result last = std::move(question.last);
  if (question.error) throw *question.error;
  return last == nullptr ? Rows() : to_rows(Asked{last.get()});
}

// ---- blocking ----

void PgLink::script(const std::string& sql) {
  try {
    pqxx::nontransaction session(impl_->link);
    session.exec(sql);
  } catch (const pqxx::failure&) {
    impl_->rethrow();
  }
}

void PgLink::listen(const std::string& channel, std::function<void(const std::string&)> heard) {
  try {
    impl_->receivers.push_back(std::make_unique<Impl::Receiver>(impl_->link, channel, std::move(heard)));
  } catch (const pqxx::failure&) {
    impl_->rethrow();
  }
}

void PgLink::await(Duration at_most) {
  try {
    impl_->link.await_notification(0, std::chrono::duration_cast<std::chrono::microseconds>(at_most).count());
  } catch (const pqxx::failure&) {
    impl_->rethrow();
  }
}

Address PgLink::server() const {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getpeername(impl_->link.sock(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw PgError("08006", "the server's address cannot be told", {}, true);
  }
  if (address.ss_family == AF_UNIX) return Address{reinterpret_cast<const sockaddr_un&>(address).sun_path, 0};
  char text[NI_MAXHOST];
  char port[NI_MAXSERV];
  if (::getnameinfo(reinterpret_cast<const sockaddr*>(&address), size, text, sizeof text, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    throw PgError("08006", "the server's address cannot be told", {}, true);
  }
  return Address{text, static_cast<std::uint16_t>(std::stoi(port))};
}

void PgLink::shut() noexcept {
  if (const int socket = impl_->socket; socket >= 0) ::shutdown(socket, SHUT_RDWR);
}

bool PgLink::is_stale() const noexcept {
  char byte = 0;
  const int socket = impl_->socket;
  if (socket < 0) return true;
  const ssize_t got = ::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

}  // namespace orrery::real
