#include "sim/database/settings.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "sim/database/errors.hpp"
#include "sim/database/types/postgres_names.hpp"

namespace orrery::sim::database {

namespace {

/// `cost`, `blocks`: a number, or a size, that only a planner which weighs costs would look at.
enum class Kind { text, milliseconds, boolean, isolation, commit, messages, cost, blocks, fixed };

struct Definition {
  std::string_view name;
  std::string_view initial;
  Kind kind;
};

constexpr std::array kDefinitions{
    Definition{"application_name", "", Kind::text},
    Definition{"client_encoding", "UTF8", Kind::fixed},
    Definition{"client_min_messages", "notice", Kind::messages},
    Definition{"cpu_index_tuple_cost", "0.005", Kind::cost},
    Definition{"cpu_operator_cost", "0.0025", Kind::cost},
    Definition{"cpu_tuple_cost", "0.01", Kind::cost},
    Definition{"datestyle", "ISO, MDY", Kind::fixed},
    Definition{"deadlock_timeout", "1s", Kind::milliseconds},
    Definition{"default_with_oids", "off", Kind::boolean},
    Definition{"default_transaction_deferrable", "off", Kind::boolean},
    Definition{"default_transaction_isolation", "read committed", Kind::isolation},
    Definition{"default_transaction_read_only", "off", Kind::boolean},
    Definition{"enable_bitmapscan", "on", Kind::boolean},
    Definition{"enable_hashagg", "on", Kind::boolean},
    Definition{"enable_hashjoin", "on", Kind::boolean},
    Definition{"enable_indexonlyscan", "on", Kind::boolean},
    Definition{"enable_indexscan", "on", Kind::boolean},
    Definition{"enable_mergejoin", "on", Kind::boolean},
    Definition{"enable_nestloop", "on", Kind::boolean},
    Definition{"enable_seqscan", "on", Kind::boolean},
    Definition{"enable_sort", "on", Kind::boolean},
    Definition{"extra_float_digits", "1", Kind::fixed},
    Definition{"force_parallel_mode", "off", Kind::boolean},
    Definition{"idle_in_transaction_session_timeout", "0", Kind::milliseconds},
    Definition{"idle_session_timeout", "0", Kind::milliseconds},
    Definition{"intervalstyle", "postgres", Kind::fixed},
    Definition{"lock_timeout", "0", Kind::milliseconds},
    Definition{"max_connections", "100", Kind::fixed},
    Definition{"max_parallel_workers_per_gather", "2", Kind::cost},
    Definition{"min_parallel_index_scan_size", "512kB", Kind::blocks},
    Definition{"min_parallel_table_scan_size", "8MB", Kind::blocks},
    Definition{"parallel_leader_participation", "on", Kind::boolean},
    Definition{"parallel_setup_cost", "1000", Kind::cost},
    Definition{"parallel_tuple_cost", "0.1", Kind::cost},
    Definition{"random_page_cost", "4", Kind::cost},
    Definition{"search_path", "\"$user\", public", Kind::text},
    Definition{"seq_page_cost", "1", Kind::cost},
    Definition{"server_encoding", "UTF8", Kind::fixed},
    Definition{"server_version", "15.20", Kind::fixed},
    Definition{"server_version_num", "150020", Kind::fixed},
    Definition{"standard_conforming_strings", "on", Kind::fixed},
    Definition{"statement_timeout", "0", Kind::milliseconds},
    Definition{"synchronous_commit", "on", Kind::commit},
    Definition{"timezone", "UTC", Kind::fixed},
    Definition{"transaction_isolation", "read committed", Kind::fixed},
};

/// A size in pages of 8 kB; without a unit it is a number of pages (manual, 20.1.1). Nothing: it is none.
std::optional<std::int64_t> blocks_of(std::string_view text) {
  double number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  constexpr std::array<std::pair<std::string_view, double>, 6> kUnits{
      {{"", 1}, {"B", 1.0 / 8192}, {"kB", 1.0 / 8}, {"MB", 128}, {"GB", 131'072}, {"TB", 134'217'728}}};
  const auto* known = std::ranges::find(kUnits, unit, &std::pair<std::string_view, double>::first);
  if (error != std::errc{} || known == kUnits.end()) return std::nullopt;
  const double blocks = std::nearbyint(number * known->second);
  if (std::abs(blocks) > std::numeric_limits<std::int32_t>::max()) return std::nullopt;
  return static_cast<std::int64_t>(blocks);
}

/// With the largest unit in which it is whole.
std::string block_text(std::int64_t blocks) {
  if (blocks == 0) return "0";
  if (blocks % 131'072 == 0) return std::to_string(blocks / 131'072) + "GB";
  if (blocks % 128 == 0) return std::to_string(blocks / 128) + "MB";
  return std::to_string(blocks * 8) + "kB";
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

const Definition* find(std::string_view name) {
  for (const Definition& definition : kDefinitions) {
    if (definition.name == name) return &definition;
  }
  return nullptr;
}

const Definition& require(std::string_view name) {
  const Definition* definition = find(name);
  if (definition == nullptr) fail_unknown_setting(name);
  return *definition;
}

/// Milliseconds of "100", "1s", "2 min"; -1: not a duration.
std::int64_t milliseconds_of(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return -1;
  std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  if (unit.empty() || unit == "ms") return number;
  if (unit == "s") return number * 1000;
  if (unit == "min") return number * 60'000;
  if (unit == "h") return number * 3'600'000;
  if (unit == "d") return number * 86'400'000;
  if (unit == "us") return number / 1000;
  return -1;
}

std::string print_milliseconds(std::int64_t value) {
  static constexpr std::array<std::pair<std::int64_t, const char*>, 4> kUnits{
      {{86'400'000, "d"}, {3'600'000, "h"}, {60'000, "min"}, {1000, "s"}}};
  if (value == 0) return "0";
  for (const auto& [size, unit] : kUnits) {
    if (value % size == 0) return std::to_string(value / size) + unit;
  }
  return std::to_string(value) + "ms";
}

[[noreturn]] void fail_value(std::string_view name, std::string_view value) {
  fail("22023", "invalid value for parameter " + in_quotes(name) + ": " + in_quotes(value));
}

std::string normalize(const Definition& definition, std::string_view value) {
  switch (definition.kind) {
    case Kind::text:
      return std::string(value);
    case Kind::milliseconds: {
      const std::int64_t number = milliseconds_of(value);
      if (number < 0) fail_value(definition.name, value);
      return print_milliseconds(number);
    }
    case Kind::boolean: {
      const std::string word = lower(value);
      const bool is_on = word == "on" || word == "true" || word == "yes" || word == "1" || word == "t";
      if (is_on && definition.name == "default_with_oids") fail("0A000", "tables declared WITH OIDS are not supported");
      if (is_on) return "on";
      if (word == "off" || word == "false" || word == "no" || word == "0" || word == "f") return "off";
      fail("22023", "parameter " + in_quotes(definition.name) + " requires a Boolean value");
    }
    case Kind::isolation: {
      const std::string word = lower(value);
      for (const char* known : {"read committed", "repeatable read", "serializable", "read uncommitted"}) {
        if (word == known) return word;
      }
      fail_value(definition.name, value);
    }
    case Kind::commit: {
      const std::string word = lower(value);
      for (const char* known : {"on", "off", "local", "remote_write", "remote_apply"}) {
        if (word == known) return word;
      }
      if (word == "true" || word == "yes" || word == "1") return "on";
      if (word == "false" || word == "no" || word == "0") return "off";
      fail("22023", "invalid value for parameter " + in_quotes(definition.name) + ": " + in_quotes(value), 0, {},
           "Available values: local, remote_write, remote_apply, on, off.");
    }
    case Kind::messages: {
      const std::string word = lower(value);
      for (const char* known : {"debug5", "debug4", "debug3", "debug2", "debug1", "log", "notice", "warning", "error"}) {
        if (word == known) return word;
      }
      if (word == "debug") return "debug2";
      if (word == "info") return word;
      fail("22023", "invalid value for parameter " + in_quotes(definition.name) + ": " + in_quotes(value), 0, {},
           "Available values: debug5, debug4, debug3, debug2, debug1, log, notice, warning, error.");
    }
    case Kind::cost: {
      double number = -1;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
      const bool is_number = error == std::errc{} && end == value.data() + value.size() && number >= 0;
      if (!is_number && value != definition.initial) fail_value(definition.name, value);
      return std::string(value);
    }
    case Kind::blocks: {
      const std::optional<std::int64_t> blocks = blocks_of(value);
      if (!blocks) fail_value(definition.name, value);
      constexpr std::int64_t kMost = 715'827'882;
      if (*blocks < 0 || *blocks > kMost) {
        fail("22023", std::to_string(*blocks) + " 8kB is outside the valid range for parameter " + in_quotes(definition.name) + " (0 .. " +
                          std::to_string(kMost) + ")");
      }
      return block_text(*blocks);
    }
    case Kind::fixed:
      break;
  }
  const std::string word = lower(value);
  // From 1 on, floats have as many digits as it takes (manual, 8.1.3): so they have here.
  if (definition.name == "extra_float_digits" && (word == "2" || word == "3")) return word;
  const std::string initial = lower(definition.initial);
  const bool is_same = word == initial || (definition.name == "timezone" && (word == "utc" || word == "gmt" || word == "etc/utc")) ||
                       ((definition.name == "client_encoding") && (word == "utf8" || word == "utf-8" || word == "unicode")) ||
                       (definition.name == "datestyle" && word == "iso");
  if (!is_same) fail_unsupported("SET " + std::string(definition.name) + " to another value than " + std::string(definition.initial));
  return std::string(definition.initial);
}

/// Of a setting that the application makes up: identifiers with dots between them (manual, 20.16).
void check_custom_name(std::string_view name) {
  bool is_first = true;
  bool is_valid = true;
  for (const char c : name) {
    const bool is_letter = (c >= 'a' && c <= 'z') || c == '_' || static_cast<signed char>(c) < 0;
    const bool is_later = (c >= '0' && c <= '9') || c == '$';
    is_valid = is_valid && (is_letter || (!is_first && (is_later || c == '.')));
    is_first = c == '.';
  }
  if (is_valid && !is_first) return;
  fail("42602", "invalid configuration parameter name " + in_quotes(name), 0, "Custom parameter names must be two or more simple identifiers separated by dots.");
}

}  // namespace

void fail_unknown_setting(std::string_view name) {
  const std::string key = lower(name);
  if (postgres_has_setting(key)) fail_unsupported("setting " + key);
  fail("42704", "unrecognized configuration parameter " + in_quotes(name));
}

std::string_view spelling_of_setting(std::string_view name) {
  if (name == "datestyle") return "DateStyle";
  if (name == "intervalstyle") return "IntervalStyle";
  if (name == "timezone") return "TimeZone";
  return name;
}

void Settings::Values::read() {
  const auto duration = [&](std::string_view name) -> Duration {
    return std::chrono::milliseconds(milliseconds_of(by_name.find(name)->second.text));
  };
  of_statement.statement_timeout = duration("statement_timeout");
  of_statement.lock_timeout = duration("lock_timeout");
  of_statement.deadlock_timeout = duration("deadlock_timeout");
  of_statement.idle_in_transaction_timeout = duration("idle_in_transaction_session_timeout");
  of_statement.idle_session_timeout = duration("idle_session_timeout");
  const std::string& isolation = by_name.find("default_transaction_isolation")->second.text;
  of_statement.repeatable_read = isolation == "repeatable read";
  of_statement.serializable = isolation == "serializable";
  of_statement.asynchronous_commit = by_name.find("synchronous_commit")->second.text == "off";
  of_statement.read_only = by_name.find("default_transaction_read_only")->second.text == "on";
}

Settings::Settings() : values_(std::make_shared<Values>()) {
  for (const Definition& definition : kDefinitions) {
    values_->by_name[std::string(definition.name)] = {std::string(definition.initial), std::string(definition.initial)};
  }
  values_->read();
}

std::optional<std::string> Settings::show(std::string_view name) const {
  const auto found = values_->by_name.find(lower(name));
  if (found == values_->by_name.end()) return std::nullopt;
  return found->second.text;
}

void Settings::set(std::string_view name, std::string_view value, bool is_local) {
  const std::string key = lower(name);
  std::string text;
  if (find(key) == nullptr && key.find('.') != std::string::npos) {
    check_custom_name(key);
    text = value;  // a setting of the application's own, as app.user_id
  } else {
    text = normalize(require(key), value);
  }
  Values& values = own_values();
  Value& stored = values.by_name[key];
  stored.text = text;
  if (!is_local) stored.session_text = text;
  values.read();
}

void Settings::reset(std::string_view name, bool is_local) {
  const std::string key = lower(name);
  const bool is_custom = find(key) == nullptr && key.find('.') != std::string::npos;
  set(key, is_custom ? std::string_view() : require(key).initial, is_local);
}

void Settings::reset_all() {
  for (const Definition& definition : kDefinitions) {
    if (definition.kind != Kind::fixed) set(definition.name, definition.initial, false);
  }
}

Settings::Values& Settings::own_values() {
  if (values_.use_count() > 1) values_ = std::make_shared<Values>(*values_);
  return *values_;
}

void Settings::begin_level() { saved_.push_back(values_); }

void Settings::end_level(bool keep, bool is_transaction) {
  if (saved_.empty()) return;
  if (!keep) values_ = std::move(saved_.back());
  saved_.pop_back();
  if (keep && is_transaction) {
    for (const auto& [name, value] : values_->by_name) {
      if (value.text == value.session_text) continue;
      Values& values = own_values();
      for (auto& [each, stored] : values.by_name) stored.text = stored.session_text;
      values.read();
      break;
    }
  }
}

}  // namespace orrery::sim::database
