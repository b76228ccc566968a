#include "cli/sql/isolation.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

#include <fmt/format.h>

#include "cli/sql/world.hpp"

namespace orrery::cli::sql {
namespace {

struct Step {
  std::string name;
  std::string sql;
  std::size_t session = 0;
};

struct Blocker {
  bool until_any = false;  // (*): reported as waiting at once
  std::string step;        // not reported complete before that one is
};

struct PermutationStep {
  std::string name;
  std::vector<Blocker> blockers;
};

struct SessionSpec {
  std::string name;
  std::string setup;
  std::string teardown;
  std::vector<std::string> steps;
};

struct Spec {
  std::vector<std::string> setups;
  std::string teardown;
  std::vector<SessionSpec> sessions;
  std::map<std::string, Step> steps;
  std::vector<std::vector<PermutationStep>> permutations;
};

class SpecParser {
 public:
  explicit SpecParser(std::string_view text) : text_(text) {}

  Spec parse() {
    Spec spec;
    while (true) {
      const std::string word = next();
      if (word.empty()) break;
      if (spec.sessions.empty() && (word == "step" || word == "permutation")) wrong("a session comes before a " + word);
      if (word == "setup") {
        const std::string sql = block();
        (spec.sessions.empty() ? (void)spec.setups.push_back(sql) : (void)(spec.sessions.back().setup = sql));
      } else if (word == "teardown") {
        (spec.sessions.empty() ? spec.teardown : spec.sessions.back().teardown) = block();
      } else if (word == "session") {
        spec.sessions.push_back({next(), {}, {}, {}});
      } else if (word == "step") {
        Step step;
        step.name = next();
        step.sql = block();
        step.session = spec.sessions.size() - 1;
        spec.sessions.back().steps.push_back(step.name);
        spec.steps[step.name] = step;
      } else if (word == "permutation") {
        spec.permutations.push_back(permutation());
      } else {
        wrong("setup, teardown, session, step or permutation is expected, not \"" + word + "\"");
      }
    }
    if (spec.sessions.empty()) wrong("there is no session");
    for (const auto& permutation : spec.permutations) {
      for (const PermutationStep& step : permutation) {
        require_step(spec, step.name);
        for (const Blocker& blocker : step.blockers) {
          if (!blocker.until_any) require_step(spec, blocker.step);
        }
      }
    }
    return spec;
  }

 private:
  [[noreturn]] void wrong(const std::string& what) const {
    const auto line = 1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(at_), '\n');
    throw std::invalid_argument(fmt::format("line {}: {}", line, what));
  }

  void require_step(const Spec& spec, const std::string& name) const {
    if (!spec.steps.contains(name)) throw std::invalid_argument(fmt::format("a permutation has an unknown step \"{}\"", name));
  }

  void skip_space() {
    while (at_ < text_.size()) {
      if (text_[at_] == '#') {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      } else if (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r') {
        ++at_;
      } else {
        return;
      }
    }
  }

  std::string next() {
    skip_space();
    if (at_ == text_.size()) return {};
    std::string word;
    if (text_[at_] == '"') {
      const std::size_t end = text_.find('"', at_ + 1);
      if (end == std::string_view::npos) wrong("a quoted name does not end");
      word = text_.substr(at_ + 1, end - at_ - 1);
      at_ = end + 1;
      return word;
    }
    if (std::string_view("(),*").find(text_[at_]) != std::string_view::npos) return std::string(1, text_[at_++]);
    while (at_ < text_.size() && std::string_view(" \n\t\r(){},*#").find(text_[at_]) == std::string_view::npos) {
      word.push_back(text_[at_++]);
    }
    return word;
  }

  std::string block() {
    skip_space();
    if (at_ == text_.size() || text_[at_] != '{') wrong("{ is expected");
    ++at_;
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
    const std::size_t end = text_.find('}', at_);
    if (end == std::string_view::npos) wrong("} is missing");
    std::string sql(text_.substr(at_, end - at_));
    while (!sql.empty() && (sql.back() == ' ' || sql.back() == '\t')) sql.pop_back();
    at_ = end + 1;
    return sql;
  }

