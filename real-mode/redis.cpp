// The cache on a Redis server. The only file that sees hiredis.
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <optional>
#include <utility>

#include "real-mode/cache.hpp"

namespace orrery::real {
namespace {

constexpr Duration kAnswerWithin = 1s;

/// Atomic on the server; the time to live is set only with a key that is created here.
constexpr const char* kIncrement =
    "if redis.call('EXISTS', KEYS[1]) == 1 then return redis.call('INCRBY', KEYS[1], ARGV[1]) end "
    "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) return tonumber(ARGV[1])";

std::string milliseconds(Duration time_to_live) {
  CHECK(time_to_live > Duration::zero(), "a time to live is positive");
  return std::to_string(std::chrono::ceil<std::chrono::milliseconds>(time_to_live).count());
}

}  // namespace

/// What a command brought. hiredis hands its replies over in a callback, and frees them after it.
struct RedisCache::Reply {
  int type = 0;  // as hiredis has it; 0: none, the connection broke
  std::int64_t integer = 0;
  std::string text;
  Waiter* waiter = nullptr;  // null: nobody waits any more
  bool done = false;
};

/// A connection. Its callbacks run on the loop's thread; what is posted to Asio keeps it alive.
class RedisCache::Link : public std::enable_shared_from_this<Link> {
 public:
  explicit Link(Loop& loop) : descriptor_(loop.io()) {}
  ~Link() { close(); }

  /// Begins to connect.
  void open(const Address& address) {
    context_ = redisAsyncConnect(address.host.c_str(), address.port);
    if (context_ == nullptr || context_->err != 0) {
      error_ = context_ != nullptr ? context_->errstr : "out of memory";
      if (context_ != nullptr) redisAsyncFree(std::exchange(context_, nullptr));
      return;
    }
    // hiredis closes its own descriptor at its own time: Asio gets one of its own.
    descriptor_.assign(::dup(context_->c.fd));
    context_->data = this;
    context_->ev.data = this;
    context_->ev.addRead = [](void* self) { of(self).watch(of(self).reading_, wait_read); };
    context_->ev.delRead = [](void* self) { of(self).reading_.wanted = false; };
    context_->ev.addWrite = [](void* self) { of(self).watch(of(self).writing_, wait_write); };
    context_->ev.delWrite = [](void* self) { of(self).writing_.wanted = false; };
    context_->ev.cleanup = [](void* self) { of(self).ended(); };
    redisAsyncSetConnectCallback(context_, [](const redisAsyncContext* context, int status) {
      of(context->data).connected_ = status == REDIS_OK;
      if (status != REDIS_OK) of(context->data).error_ = context->errstr;
    });
    redisAsyncSetDisconnectCallback(context_, [](const redisAsyncContext* context, int status) {
      if (status != REDIS_OK) of(context->data).error_ = context->errstr;
    });
  }
  [[nodiscard]] bool usable() const noexcept { return context_ != nullptr; }
  /// Before that nothing was sent.
  [[nodiscard]] bool was_connected() const noexcept { return connected_; }
  [[nodiscard]] const std::string& error() const noexcept { return error_; }

  /// False: it was not even sent.
  bool send(const std::vector<std::string>& words, std::shared_ptr<Reply> reply) {
    std::vector<const char*> starts;
    std::vector<std::size_t> sizes;
    for (const std::string& word : words) {
      starts.push_back(word.data());
      sizes.push_back(word.size());
    }
    auto* held = new std::shared_ptr<Reply>(std::move(reply));
    const int status = redisAsyncCommandArgv(context_, &Link::answered, held, static_cast<int>(words.size()), starts.data(),
                                             sizes.data());
    if (status != REDIS_OK) delete held;
    return status == REDIS_OK;
  }
  /// Breaks it: every command in flight gets an empty reply.
  void close() {
    if (context_ != nullptr) redisAsyncFree(context_);
  }

 private:
  static constexpr auto wait_read = boost::asio::posix::descriptor_base::wait_read;
  static constexpr auto wait_write = boost::asio::posix::descriptor_base::wait_write;
  struct Watch {
    bool wanted = false;
    bool under_way = false;
  };
  static Link& of(void* self) { return *static_cast<Link*>(self); }

  void watch(Watch& watch, boost::asio::posix::descriptor_base::wait_type type) {
    watch.wanted = true;
    if (watch.under_way || context_ == nullptr) return;
    watch.under_way = true;
    descriptor_.async_wait(type, [self = shared_from_this(), &watch, type](const boost::system::error_code& error) {
      watch.under_way = false;
      if (error || self->context_ == nullptr || !watch.wanted) return;
      if (type == wait_read) {
        redisAsyncHandleRead(self->context_);
      } else {
        redisAsyncHandleWrite(self->context_);
      }
      if (watch.wanted && self->context_ != nullptr) self->watch(watch, type);
    });
  }
  void ended() {
    context_ = nullptr;
    reading_.wanted = writing_.wanted = false;
    boost::system::error_code ignored;
    descriptor_.close(ignored);
  }
  static void answered(redisAsyncContext*, void* data, void* held) {
    const std::unique_ptr<std::shared_ptr<Reply>> owner(static_cast<std::shared_ptr<Reply>*>(held));
    Reply& reply = **owner;
    if (const auto* got = static_cast<const redisReply*>(data)) {
      reply.type = got->type;
      reply.integer = got->integer;
      if (got->str != nullptr) reply.text.assign(got->str, static_cast<std::size_t>(got->len));
    }
    reply.done = true;
    if (reply.waiter != nullptr) reply.waiter->wake();
  }

