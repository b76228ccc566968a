#include "sim/database/errors.hpp"

#include <utility>

namespace orrery::sim::database {

void fail(std::string_view sqlstate, std::string message, std::int32_t position, std::string detail, std::string hint) {
  SqlError error;
  error.sqlstate = sqlstate;
  error.message = std::move(message);
  error.detail = std::move(detail);
  error.hint = std::move(hint);
  error.position = position;
  throw error;
}

void fail_constraint(std::string_view sqlstate, std::string message, std::string detail, std::string constraint) {
  SqlError error;
  error.sqlstate = sqlstate;
  error.message = std::move(message);
  error.detail = std::move(detail);
  error.constraint = std::move(constraint);
  throw error;
}

void fail_unsupported(std::string_view construct, std::int32_t position) {
  fail("0A000", "not supported in the simulated database: " + std::string(construct), position);
}

std::string in_quotes(std::string_view name) { return '"' + std::string(name) + '"'; }

}  // namespace orrery::sim::database