  std::vector<PermutationStep> permutation() {
    std::vector<PermutationStep> steps;
    while (true) {
      const std::size_t before = at_;
      const std::string word = next();
      if (word.empty()) break;
      if (word == "permutation" || word == "session" || word == "setup" || word == "teardown") {
        at_ = before;
        break;
      }
      if (word != "(") {
        steps.push_back({word, {}});
        continue;
      }
      if (steps.empty()) wrong("( without a step");
      while (true) {
        const std::string marker = next();
        if (marker.empty()) wrong(") is missing");
        if (marker == ")") break;
        if (marker == ",") continue;
        if (marker == "*") {
          steps.back().blockers.push_back({true, {}});
          continue;
        }
        const std::size_t here = at_;
        if (next() == "notices") {
          static_cast<void>(next());
        } else {
          at_ = here;
        }
        steps.back().blockers.push_back({false, marker});
      }
    }
    return steps;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

/// Dates as PostgreSQL's test driver lets the server print them: it sets PGDATESTYLE to "Postgres, MDY".
std::string shown(const std::string& cell) {
  const bool is_date = cell.size() == 10 && cell[4] == '-' && cell[7] == '-' &&
                       cell.find_first_not_of("0123456789-") == std::string::npos;
  return is_date ? cell.substr(5, 2) + "-" + cell.substr(8, 2) + "-" + cell.substr(0, 4) : cell;
}

/// libpq's PQprint with a header, aligned, "|" between the columns.
std::string print_table(const orrery::Rows& rows) {
  const auto& names = rows.shape()->columns;
  std::vector<std::size_t> widths;
  std::vector<bool> is_text;
  for (std::size_t k = 0; k < names.size(); ++k) {
    std::size_t width = names[k].size();
    bool text = false;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::string cell = shown(rows[i][k].text());
      width = std::max(width, cell.size());
      if (cell.empty()) continue;
      const bool all_digits = cell.find_first_not_of("0123456789.Ee -") == std::string::npos;
      const bool ends_in_digit = cell.back() >= '0' && cell.back() <= '9';
      if (!all_digits || cell[0] == 'E' || cell[0] == 'e' || !ends_in_digit) text = true;
    }
    widths.push_back(width);
    is_text.push_back(text);
  }
  std::string out;
  const auto cell = [&](std::size_t k, const std::string& text) {
    const std::string padding(widths[k] - text.size(), ' ');
    out += is_text[k] ? text + padding : padding + text;
    if (k + 1 < names.size()) out += '|';
  };
  for (std::size_t k = 0; k < names.size(); ++k) cell(k, names[k]);
  out += '\n';
  for (std::size_t k = 0; k < names.size(); ++k) {
    out += std::string(widths[k], '-');
    if (k + 1 < names.size()) out += '+';
  }
  out += '\n';
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t k = 0; k < names.size(); ++k) cell(k, shown(rows[i][k].text()));
    out += '\n';
  }
  out += "(" + std::to_string(rows.size()) + (rows.size() == 1 ? " row)\n\n" : " rows)\n\n");
  return out;
}

std::string print_result(const SqlClient& client, const StatementResult& result, bool with_rows) {
  std::string out;
  for (const auto& notice : result.notices) out += client.name() + ": " + notice.severity + ":  " + notice.message + "\n";
  if (with_rows && result.types != nullptr) out += print_table(result.rows);
  return out;
}

std::string print_outcome(SqlClient& client) {
  const auto error = client.finish();
  std::string out;
  for (const StatementResult& result : client.results) out += print_result(client, result, true);
  if (error) out += "ERROR:  " + error->message + "\n";
  return out;
}

class PermutationRun {
 public:
  PermutationRun(const Spec& spec, const std::vector<PermutationStep>& steps) : spec_(spec), steps_(steps) {}

  std::string run() {
    out_ = "\nstarting permutation:";
    for (const PermutationStep& step : steps_) out_ += " " + step.name;
    out_ += '\n';
    SqlClient control(engine_, environment_.time, "control");
    control.session().set("client_min_messages", "warning");
    for (const std::string& setup : spec_.setups) set_up(control, setup, "setup");
    for (const SessionSpec& session : spec_.sessions) {
      clients_.push_back(std::make_unique<SqlClient>(engine_, environment_.time, session.name));
      clients_.back()->session().set("client_min_messages", "warning");
      if (!session.setup.empty()) set_up(*clients_.back(), session.setup, "setup of session " + session.name);
    }
    active_.resize(clients_.size());
    for (const PermutationStep& step : steps_) run_step(step);
    while (!waiting_.empty()) {
      if (!report_completed()) advance();
    }
    for (std::size_t i = 0; i < spec_.sessions.size(); ++i) {
      if (!spec_.sessions[i].teardown.empty()) static_cast<void>(run_plain(*clients_[i], spec_.sessions[i].teardown));
    }
    if (!spec_.teardown.empty()) static_cast<void>(run_plain(control, spec_.teardown));
    clients_.clear();
    return out_;
  }

 private:
  void set_up(SqlClient& client, const std::string& sql, const std::string& what) {
    if (const auto error = run_plain(client, sql)) throw std::invalid_argument(what + " failed: " + error->message);
  }

