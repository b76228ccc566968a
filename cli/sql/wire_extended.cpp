#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "cli/sql/wire_session.hpp"

// The extended query protocol (PostgreSQL manual, 55.2.3): Parse, Bind, Describe, Execute, Close.

namespace orrery::cli::sql {
namespace {

using sim::database::StatementDescription;
using sim::database::TransactionStatus;
using sim::database::TypeRef;

std::vector<std::int16_t> read_formats(BodyReader& body) {
  const std::int16_t count = body.int16();
  if (count < 0) throw ProtocolError("invalid message format");
  std::vector<std::int16_t> formats;
  for (std::int16_t i = 0; i < count; ++i) {
    formats.push_back(body.int16());
    if (formats.back() != 0 && formats.back() != 1) fail("22023", fmt::format("unsupported format code: {}", formats.back()));
  }
  return formats;
}

}  // namespace

void WireSession::parse(BodyReader& body) {
  const std::string name(body.string());
  Prepared prepared;
  prepared.sql = body.string();
  const std::int16_t count = body.int16();
  if (count < 0) throw ProtocolError("invalid message format");
  std::vector<std::uint32_t> numbers;
  for (std::int16_t i = 0; i < count; ++i) numbers.push_back(static_cast<std::uint32_t>(body.int32()));
  body.expect_end();
  require_utf8(prepared.sql);
  for (const std::uint32_t number : numbers) prepared.declared.push_back(hub_.types.type_of(number));
  if (!name.empty() && statements_.contains(name)) fail("42P05", fmt::format("prepared statement \"{}\" already exists", name));
  prepared.description = session_->describe(prepared.sql, prepared.declared);
  statements_[name] = std::move(prepared);
  out_.begin('1');
}

void WireSession::bind(BodyReader& body) {
  const std::string name(body.string());
  const std::string statement(body.string());
  Portal portal;
  const std::vector<std::int16_t> formats = read_formats(body);
  const std::int16_t count = body.int16();
  if (count < 0) throw ProtocolError("invalid message format");
  std::vector<std::optional<std::string_view>> values;
  for (std::int16_t i = 0; i < count; ++i) {
    const std::int32_t size = body.int32();
    if (size < -1) throw ProtocolError("invalid message format");
    values.push_back(size < 0 ? std::nullopt : std::optional(body.bytes(static_cast<std::size_t>(size))));
  }
  portal.formats = read_formats(body);
  body.expect_end();
  portal.statement = statement;
  portal.prepared = find_statement(statement);
  const auto& types = portal.prepared.description.parameters;
  if (formats.size() > 1 && formats.size() != values.size()) {
    fail("08P01", fmt::format("bind message has {} parameter formats but {} parameters", formats.size(), values.size()));
  }
  if (values.size() != types.size()) {
    fail("08P01", fmt::format("bind message supplies {} parameters, but prepared statement \"{}\" requires {}", values.size(),
                              statement, types.size()));
  }
  if (portal.formats.size() > 1 && portal.formats.size() != portal.prepared.description.types.size()) {
    fail("08P01", fmt::format("bind message has {} result formats but query has {} columns", portal.formats.size(),
                              portal.prepared.description.types.size()));
  }
  if (!name.empty() && portals_.contains(name)) fail("42P03", fmt::format("cursor \"{}\" already exists", name));
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!values[i]) {
      portal.parameters.emplace_back();
    } else if (format_of(formats, i) == 1) {
      portal.parameters.push_back(value_of_binary(*values[i], types[i], i + 1));
    } else {
      require_utf8(*values[i]);
      portal.parameters.emplace_back(*values[i]);
    }
  }
  portals_[name] = std::move(portal);
  out_.begin('2');
}

void WireSession::describe(BodyReader& body) {
  const auto kind = static_cast<char>(body.byte());
  const std::string name(body.string());
  body.expect_end();
  if (kind != 'S' && kind != 'P') throw ProtocolError(fmt::format("invalid DESCRIBE message subtype {}", static_cast<int>(kind)));
  const StatementDescription* description = nullptr;
  std::vector<std::int16_t> formats;
  if (kind == 'S') {
    description = &find_statement(name).description;
    out_.begin('t').int16(static_cast<std::int16_t>(description->parameters.size()));
    for (const TypeRef& type : description->parameters) out_.int32(static_cast<std::int32_t>(hub_.types.number_of(type)));
  } else {
    const Portal& portal = find_portal(name);
    description = &portal.prepared.description;
    formats = portal.formats;
  }
  if (description->gives_rows) {
    send_row_description(description->columns, description->types, formats);
  } else {
    out_.begin('n');
  }
}

