#include "sim/database_wal.hpp"

#include <algorithm>

namespace orrery::sim {
namespace {

constexpr Duration kWriterDelay = 200ms;  // wal_writer_delay
constexpr std::int64_t kMostLeft = 2;     // rounds that the WAL writer may leave something for

}  // namespace

void WriteAheadLog::committed(std::uint64_t place, bool is_asynchronous) {
  if (is_asynchronous) {
    waiting_.push_back({place, kernel_.now()});
  } else {
    waiting_.clear();
  }
}

Instant WriteAheadLog::written_until() const {
  const std::int64_t last = kernel_.now().time_since_epoch() / kWriterDelay;
  std::int64_t until = 0;
  for (std::int64_t round = std::max<std::int64_t>(0, last - kMostLeft); round <= last; ++round) {
    const std::uint64_t bits = kernel_.draw(Site::wal_writer, entity_, static_cast<std::uint64_t>(round));
    until = std::max(until, round - static_cast<std::int64_t>(below(bits, kMostLeft + 1)));
  }
  return Instant(until * kWriterDelay);
}

std::uint64_t WriteAheadLog::flushed(std::uint64_t last_commit) {
  if (waiting_.empty()) return last_commit;
  const Instant until = written_until();
  while (!waiting_.empty() && waiting_.front().at <= until) waiting_.pop_front();
  return waiting_.empty() ? last_commit : waiting_.front().place - 1;
}

}  // namespace orrery::sim
