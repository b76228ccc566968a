#include "real-mode/pg_link.hpp"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <exception>
#include <map>
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

Rows to_rows(const pqxx::result& result) {
  auto shape = std::make_shared<RowShape>();
  std::vector<unsigned> types;
  for (pqxx::row::size_type column = 0; column < result.columns(); ++column) {
    shape->columns.emplace_back(result.column_name(column));
    types.push_back(static_cast<unsigned>(result.column_type(column)));
  }
  std::vector<SqlValue> cells;
  cells.reserve(static_cast<std::size_t>(result.size()) * types.size());
  for (const auto& row : result) {
    for (pqxx::row::size_type column = 0; column < result.columns(); ++column) {
      const auto field = row[column];
      cells.push_back(field.is_null() ? SqlValue() : cell(types[column], {field.c_str(), field.size()}));
    }
  }
  return Rows(std::move(shape), std::move(cells), static_cast<std::int64_t>(result.affected_rows()));
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

}  // namespace

struct PgLink::Impl {
  explicit Impl(const std::string& connection) : link(connection), socket(link.sock()) {}

  class Receiver final : public pqxx::notification_receiver {
   public:
    Receiver(pqxx::connection_base& link, const std::string& channel, std::function<void(const std::string&)> heard)
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

  /// "('1', NULL)"
  [[nodiscard]] static std::string literals(const pqxx::transaction_base& session, const std::vector<SqlValue>& parameters) {
    std::string text;
    for (const SqlValue& value : parameters) {
      text += text.empty() ? '(' : ',';
      text += value.is_null() ? "NULL" : session.quote(std::string(value.text()));
    }
    return text + ')';
  }

  pqxx::connection link;
  std::atomic<int> socket;
  std::map<std::string, std::string, std::less<>> prepared;
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

Rows PgLink::execute(const std::string& sql, const std::vector<SqlValue>& parameters, const std::string& begin) {
  try {
    pqxx::nontransaction session(impl_->link);
    if (parameters.empty()) return to_rows(session.exec(begin.empty() ? sql : begin + "; " + sql));
    auto known = impl_->prepared.find(sql);
    if (known != impl_->prepared.end() && !begin.empty()) {
      // Bind and Execute of the protocol carry one statement; SQL's EXECUTE can have company.
      return to_rows(session.exec(begin + "; EXECUTE " + known->second + Impl::literals(session, parameters)));
    }
    if (!begin.empty()) session.exec(begin);
    if (known == impl_->prepared.end()) {
      const std::string name = "s" + std::to_string(impl_->prepared.size() + 1);
      impl_->link.prepare(name, sql);
      known = impl_->prepared.emplace(sql, name).first;
    }
    std::vector<std::string> texts;
    texts.reserve(parameters.size());
    std::vector<const char*> arguments;
    for (const SqlValue& value : parameters) {
      texts.push_back(value.text());
      arguments.push_back(value.is_null() ? nullptr : texts.back().c_str());
    }
    return to_rows(session.exec_prepared(known->second, pqxx::prepare::make_dynamic_params(arguments)));
  } catch (const pqxx::failure&) {
    impl_->rethrow();
  }
}

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
