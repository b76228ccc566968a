#include "real-mode/private_postgres.hpp"

#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "real-mode/pg_link.hpp"
#include "real-mode/temporary_folder.hpp"
#include "runtime/check.hpp"

namespace orrery::real {
namespace {

namespace fs = std::filesystem;
constexpr const char* kChanging = "changing.conf";
constexpr Duration kReadyWithin = 60s;
constexpr Duration kProgramWithin = 5min;  // takes a second, but not on a machine with too much to do

/// The newest server's programs: where Debian puts them, or beside the psql of others.
std::string find_programs() {
  std::vector<std::pair<int, std::string>> found;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", none)) {
    const std::string programs = (entry.path() / "bin").string();
    if (fs::exists(programs + "/initdb") && fs::exists(programs + "/postgres")) {
      found.emplace_back(std::atoi(entry.path().filename().c_str()), programs);
    }
  }
  if (!found.empty()) return std::max_element(found.begin(), found.end())->second;
  for (const char* programs : {"/usr/local/pgsql/bin", "/usr/local/bin", "/usr/bin"}) {
    if (fs::exists(std::string(programs) + "/initdb") && fs::exists(std::string(programs) + "/postgres")) return programs;
  }
  throw std::runtime_error("no PostgreSQL server is installed: Debian calls it postgresql-15");
}

}  // namespace

PrivatePostgres::PrivatePostgres() : programs_(find_programs()) {
  folder_ = make_temporary_folder("orrery");
  guardian_ = std::make_unique<Guardian>(folder_);
  create({});
}

PrivatePostgres::PrivatePostgres(std::string folder, const std::string& like, Disk disk)
    : programs_(find_programs()), folder_(std::move(folder)), wants_small_disk_(disk == Disk::small) {
  if (::mkdir(folder_.c_str(), 0700) != 0) throw std::runtime_error("cannot make the folder " + folder_);
  create(like);
}

void PrivatePostgres::make_data(std::string folder) {
  if (::mkdir(folder.c_str(), 0700) != 0) throw std::runtime_error("cannot make the folder " + folder);
  PrivatePostgres made(find_programs(), "", std::move(folder));
  made.make_folder();
  made.initialise();
}

void PrivatePostgres::initialise() {
  run_program({programs_ + "/initdb", "-D", folder_ + "/data", "--no-sync", "-A", "trust", "-U", "orrery", "--locale=C",
               "--encoding=UTF8", "--no-instructions"});
  // What changes while it runs, beside the data, so that a copy of the data does not inherit it.
  std::ofstream settings(folder_ + "/data/postgresql.conf", std::ios::app);
  if (!(settings << "include_if_exists '../" << kChanging << "'\n" << std::flush)) {
    throw std::runtime_error("cannot write " + folder_ + "/data/postgresql.conf");
  }
}

void PrivatePostgres::set_read_only(bool read_only) {
  const std::string path = folder_ + "/" + kChanging;
  std::ofstream settings(path);
  if (!(settings << (read_only ? "default_transaction_read_only = on\n" : "") << std::flush)) {
    throw std::runtime_error("cannot write " + path);
  }
  if (server_.running()) server_.signal(SIGHUP);
}

PrivatePostgres::PrivatePostgres(std::string programs, std::string user, std::string folder)
    : programs_(std::move(programs)), user_(std::move(user)), folder_(std::move(folder)) {}

/// The server refuses to run as root.
void PrivatePostgres::make_folder() {
  if (::geteuid() != 0) return;
  user_ = "postgres";
  const passwd* entry = ::getpwnam(user_.c_str());
  if (entry == nullptr) throw std::runtime_error("PostgreSQL does not run as root, and there is no user postgres");
  if (::chown(folder_.c_str(), entry->pw_uid, entry->pw_gid) != 0) {
    throw std::runtime_error("cannot give " + folder_ + " to " + user_);
  }
}

void PrivatePostgres::run_program(std::vector<std::string> arguments) {
  Child::Options options;
  options.as_user = user_;
  options.directory = folder_;
  options.output = folder_ + "/log";
  const std::string program = fs::path(arguments.front()).filename().string();
  Child child(std::move(arguments), options);
  const auto ended = child.wait(kProgramWithin);
  if (!ended || *ended != 0) throw std::runtime_error(program + " failed: " + log_tail());
}

void PrivatePostgres::create(const std::string& like) {
  try {
    make_folder();
    if (like.empty()) {
      initialise();
    } else {
      run_program({"/bin/cp", "-a", like + "/data", folder_ + "/data"});
    }
    if (wants_small_disk_) move_to_small_disk();
    start();
  } catch (...) {
    disk_.reset();
    std::error_code ignored;  // the first error is the one to tell
    fs::remove_all(folder_, ignored);
    throw;
  }
}