  /// Setups and teardowns: only the last statement's rows are printed. A teardown that fails ends nothing, as in PostgreSQL.
  std::optional<SqlError> run_plain(SqlClient& client, const std::string& sql) {
    client.start(sql);
    while (client.is_busy()) advance();
    const auto error = client.finish();
    for (std::size_t i = 0; i < client.results.size(); ++i) {
      out_ += print_result(client, client.results[i], !error && i + 1 == client.results.size());
    }
    return error;
  }

  /// What NOTIFY sent to a session since its last step.
  void print_notifications(std::size_t session) {
    for (const sim::database::Notification& each : clients_[session]->session().take_notifications()) {
      std::string sender = "unknown";
      for (std::size_t i = 0; i < clients_.size(); ++i) {
        if (clients_[i]->session().process_id() == each.process_id) sender = spec_.sessions[i].name;
      }
      out_ += spec_.sessions[session].name + ": NOTIFY \"" + each.channel + "\" with payload \"" + each.payload +
              "\" from " + sender + "\n";
    }
  }

  void advance() {
    if (++advances_ > 100'000) throw std::invalid_argument("a permutation hangs: a step waits for ever");
    environment_.time.advance(std::chrono::milliseconds(10));
  }

  [[nodiscard]] bool is_held_back(const PermutationStep& step) const {
    return std::any_of(step.blockers.begin(), step.blockers.end(), [&](const Blocker& blocker) {
      return !blocker.until_any && std::any_of(waiting_.begin(), waiting_.end(), [&](const PermutationStep* other) {
        return other != &step && other->name == blocker.step;
      });
    });
  }

  /// Prints waiting steps that are done by now, in the order in which they began. False: none was.
  bool report_completed() {
    bool any = false;
    for (std::size_t i = 0; i < waiting_.size();) {
      const PermutationStep& step = *waiting_[i];
      SqlClient& client = *clients_[spec_.steps.at(step.name).session];
      if (client.is_busy() || is_held_back(step)) {
        ++i;
        continue;
      }
      waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
      active_[spec_.steps.at(step.name).session] = nullptr;
      out_ += "step " + step.name + ": <... completed>\n" + print_outcome(client);
      print_notifications(spec_.steps.at(step.name).session);
      any = true;
      i = 0;
    }
    return any;
  }

  void run_step(const PermutationStep& step) {
    const Step& definition = spec_.steps.at(step.name);
    SqlClient& client = *clients_[definition.session];
    // A session whose earlier step waits must get on first; time passes until it does.
    while (active_[definition.session] != nullptr) {
      if (!report_completed()) advance();
    }
    client.start(definition.sql);
    const bool waits_at_once = std::any_of(step.blockers.begin(), step.blockers.end(),
                                           [](const Blocker& blocker) { return blocker.until_any; });
    while (client.is_busy() && !client.waits_for_lock()) advance();  // it sleeps
    if (!client.is_busy() && !waits_at_once && !is_held_back(step)) {
      out_ += "step " + step.name + ": " + definition.sql + "\n" + print_outcome(client);
      print_notifications(definition.session);
    } else {
      out_ += "step " + step.name + ": " + definition.sql + " <waiting ...>\n";
      waiting_.push_back(&step);
      active_[definition.session] = &step;
    }
    static_cast<void>(report_completed());
  }

  const Spec& spec_;
  const std::vector<PermutationStep>& steps_;
  SqlEnvironment environment_{1};
  sim::database::Engine engine_{"isolation", environment_, sim::database::EngineOptions{.shuffles_open_order = false}};
  std::vector<std::unique_ptr<SqlClient>> clients_;
  std::vector<const PermutationStep*> waiting_;
  std::vector<const PermutationStep*> active_;  // by session
  std::string out_;
  int advances_ = 0;
};

void all_interleavings(const Spec& spec, std::vector<std::size_t>& places, std::vector<PermutationStep>& steps,
                       std::vector<std::vector<PermutationStep>>& result) {
  bool any = false;
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (places[i] == spec.sessions[i].steps.size()) continue;
    any = true;
    steps.push_back({spec.sessions[i].steps[places[i]++], {}});
    all_interleavings(spec, places, steps, result);
    steps.pop_back();
    --places[i];
  }
  if (!any) result.push_back(steps);
}

}  // namespace

std::string run_isolation_spec(std::string_view text) {
  Spec spec = SpecParser(text).parse();
  if (spec.permutations.empty()) {
    std::vector<std::size_t> places(spec.sessions.size());
    std::vector<PermutationStep> steps;
    all_interleavings(spec, places, steps, spec.permutations);
  }
  std::string out = "Parsed test spec with " + std::to_string(spec.sessions.size()) + " sessions\n";
  for (const auto& permutation : spec.permutations) out += PermutationRun(spec, permutation).run();
  return out;
}

}  // namespace orrery::cli::sql
