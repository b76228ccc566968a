// jsonb_agg, json_agg and their object forms.

#include "sim/database/types/errors.hpp"
#include "sim/database/types/jsonb.hpp"
#include "sim/database/types/registry.hpp"

namespace orrery::sim::database {
namespace {

/// Values are kept and the document is built at the end: a running window asks for many results.
class JsonbArray final : public Aggregator {
 public:
  explicit JsonbArray(const CallSite& site) : type_(site.arguments[0]) {}
  void add(Arguments a) override { values_.push_back(a[0]); }
  [[nodiscard]] Value result() const override {
    if (values_.empty()) return {};
    JsonbBuilder out;
    out.begin_array();
    for (const Value& value : values_) append_to_jsonb(out, type_, value);
    out.end_array();
    return out.finish();
  }

 private:
  TypeRef type_;
  std::vector<Value> values_;
};

class JsonArray final : public Aggregator {
 public:
  explicit JsonArray(const CallSite& site) : type_(site.arguments[0]) {}
  void add(Arguments a) override {
    if (!text_.empty()) {
      text_ += ", ";
      // json_agg breaks the line between composite values.
      if (!a[0].is_null() && (type_.is_array || type_.is(Type::record))) text_ += "\n ";
    }
    append_to_json(text_.empty() ? (text_ = "[") : text_, type_, a[0]);
  }
  [[nodiscard]] Value result() const override { return text_.empty() ? Value() : Value::bytes(text_ + "]"); }

 private:
  TypeRef type_;
  std::string text_;
};

std::string key_of(TypeRef type, const Value& key) {
  if (key.is_null()) raise("22023", "field name must not be null");
  return json_key_text(type, key);
}

class JsonbObject final : public Aggregator {
 public:
  explicit JsonbObject(const CallSite& site) : types_{site.arguments[0], site.arguments[1]} {}
  void add(Arguments a) override { entries_.push_back({key_of(types_[0], a[0]), a[1]}); }
  [[nodiscard]] Value result() const override {
    if (entries_.empty()) return {};
    JsonbBuilder out;
    out.begin_object();
    for (const Entry& entry : entries_) {
      out.key(entry.key);
      append_to_jsonb(out, types_[1], entry.value);
    }
    out.end_object();
    return out.finish();
  }

 private:
  struct Entry {
    std::string key;
    Value value;
  };
  TypeRef types_[2];
  std::vector<Entry> entries_;
};

class JsonObject final : public Aggregator {
 public:
  explicit JsonObject(const CallSite& site) : types_{site.arguments[0], site.arguments[1]} {}
  void add(Arguments a) override {
    text_ += text_.empty() ? "{ " : ", ";
    append_json_string(text_, key_of(types_[0], a[0]));
    text_ += " : ";
    append_to_json(text_, types_[1], a[1]);
  }
  [[nodiscard]] Value result() const override { return text_.empty() ? Value() : Value::bytes(text_ + " }"); }

 private:
  TypeRef types_[2];
  std::string text_;
};

template <class State>
std::unique_ptr<Aggregator> make(const CallSite& site, std::span<const Value>) {
  return std::make_unique<State>(site);
}

}  // namespace

void register_json_aggregates(Registry& registry) {
  registry.aggregate("jsonb_agg(anyelement) -> jsonb", make<JsonbArray>);
  registry.aggregate("json_agg(anyelement) -> json", make<JsonArray>);
  registry.aggregate("jsonb_object_agg(any, any) -> jsonb", make<JsonbObject>);
  registry.aggregate("json_object_agg(any, any) -> json", make<JsonObject>);
}

}  // namespace orrery::sim::database
