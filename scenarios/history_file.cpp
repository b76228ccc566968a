#include "scenarios/history_file.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "runtime/json.hpp"

namespace orrery {
namespace {

constexpr const char* kMark = "orrery_history";
constexpr const char* kOperations[] = {"insert", "update", "delete"};

Json json_of(const SqlValue& value) {
  return std::visit(
      [](const auto& one) -> Json {
        if constexpr (std::is_same_v<std::decay_t<decltype(one)>, std::monostate>) {
          return nullptr;
        } else {
          return one;
        }
      },
      value.variant());
}

SqlValue value_of(const Json& json) {
  if (json.is_null()) return {};
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_integer()) return json.get<std::int64_t>();
  if (json.is_number_float()) return json.get<double>();
  if (json.is_string()) return json.get<std::string>();
  throw std::invalid_argument("a cell is neither null, true, false, a number nor a text");
}

Json cells_of(const std::vector<SqlValue>& cells) {
  Json json = Json::array();
  for (const SqlValue& cell : cells) json.push_back(json_of(cell));
  return json;
}

nlohmann::ordered_json json_of(const Event& event) {
  nlohmann::ordered_json json;
  json["id"] = event.id;
  if (event.cause != 0) json["cause"] = event.cause;
  json["at"] = event.at.time_since_epoch().count();
  json["kind"] = to_string(event.kind);
  for (const auto& [name, text] : {std::pair<const char*, const std::string&>{"host", event.host},
                                   {"subject", event.subject},
                                   {"key", event.key},
                                   {"text", event.text},
                                   {"detail", event.detail}}) {
    if (!text.empty()) json[name] = text;
  }
  if (event.number != 0) json["number"] = event.number;
  for (const RowChange& change : event.changes) {
    json["changes"].push_back({{"table", change.table},
                               {"operation", kOperations[static_cast<std::size_t>(change.operation)]},
                               {"columns", change.shape->columns},
                               {"before", cells_of(change.before)},
                               {"after", cells_of(change.after)}});
  }
  return json;
}

/// Reads lines; rows of the same columns share their shape.
class Reader {
 public:
  Event event(const Json& json) {
    Event event;
    event.id = json.at("id").get<EventId>();
    event.cause = json.value("cause", EventId{0});
    event.at = Instant(Duration(json.at("at").get<std::int64_t>()));
    event.kind = kind(json.at("kind").get<std::string>());
    event.host = json.value("host", std::string());
    event.subject = json.value("subject", std::string());
    event.key = json.value("key", std::string());
    event.number = json.value("number", std::int64_t{0});
    event.text = json.value("text", std::string());
    event.detail = json.value("detail", std::string());
    if (event.id <= last_) throw std::invalid_argument("the events' ids do not grow");
    last_ = event.id;
    for (const Json& change : json.value("changes", Json::array())) event.changes.push_back(row(change));
    return event;
  }

 private:
  EventKind kind(const std::string& name) {
    if (kinds_.empty()) {
      for (int i = 0; i < static_cast<int>(EventKind::count_); ++i) kinds_[to_string(static_cast<EventKind>(i))] = static_cast<EventKind>(i);
    }
    const auto found = kinds_.find(name);
    if (found == kinds_.end()) throw std::invalid_argument(fmt::format("unknown kind \"{}\"", name));
    return found->second;
  }

  RowChange row(const Json& json) {
    RowChange change;
    change.table = json.at("table").get<std::string>();
    const auto operation = json.at("operation").get<std::string>();
    const auto found = std::ranges::find(kOperations, operation);
    if (found == std::end(kOperations)) throw std::invalid_argument(fmt::format("unknown operation \"{}\"", operation));
    change.operation = static_cast<RowOperation>(found - std::begin(kOperations));
    auto columns = json.at("columns").get<std::vector<std::string>>();
    for (const Json& cell : json.at("before")) change.before.push_back(value_of(cell));
    for (const Json& cell : json.at("after")) change.after.push_back(value_of(cell));
    const bool fits = (change.before.size() == columns.size() || change.operation == RowOperation::insert) &&
                      (change.after.size() == columns.size() || change.operation == RowOperation::remove);
    if (!fits) throw std::invalid_argument(fmt::format("a row of {} has not as many cells as columns", change.table));
    auto& shape = shapes_[columns];
    if (shape == nullptr) shape = std::make_shared<const RowShape>(RowShape{columns});
    change.shape = shape;
    return change;
  }

  EventId last_ = 0;
  std::map<std::string, EventKind> kinds_;
  std::map<std::vector<std::string>, std::shared_ptr<const RowShape>> shapes_;
};

template <class JsonType>
std::string line_of(const JsonType& json) {
  return json.dump(-1, ' ', false, JsonType::error_handler_t::replace) + "\n";
}

}  // namespace

bool is_history(std::string_view text) {
  const Json head = Json::parse(text.substr(0, text.find('\n')), nullptr, false);
  return head.is_object() && head.contains(kMark);
}

std::string write_history(const HistoryFile& file) {
  nlohmann::ordered_json head;
  head[kMark] = 1;
  head["scenario"] = file.scenario;
  head["seed"] = file.seed;
  head["profile"] = file.profile;
  head["defect"] = file.defect;
  std::string text = line_of(head);
  for (const Event& event : file.history.events()) text += line_of(json_of(event));
  return text;
}

HistoryFile read_history(std::string_view text) {
  HistoryFile file;
  Reader reader;
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    try {
      const Json json = Json::parse(line);
      if (number > 1) {
        file.history.add(reader.event(json));
        continue;
      }
      if (json.at(kMark) != 1) throw std::invalid_argument("a version of the format that this program does not know");
      file.scenario = json.at("scenario").get<std::string>();
      file.seed = json.value("seed", std::uint64_t{0});
      file.profile = json.value("profile", std::string());
      file.defect = json.value("defect", std::string());
    } catch (const std::exception& error) {
      throw std::invalid_argument(fmt::format("line {}: {}", number, error.what()));
    }
  }
  return file;
}

}  // namespace orrery