Task<> WireSession::execute(const FrontendMessage& message) {
  BodyReader body(message.body);
  const std::string name(body.string());
  const std::int32_t limit = body.int32();
  body.expect_end();
  Portal& portal = find_portal(name);
  if (portal.prepared.description.is_empty) {
    out_.begin('I');
    co_return;
  }
  if (!portal.has_run) {
    portal.has_run = true;
    if (deallocate(portal.prepared.sql)) co_return;
    Task<StatementResult> running = session_->execute_step(portal.prepared.sql, portal.parameters, portal.prepared.declared);
    StatementResult result = co_await std::move(running);
    portal.result = std::move(result);
    for (const auto& notice : portal.result.notices) out_.notice(notice);
  } else if (portal.result.types == nullptr) {
    fail("55000", fmt::format("portal \"{}\" cannot be run", name));
  }
  const StatementResult& result = portal.result;
  if (result.types == nullptr) {
    out_.begin('C').string(result.command_tag);
    co_return;
  }
  const std::size_t left = result.rows.size() - portal.given;
  const std::size_t count = limit > 0 ? std::min(left, static_cast<std::size_t>(limit)) : left;
  send_rows(result, portal.given, count, portal.formats);
  portal.given += count;
  if (limit > 0 && count == static_cast<std::size_t>(limit)) {
    out_.begin('s');  // as PostgreSQL, which does not know yet whether that was all
  } else if (result.command_tag.starts_with("SELECT") && !result.types->empty()) {
    out_.begin('C').string(fmt::format("SELECT {}", count));
  } else {
    out_.begin('C').string(result.command_tag);
  }
}

void WireSession::close(BodyReader& body) {
  const auto kind = static_cast<char>(body.byte());
  const std::string name(body.string());
  body.expect_end();
  if (kind == 'S') {
    statements_.erase(name);
    std::erase_if(portals_, [&](const auto& each) { return each.second.statement == name; });
  } else if (kind == 'P') {
    portals_.erase(name);
  } else {
    throw ProtocolError(fmt::format("invalid CLOSE message subtype {}", static_cast<int>(kind)));
  }
  out_.begin('3');
}

bool WireSession::deallocate(std::string_view sql) {
  std::vector<std::string> words;
  bool in_word = false;
  for (const char c : sql) {
    if (c == ' ' || c == '\n' || c == '\t' || c == ';') {
      in_word = false;
      continue;
    }
    if (!in_word) words.emplace_back();
    in_word = true;
    words.back() += c;
  }
  const auto is = [](std::string word, std::string_view keyword) {
    std::ranges::transform(word, word.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return word == keyword;
  };
  if (words.empty() || !is(words[0], "deallocate")) return false;
  if (words.size() == 3 && is(words[1], "prepare")) words.erase(words.begin() + 1);
  if (words.size() != 2) return false;
  if (session_->status() == TransactionStatus::failed) {
    fail("25P02", "current transaction is aborted, commands ignored until end of transaction block");
  }
  std::string name = words[1];
  if (is(name, "all")) {
    statements_.clear();
    out_.begin('C').string("DEALLOCATE ALL");
    return true;
  }
  if (name.size() > 1 && name.front() == '"' && name.back() == '"') {
    name = name.substr(1, name.size() - 2);
  } else {
    std::ranges::transform(name, name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  }
  if (statements_.erase(name) == 0) fail("26000", fmt::format("prepared statement \"{}\" does not exist", name));
  out_.begin('C').string("DEALLOCATE");
  return true;
}

WireSession::Prepared& WireSession::find_statement(const std::string& name) {
  const auto found = statements_.find(name);
  if (found == statements_.end()) {
    fail("26000", name.empty() ? "unnamed prepared statement does not exist"
                               : fmt::format("prepared statement \"{}\" does not exist", name));
  }
  return found->second;
}

WireSession::Portal& WireSession::find_portal(const std::string& name) {
  const auto found = portals_.find(name);
  if (found == portals_.end()) fail("34000", fmt::format("portal \"{}\" does not exist", name));
  return found->second;
}

}  // namespace orrery::cli::sql