  boost::asio::posix::stream_descriptor descriptor_;
  redisAsyncContext* context_ = nullptr;
  Watch reading_;
  Watch writing_;
  bool connected_ = false;
  std::string error_;
};

RedisCache::RedisCache(Loop& loop, Address address) : loop_(loop), address_(std::move(address)) {}

RedisCache::RedisCache(Loop& loop, Address address, Mishaps& mishaps, std::string link)
    : loop_(loop), address_(std::move(address)), mishaps_(&mishaps), link_name_(std::move(link)) {}

RedisCache::~RedisCache() {
  if (link_ != nullptr) link_->close();
}

/// What the cache loses goes on the same connection, just before the command; nobody waits for the answer.
void RedisCache::suffer(const std::vector<std::string>& words) {
  if (mishaps_ == nullptr) return;
  const bool flushes = mishaps_->strike(FaultKind::cache_flush, link_name_) != nullptr;
  const bool evicts = mishaps_->strike(FaultKind::cache_evict, link_name_) != nullptr;
  if (!link_->usable()) return;
  const std::vector<std::string> flush = {"FLUSHALL"};
  const std::vector<std::string> remove = {"DEL", words[0] == "EVAL" ? words[3] : words[1]};
  if (flushes) link_->send(flush, std::make_shared<Reply>());
  if (evicts) link_->send(remove, std::make_shared<Reply>());
}

Task<RedisCache::Reply> RedisCache::command(std::vector<std::string> words, Effect if_unheard) {
  const std::string what = "cache: " + words[0] + " at " + address_.text() + ": ";
  if (link_ == nullptr || !link_->usable()) {
    link_ = std::make_shared<Link>(loop_);
    link_->open(address_);
  }
  suffer(words);
  const std::shared_ptr<Link> link = link_;
  const auto reply = std::make_shared<Reply>();
  Waiter waiter(loop_);
  struct Waiting {
    Waiting(Reply& reply, Waiter& waiter) : reply(reply) { reply.waiter = &waiter; }
    ~Waiting() { reply.waiter = nullptr; }
    Reply& reply;
  };
  const Waiting waiting(*reply, waiter);
  if (!link->usable() || !link->send(words, reply)) throw CacheFailed(Effect::did_not_happen, what + link->error());
  co_await waiter.wait_until(loop_.now() + kAnswerWithin);
  const Effect effect = link->was_connected() ? if_unheard : Effect::did_not_happen;
  if (!reply->done) {
    link->close();
    throw CacheFailed(effect, what + "no answer within " + orrery::to_string(kAnswerWithin));
  }
  if (reply->type == 0) {
    throw CacheFailed(effect, what + (link->error().empty() ? "the connection broke" : link->error()));
  }
  if (reply->type == REDIS_REPLY_ERROR) throw CacheFailed(Effect::did_not_happen, what + reply->text);
  Reply answer = std::move(*reply);
  answer.waiter = nullptr;
  co_return answer;
}

Task<std::optional<std::string>> RedisCache::get(std::string key) {
  std::vector<std::string> words = {"GET", std::move(key)};
  Task<Reply> asking = command(std::move(words), Effect::did_not_happen);
  Reply reply = co_await std::move(asking);
  std::optional<std::string> value;
  if (reply.type == REDIS_REPLY_STRING) value = std::move(reply.text);
  co_return value;
}

Task<void> RedisCache::set(std::string key, std::string value, Duration time_to_live) {
  std::vector<std::string> words = {"SET", std::move(key), std::move(value), "PX", milliseconds(time_to_live)};
  Task<Reply> asking = command(std::move(words), Effect::may_have_happened);
  co_await std::move(asking);
}

Task<bool> RedisCache::set_if_absent(std::string key, std::string value, Duration time_to_live) {
  std::vector<std::string> words = {"SET", std::move(key), std::move(value), "NX", "PX", milliseconds(time_to_live)};
  Task<Reply> asking = command(std::move(words), Effect::may_have_happened);
  const Reply reply = co_await std::move(asking);
  co_return reply.type != REDIS_REPLY_NIL;
}

Task<bool> RedisCache::remove(std::string key) {
  std::vector<std::string> words = {"DEL", std::move(key)};
  Task<Reply> asking = command(std::move(words), Effect::may_have_happened);
  const Reply reply = co_await std::move(asking);
  co_return reply.integer > 0;
}

Task<std::int64_t> RedisCache::increment(std::string key, std::int64_t by, Duration time_to_live) {
  std::vector<std::string> words = {"EVAL", kIncrement, "1", std::move(key), std::to_string(by), milliseconds(time_to_live)};
  Task<Reply> asking = command(std::move(words), Effect::may_have_happened);
  const Reply reply = co_await std::move(asking);
  co_return reply.integer;
}

}  // namespace orrery::real
