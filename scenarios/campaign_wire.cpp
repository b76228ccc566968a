#include "scenarios/campaign_wire.hpp"

#include <cstring>
#include <utility>

namespace orrery {

SeedRecord summarize(const RunResult& result) {
  SeedRecord record;
  record.seed = result.seed;
  record.hash = result.hash;
  record.events = result.events;
  record.messages = result.messages;
  record.simulated = result.simulated;
  record.stuck = result.stuck;
  record.faults = result.faults;
  record.sometimes = result.sometimes;
  record.judged.reserve(result.judged.size());
  for (const JudgedProperty& judged : result.judged) {
    SeedRecord::Judged& one = record.judged.emplace_back();
    one.property = judged.property->name;
    one.mode = judged.property->mode;
    one.holds = judged.verdict.holds;
    one.violated = judged.verdict.violated;
    one.examined = judged.verdict.examined;
    if (!judged.verdict.violations.empty()) {
      one.signature = judged.verdict.violations.front().signature;
      one.what = judged.verdict.violations.front().what;
    }
  }
  return record;
}

void WireWriter::number(std::uint64_t value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  buffer_.append(bytes, sizeof bytes);
}

void WireWriter::text(std::string_view value) {
  number(value.size());
  buffer_.append(value);
}

void WireWriter::name(const std::string& value) {
  const auto [known, is_new] = names_.try_emplace(value, names_.size());
  number(known->second);
  if (is_new) text(value);
}

void WireWriter::record(const SeedRecord& record) {
  number(record.seed);
  number(record.hash);
  number(record.events);
  number(record.messages);
  number(static_cast<std::uint64_t>(record.simulated.count()));
  text(record.stuck);
  number(record.judged.size());
  for (const SeedRecord::Judged& judged : record.judged) {
    name(judged.property);
    number(static_cast<std::uint64_t>(judged.mode));
    number(judged.holds ? 1 : 0);
    number(static_cast<std::uint64_t>(judged.examined));
    if (judged.holds) continue;
    number(static_cast<std::uint64_t>(judged.violated));
    text(judged.signature);
    text(judged.what);
  }
  for (const auto* counts : {&record.faults, &record.sometimes}) {
    number(counts->size());
    for (const auto& [what, count] : *counts) {
      name(what);
      number(static_cast<std::uint64_t>(count));
    }
  }
}

std::uint64_t WireReader::number() {
  std::uint64_t value = 0;
  if (buffer_.size() - position_ < sizeof value) {
    good_ = false;
    position_ = buffer_.size();
    return 0;
  }
  std::memcpy(&value, buffer_.data() + position_, sizeof value);
  position_ += sizeof value;
  return value;
}

std::string WireReader::text() {
  const std::uint64_t size = number();
  if (size > buffer_.size() - position_) {
    good_ = false;
    position_ = buffer_.size();
    return {};
  }
  std::string value = buffer_.substr(position_, size);
  position_ += size;
  return value;
}

const std::string& WireReader::name() {
  static const std::string kNone;
  const std::uint64_t index = number();
  if (index == names_.size()) names_.push_back(text());
  if (index < names_.size()) return names_[index];
  good_ = false;
  return kNone;
}

SeedRecord WireReader::record() {
  SeedRecord record;
  record.seed = number();
  record.hash = number();
  record.events = number();
  record.messages = number();
  record.simulated = Duration(static_cast<std::int64_t>(number()));
  record.stuck = text();
  const std::uint64_t properties = number();
  for (std::uint64_t i = 0; good_ && i < properties; ++i) {
    SeedRecord::Judged& judged = record.judged.emplace_back();
    judged.property = name();
    judged.mode = static_cast<Mode>(number());
    judged.holds = number() != 0;
    judged.examined = static_cast<std::int64_t>(number());
    if (judged.holds) continue;
    judged.violated = static_cast<std::int64_t>(number());
    judged.signature = text();
    judged.what = text();
  }
  for (auto* counts : {&record.faults, &record.sometimes}) {
    const std::uint64_t size = number();
    for (std::uint64_t i = 0; good_ && i < size; ++i) {
      const std::string what = name();
      counts->emplace(what, static_cast<std::int64_t>(number()));
    }
  }
  return record;
}

bool WireReader::next_frame() {
  // What was read is dropped now and then, so that a long campaign's buffer stays small.
  if (position_ == buffer_.size() || position_ > (1U << 20)) {
    buffer_.erase(0, position_);
    position_ = 0;
  }
  std::uint64_t size = 0;
  if (buffer_.size() - position_ < sizeof size) return false;
  std::memcpy(&size, buffer_.data() + position_, sizeof size);
  if (buffer_.size() - position_ - sizeof size < size) return false;
  position_ += sizeof size;
  return true;
}

std::string frame(std::string_view bytes) {
  WireWriter writer;
  writer.text(bytes);
  return writer.take();
}

}  // namespace orrery
