#include "tests/differential/private_postgres.hpp"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

namespace orrery::testing {

PrivatePostgres::PrivatePostgres() {
  for (const int version : {15, 16, 17}) {
    const std::string folder = "/usr/lib/postgresql/" + std::to_string(version) + "/bin";
    if (programs_.empty() && ::access((folder + "/initdb").c_str(), X_OK) == 0) programs_ = folder;
  }
  if (programs_.empty()) {
    problem_ = "no PostgreSQL server is installed";
    return;
  }
  char name[] = "/tmp/differential-XXXXXX";
  if (::mkdtemp(name) == nullptr) {
    problem_ = "no temporary directory can be made";
    return;
  }
  folder_ = name;
  if (::geteuid() == 0) {
    const passwd* user = ::getpwnam("postgres");
    if (user == nullptr || ::chown(folder_.c_str(), user->pw_uid, user->pw_gid) != 0) {
      problem_ = "there is no user postgres to run a server";
      return;
    }
    as_ = "setpriv --reuid=postgres --regid=postgres --clear-groups ";
  }
  if (!run(programs_ + "/initdb -D " + folder_ + "/data -U postgres -A trust -E UTF8 --locale=C --no-sync") ||
      !run(programs_ + "/pg_ctl -w -D " + folder_ + "/data -l " + folder_ + "/log -o \"-c listen_addresses='' -c fsync=off -c timezone=UTC -k " +
           folder_ + "\" start")) {
    problem_ = "the PostgreSQL server does not start: see " + folder_ + "/log";
  }
}

PrivatePostgres::~PrivatePostgres() {
  if (folder_.empty()) return;
  static_cast<void>(run(programs_ + "/pg_ctl -D " + folder_ + "/data -m immediate stop"));
  std::error_code ignored;  // a directory that is left in /tmp harms nobody
  std::filesystem::remove_all(folder_, ignored);
}

bool PrivatePostgres::run(const std::string& command) const {
  return std::system(("cd " + folder_ + " && " + as_ + command + " >> " + folder_ + "/output 2>&1").c_str()) == 0;
}

}  // namespace orrery::testing