/// Room for what a run adds to the databases that there are to begin with.
void PrivatePostgres::move_to_small_disk() {
  constexpr std::uint64_t kRoom = 64 << 20;
  const fs::path base = folder_ + "/data/base";
  const fs::path before = folder_ + "/data/base.before";
  std::uint64_t used = 0;
  for (const auto& entry : fs::recursive_directory_iterator(base)) {
    if (entry.is_regular_file()) used += entry.file_size();
  }
  fs::rename(base, before);
  run_program({"/bin/mkdir", "-m", "700", base});
  disk_.emplace(base, used + kRoom);
  run_program({"/bin/cp", "-a", before.string() + "/.", base});
  fs::remove_all(before);
}

void PrivatePostgres::fill_disk() {
  CHECK(disk_.has_value(), "a server with a small disk");
  disk_->fill();
}

void PrivatePostgres::make_room() noexcept {
  if (disk_) disk_->make_room();
}

std::unique_ptr<PrivatePostgres> PrivatePostgres::begin_standby(std::string folder, const std::string& from) {
  if (::mkdir(folder.c_str(), 0700) != 0) throw std::runtime_error("cannot make the folder " + folder);
  std::unique_ptr<PrivatePostgres> standby(new PrivatePostgres(programs_, user_, std::move(folder)));
  standby->make_folder();
  standby->is_standby_ = true;
  standby->wants_small_disk_ = wants_small_disk_;
  standby->primary_ = from.empty() ? "host=" + folder_ + " user=orrery" : from;
  Child::Options options;
  options.as_user = user_;
  options.directory = standby->folder_;
  options.output = standby->folder_ + "/log";
  standby->copying_ = Child({programs_ + "/pg_basebackup", "-h", folder_, "-U", "orrery", "-D", standby->folder_ + "/data",
                             "--checkpoint=fast", "--no-sync", "-R", "-X", "stream"},
                            options);
  return standby;
}

bool PrivatePostgres::try_follow() {
  if (server_.pid() <= 0) {
    const std::optional<int> copied = copying_.poll();
    if (!copied) return false;
    if (*copied != 0) throw std::runtime_error("pg_basebackup " + describe_end(*copied) + ": " + log_tail());
    if (wants_small_disk_) move_to_small_disk();
    launch();
  }
  if (!server_.running()) throw std::runtime_error("the standby ended: " + log_tail());
  return receiver() >= 0;
}

std::unique_ptr<PrivatePostgres> PrivatePostgres::make_standby(std::string folder, const std::string& from) {
  std::unique_ptr<PrivatePostgres> standby = begin_standby(std::move(folder), from);
  const auto until = std::chrono::steady_clock::now() + kReadyWithin;
  while (!standby->try_follow()) {
    if (std::chrono::steady_clock::now() > until) {
      throw std::runtime_error("the standby did not start within " + to_string(kReadyWithin) + ": " + standby->log_tail());
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return standby;
}

/// -1 while there is none.
pid_t PrivatePostgres::receiver() const {
  for (const pid_t pid : processes()) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/cmdline");
    std::string title;
    std::getline(file, title);
    if (title.find("walreceiver") != std::string::npos) return pid;
  }
  return -1;
}

void PrivatePostgres::stop_receiving() {
  if (stopped_receiver_ > 0) return;
  stopped_receiver_ = receiver();
  if (stopped_receiver_ < 0) throw std::runtime_error("the standby does not receive anything");
  ::kill(stopped_receiver_, SIGSTOP);
}

void PrivatePostgres::receive_again() noexcept {
  if (stopped_receiver_ > 0) ::kill(stopped_receiver_, SIGCONT);
  stopped_receiver_ = -1;
}

void PrivatePostgres::promote() {
  begin_promotion();
  start();
}

void PrivatePostgres::begin_promotion() {
  // It ends before it looks at what its socket still holds.
  if (stopped_receiver_ > 0) ::kill(stopped_receiver_, SIGTERM);
  receive_again();
  PgLink link(connection("postgres"), "orrery", PgLink::Wants::any_server);
  (void)link.execute("SELECT pg_promote(false)", {});
  is_standby_ = false;
}

std::uint64_t PrivatePostgres::took_over_at() const {
  PgLink link(connection("postgres"), "orrery");
  // A line for each timeline that it comes from: its number, where it ended, and why.
  const std::string history =
      link.execute("SELECT pg_read_file('pg_wal/' || left(pg_walfile_name(pg_current_wal_lsn()), 8) || '.history')", {})[0][0].text();
  std::istringstream lines(history);
  std::string line, place;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string number, end;
    if (words >> number >> end && end.find('/') != std::string::npos) place = end;
  }
  unsigned high = 0, low = 0;
  if (std::sscanf(place.c_str(), "%X/%X", &high, &low) != 2) throw std::runtime_error("a timeline's history cannot be read: " + history);
  return (std::uint64_t{high} << 32) | low;
}

