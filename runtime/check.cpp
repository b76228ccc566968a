#include "runtime/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace orrery {

void check_failed(const char* condition, std::string_view note, std::source_location where) {
  std::fprintf(stderr, "%s:%u: %s: CHECK(%s) failed%s%.*s\n", where.file_name(), where.line(), where.function_name(),
               condition, note.empty() ? "" : ": ", static_cast<int>(note.size()), note.data());
  std::fflush(stderr);
  std::abort();
}

}  // namespace orrery
