#include "real-mode/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <utility>

namespace orrery::real {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kThreads = 2;
/// In the name of a file that is being written; no path of a file has it.
constexpr char kUnfinished = '~';
/// Nobody takes so long to write a file: what is left then belongs to a process that was killed.
constexpr auto kAbandonedAfter = std::chrono::hours(1);

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  [[nodiscard]] int number() const noexcept { return number_; }
  [[nodiscard]] explicit operator bool() const noexcept { return number_ >= 0; }

 private:
  int number_;
};

/// 0, or errno.
int write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return ::fsync(file) == 0 ? 0 : errno;
}

int sync_directory(const std::string& directory) {
  const Descriptor opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return opened && ::fsync(opened.number()) == 0 ? 0 : errno;
}

/// Makes the directories above `path`, and each durable in its own.
int make_parents(const std::string& root, const std::string& path) {
  for (std::size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    const std::string directory = root + "/" + path.substr(0, slash);
    if (::mkdir(directory.c_str(), 0777) == 0) {
      const std::size_t above = directory.rfind('/');
      if (const int error = sync_directory(directory.substr(0, above)); error != 0) return error;
    } else if (errno != EEXIST) {
      return errno;
    }
  }
  return 0;
}

std::string unfinished_name(const std::string& target) {
  static std::atomic<unsigned> last{0};
  return target + kUnfinished + std::to_string(::getpid()) + "-" + std::to_string(++last);
}

}  // namespace

/// What a thread found out.
struct DirectoryFiles::Outcome {
  int error = 0;          // errno; 0: none
  bool replaced = false;  // the error came after the file had taken its place
  bool found = false;
  std::string bytes;
  std::vector<std::string> paths;
};

DirectoryFiles::DirectoryFiles(Loop& loop, Recorder& recorder, Mishaps& mishaps, std::string name, std::string directory)
    : recorder_(recorder),
      mishaps_(mishaps),
      name_(std::move(name)),
      root_(std::move(directory)),
      blocking_(loop, kThreads) {
  std::error_code error;
  fs::create_directories(root_, error);
  if (error) throw std::runtime_error("the file store " + name_ + ": cannot make " + root_ + ": " + error.message());
  const auto now = fs::file_time_type::clock::now();
  fs::recursive_directory_iterator entry(root_, error);
  if (error) throw std::runtime_error("the file store " + name_ + ": cannot read " + root_ + ": " + error.message());
  for (; entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    if (error) break;
    if (entry->path().filename().string().find(kUnfinished) == std::string::npos) continue;
    const auto written = entry->last_write_time(error);
    if (!error && now - written > kAbandonedAfter) fs::remove(entry->path(), error);  // if not, a later start does
    error.clear();
  }
}

DirectoryFiles::~DirectoryFiles() = default;

void DirectoryFiles::require(const Outcome& outcome, const std::string& what) const {
  if (outcome.error == 0) return;
  throw FilesFailed(outcome.replaced ? Effect::may_have_happened : Effect::did_not_happen,
                    name_ + ": " + what + ": " + std::strerror(outcome.error));
}

Task<void> DirectoryFiles::write(std::string path, std::string bytes) {
  require_file_path(path);
  mishaps_.reached("before file write");
  const auto outcome = std::make_shared<Outcome>();
  outcome->bytes = std::move(bytes);
  std::function<void()> work = [outcome, root = root_, path] {
    const std::string target = root + "/" + path;
    const std::string unfinished = unfinished_name(target);
    outcome->error = make_parents(root, path);
    if (outcome->error != 0) return;
    {
      const Descriptor file(::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666));
      outcome->error = file ? write_all(file.number(), outcome->bytes) : errno;
    }
    if (outcome->error == 0 && ::rename(unfinished.c_str(), target.c_str()) != 0) outcome->error = errno;
    if (outcome->error != 0) {
      ::unlink(unfinished.c_str());
      return;
    }
    outcome->replaced = true;
    outcome->error = sync_directory(target.substr(0, target.rfind('/')));
  };
  // Also when the caller is gone meanwhile: the file is there.
  std::function<void()> done = [&recorder = recorder_, outcome, name = name_, path] {
    if (!outcome->replaced) return;
    recorder.fact(EventKind::file_written, name, path, static_cast<std::int64_t>(outcome->bytes.size()),
                  content_hash(outcome->bytes));
  };
  Task<void> writing = blocking_.run(std::move(work), std::move(done));
  co_await std::move(writing);
  require(*outcome, "write " + path);
  mishaps_.reached("after file write");
}

Task<std::optional<std::string>> DirectoryFiles::read(std::string path) {
  require_file_path(path);
  const auto outcome = std::make_shared<Outcome>();
  std::function<void()> work = [outcome, target = root_ + "/" + path] {
    const Descriptor file(::open(target.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    struct stat status {};
    if (!file || ::fstat(file.number(), &status) != 0) {
      if (errno != ENOENT && errno != ENOTDIR) outcome->error = errno;
      return;
    }
    if (S_ISDIR(status.st_mode)) return;
    outcome->bytes.resize(static_cast<std::size_t>(status.st_size));
    std::size_t at = 0;
    while (at < outcome->bytes.size()) {
      const ssize_t got = ::read(file.number(), outcome->bytes.data() + at, outcome->bytes.size() - at);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) outcome->error = errno;
      if (got <= 0) break;
      at += static_cast<std::size_t>(got);
    }
    // A file is never changed in its place: it has the size that it had when it was opened.
    if (outcome->error == 0 && at < outcome->bytes.size()) outcome->error = EIO;
    outcome->found = true;
  };
  Task<void> reading = blocking_.run(std::move(work));
  co_await std::move(reading);
  require(*outcome, "read " + path);
  std::optional<std::string> bytes;
  if (outcome->found) bytes = std::move(outcome->bytes);
  co_return bytes;
}

Task<bool> DirectoryFiles::remove(std::string path) {
  require_file_path(path);
  mishaps_.reached("before file remove");
  const auto outcome = std::make_shared<Outcome>();
  std::function<void()> work = [outcome, target = root_ + "/" + path] {
    if (::unlink(target.c_str()) != 0) {
      // EISDIR: only the beginning of other files' paths.
      if (errno != ENOENT && errno != ENOTDIR && errno != EISDIR) outcome->error = errno;
      return;
    }
    outcome->found = outcome->replaced = true;
    outcome->error = sync_directory(target.substr(0, target.rfind('/')));
  };
  std::function<void()> done = [&recorder = recorder_, outcome, name = name_, path] {
    if (outcome->found) recorder.fact(EventKind::file_removed, name, path);
  };
  Task<void> removing = blocking_.run(std::move(work), std::move(done));
  co_await std::move(removing);
  require(*outcome, "remove " + path);
  mishaps_.reached("after file remove");
  co_return outcome->found;
}

Task<std::vector<std::string>> DirectoryFiles::list(std::string prefix) {
  const auto outcome = std::make_shared<Outcome>();
  std::function<void()> work = [outcome, root = root_, prefix] {
    std::error_code error;
    fs::recursive_directory_iterator entry(root, error);
    for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
      if (!entry->is_regular_file(error)) continue;
      std::string path = entry->path().string().substr(root.size() + 1);
      if (path.starts_with(prefix) && is_file_path(path)) outcome->paths.push_back(std::move(path));
    }
    outcome->error = error.value();
    std::ranges::sort(outcome->paths);
  };
  Task<void> listing = blocking_.run(std::move(work));
  co_await std::move(listing);
  require(*outcome, "list " + prefix);
  co_return std::move(outcome->paths);
}

}  // namespace orrery::real