PrivatePostgres::~PrivatePostgres() {
  copying_ = Child();
  if (server_.pid() <= 0) return;  // no server was ever started: the data are for others
  resume();
  receive_again();
  server_.signal(SIGQUIT);  // at once, its backends too
  server_.wait(5s);
  server_ = Child();
  disk_.reset();
  std::error_code ignored;  // a backend may still be writing; what is left is in the folder for temporary files
  for (int tries = 0; tries < 20; ++tries) {
    fs::remove_all(folder_, ignored);
    if (!fs::exists(folder_, ignored)) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

std::string PrivatePostgres::connection(const std::string& database) const {
  return "host=" + folder_ + " user=orrery dbname=" + database;
}

void PrivatePostgres::create_database(const std::string& name) {
  PgLink link(connection("postgres"), "orrery");
  link.script("CREATE DATABASE \"" + name + "\"");
}

/// The server's process and its children: sessions and helpers. It starts no other while it stands still.
std::vector<pid_t> PrivatePostgres::processes() const {
  std::vector<pid_t> found = {server_.pid()};
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const pid_t pid = std::atoi(entry.path().filename().c_str());
    if (pid <= 0) continue;
    std::ifstream file(entry.path() / "stat");
    std::string text;
    std::getline(file, text);
    // "pid (name) state parent …", and a name may have anything in it.
    const std::size_t end = text.rfind(')');
    if (end == std::string::npos || end + 4 >= text.size()) continue;  // it has just ended
    if (std::atoi(text.c_str() + end + 4) == server_.pid()) found.push_back(pid);
  }
  return found;
}

void PrivatePostgres::kill() {
  if (!server_.running()) return;
  const std::vector<pid_t> all = processes();
  server_.signal(SIGKILL);
  // They would end by themselves soon; but until then a new server does not start, and a COMMIT may still go through.
  for (const pid_t pid : all) {
    if (pid != server_.pid()) ::kill(pid, SIGKILL);
  }
  paused_.clear();
  server_.wait(5s);
}

void PrivatePostgres::pause() {
  if (!server_.running()) return;
  server_.signal(SIGSTOP);
  paused_ = processes();
  for (const pid_t pid : paused_) ::kill(pid, SIGSTOP);
}

void PrivatePostgres::resume() noexcept {
  for (const pid_t pid : paused_) ::kill(pid, SIGCONT);
  paused_.clear();
}

void PrivatePostgres::launch() {
  Child::Options options;
  options.as_user = user_;
  options.directory = folder_;
  options.output = folder_ + "/log";
  std::vector<std::string> words = {programs_ + "/postgres", "-D", folder_ + "/data", "-k", folder_};
  const auto set = [&words](std::string setting) {
    words.emplace_back("-c");
    words.push_back(std::move(setting));
  };
  for (const char* setting :
       {"listen_addresses=", "fsync=off", "full_page_writes=off", "wal_level=logical", "max_connections=200",
        "max_replication_slots=16", "max_wal_senders=8", "wal_keep_size=256MB", "shared_buffers=64MB", "log_min_messages=fatal",
        "restart_after_crash=on"}) {
    set(setting);
  }
  if (is_standby_) {
    // Its sessions are not cancelled by what the primary removes; it asks again soon, and notices when it hears nothing.
    for (const char* setting : {"hot_standby_feedback=on", "wal_retrieve_retry_interval=200ms", "wal_receiver_timeout=15s"}) set(setting);
    set("primary_conninfo=" + primary_);
  }
  server_ = Child(std::move(words), options);
}

bool PrivatePostgres::try_start() {
  // After a kill its backends take a moment to notice, and until then a new server refuses to start.
  if (!server_.running()) launch();
  try {
    const PgLink link(connection("postgres"), "orrery", is_standby_ ? PgLink::Wants::any_server : PgLink::Wants::primary);
    return true;
  } catch (const PgError&) {
    return false;  // not yet
  }
}

void PrivatePostgres::start() {
  const auto until = std::chrono::steady_clock::now() + kReadyWithin;
  while (!try_start()) {
    if (std::chrono::steady_clock::now() > until) {
      throw std::runtime_error("PostgreSQL did not start within " + to_string(kReadyWithin) + ": " + log_tail());
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

std::string PrivatePostgres::log_tail() const {
  std::ifstream file(folder_ + "/log");
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

}  // namespace orrery::real
