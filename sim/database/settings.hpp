#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/time.hpp"

namespace orrery::sim::database {

/// What every statement looks at, read once and not at each statement. Zero: no limit.
struct StatementSettings {
  Duration statement_timeout{0};
  Duration lock_timeout{0};
  Duration deadlock_timeout{0};
  Duration idle_in_transaction_timeout{0};
  Duration idle_session_timeout{0};
  bool repeatable_read = false;  // what transactions begin with
  bool serializable = false;
  bool read_only = false;
  bool asynchronous_commit = false;
};

/// Throws 42704; 0A000 if PostgreSQL has a setting of this name.
[[noreturn]] void fail_unknown_setting(std::string_view name);
/// As SHOW heads its column; `name` in small letters.
[[nodiscard]] std::string_view spelling_of_setting(std::string_view name);

/// A session's settings (SET, SHOW), with what SET LOCAL and rolled back transactions undo. Only settings whose effect
/// is simulated, or that have none on results, are known.
class Settings {
 public:
  Settings();

  /// The value as SHOW prints it; nothing: unknown.
  [[nodiscard]] std::optional<std::string> show(std::string_view name) const;
  /// Throws 42704 for an unknown name, 22023 for a bad value, 0A000 for a value whose effect is not simulated.
  void set(std::string_view name, std::string_view value, bool is_local);
  void reset(std::string_view name, bool is_local);
  void reset_all();

  [[nodiscard]] const StatementSettings& of_statement() const noexcept { return values_->of_statement; }

  /// Savepoints and transactions: settings changed since are given back.
  void begin_level();
  void end_level(bool keep, bool is_transaction);

 private:
  struct Value {
    std::string text;
    std::string session_text;  // what a SET LOCAL hides
  };
  struct Values {
    std::map<std::string, Value, std::less<>> by_name;
    StatementSettings of_statement;

    void read();  // after a change
  };
  [[nodiscard]] Values& own_values();

  std::shared_ptr<Values> values_;  // copied when it is changed while a level keeps it
  std::vector<std::shared_ptr<Values>> saved_;
};

}  // namespace orrery::sim::database
