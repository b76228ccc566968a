#include "sim/files.hpp"

#include <memory>
#include <utility>

namespace orrery::sim {
namespace {

/// How long a client waits for an answer.
constexpr Duration kAnswerWithin = 10s;

}  // namespace

FileStore::FileStore(Kernel& kernel, Network& network, Places& places, std::string name)
    : kernel_(kernel), places_(places), name_(std::move(name)), server_(kernel, network, [&kernel](std::uint64_t identity) {
        // A disk that answers to fsync: a millisecond or some.
        return 300us + Duration(below(kernel.draw(Site::file_cost, identity, 1), 5'000'000));
      }) {}

std::string FileStore::in_the_way(const std::string& path) const {
  for (std::size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    if (files_.contains(std::string_view(path).substr(0, slash))) return path.substr(0, slash);
  }
  const auto below_it = files_.lower_bound(path + "/");
  return below_it != files_.end() && below_it->first.starts_with(path + "/") ? below_it->first : std::string();
}

std::string FileStore::write(const std::string& path, std::string bytes) {
  if (full_ > 0) return "no space left";
  if (const std::string other = in_the_way(path); !other.empty()) return "there is a file \"" + other + "\"";
  kernel_.recorder().fact(EventKind::file_written, name_, name_, path, static_cast<std::int64_t>(bytes.size()),
                          content_hash(bytes));
  files_.insert_or_assign(path, std::move(bytes));
  return {};
}

bool FileStore::remove(const std::string& path) {
  if (files_.erase(path) == 0) return false;
  kernel_.recorder().fact(EventKind::file_removed, name_, name_, path);
  return true;
}

std::vector<std::string> FileStore::list(std::string_view prefix) const {
  std::vector<std::string> paths;
  for (auto file = files_.lower_bound(prefix); file != files_.end() && file->first.starts_with(prefix); ++file) {
    paths.push_back(file->first);
  }
  return paths;
}

Task<void> FileClient::ask(std::string label, std::function<void()> work, Effect if_unheard) {
  const std::string what = store_.name() + ": " + label + ": ";
  Task<ResourceCall::Outcome> asking = store_.server_.ask(host_, std::move(label), std::move(work), kAnswerWithin);
  switch (co_await std::move(asking)) {
    case ResourceCall::Outcome::answered: co_return;
    case ResourceCall::Outcome::refused: throw FilesFailed(Effect::did_not_happen, what + "the store cannot be reached");
    case ResourceCall::Outcome::broken: throw FilesFailed(if_unheard, what + "the connection broke");
    case ResourceCall::Outcome::open: break;
  }
  throw FilesFailed(if_unheard, what + "no answer within " + orrery::to_string(kAnswerWithin));
}

Task<void> FileClient::write(std::string path, std::string bytes) {
  require_file_path(path);
  if (store_.places_.reached(host_, "before file write")) co_await Places::halt(host_);
  const auto why = std::make_shared<std::string>();
  // Shared, because a function object must be copyable.
  const auto content = std::make_shared<std::string>(std::move(bytes));
  std::function<void()> work = [&store = store_, path, content, why] { *why = store.write(path, std::move(*content)); };
  Task<void> asking = ask("write " + path, std::move(work), Effect::may_have_happened);
  co_await std::move(asking);
  if (!why->empty()) throw FilesFailed(Effect::did_not_happen, store_.name() + ": write " + path + ": " + *why);
  if (store_.places_.reached(host_, "after file write")) co_await Places::halt(host_);
}

Task<std::optional<std::string>> FileClient::read(std::string path) {
  require_file_path(path);
  const auto found = std::make_shared<std::optional<std::string>>();
  std::function<void()> work = [&store = store_, path, found] {
    const auto file = store.files_.find(path);
    if (file != store.files_.end()) *found = file->second;
  };
  Task<void> asking = ask("read " + path, std::move(work), Effect::did_not_happen);
  co_await std::move(asking);
  co_return std::move(*found);
}

Task<bool> FileClient::remove(std::string path) {
  require_file_path(path);
  if (store_.places_.reached(host_, "before file remove")) co_await Places::halt(host_);
  const auto was_there = std::make_shared<bool>(false);
  std::function<void()> work = [&store = store_, path, was_there] { *was_there = store.remove(path); };
  Task<void> asking = ask("remove " + path, std::move(work), Effect::may_have_happened);
  co_await std::move(asking);
  if (store_.places_.reached(host_, "after file remove")) co_await Places::halt(host_);
  co_return *was_there;
}

Task<std::vector<std::string>> FileClient::list(std::string prefix) {
  const auto paths = std::make_shared<std::vector<std::string>>();
  std::function<void()> work = [&store = store_, prefix, paths] { *paths = store.list(prefix); };
  Task<void> asking = ask("list " + prefix, std::move(work), Effect::did_not_happen);
  co_await std::move(asking);
  co_return std::move(*paths);
}

}  // namespace orrery::sim
