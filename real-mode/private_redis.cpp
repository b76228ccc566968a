#include "real-mode/private_redis.hpp"

#include <filesystem>
#include <utility>

namespace orrery::real {
namespace {

constexpr Duration kAnswerWithin = 1s;

}  // namespace

std::string PrivateRedis::program() {
  for (const char* path : {"/usr/bin/redis-server", "/usr/local/bin/redis-server"}) {
    if (std::filesystem::exists(path)) return path;
  }
  return {};
}

PrivateRedis::PrivateRedis(Loop& loop, Address address, std::string folder)
    : loop_(loop), address_(std::move(address)), folder_(std::move(folder)) {}

void PrivateRedis::launch() {
  Child::Options options;
  options.directory = folder_;
  options.output = folder_ + "/redis.log";
  server_ = Child({program(), "--port", std::to_string(address_.port), "--bind", address_.host, "--save", "", "--appendonly", "no",
                   "--daemonize", "no"},
                  options);
}

/// One command in Redis's inline form; true if the answer is "+OK" or "+PONG".
Task<bool> PrivateRedis::ask(std::string command) {
  bool done = false;
  try {
    const Instant until = loop_.now() + kAnswerWithin;
    Task<Socket> connecting = connect(loop_, address_, until);
    Socket socket = co_await std::move(connecting);
    command += "\r\n";
    Task<void> writing = socket.write(command, until);
    co_await std::move(writing);
    char answer[128];
    Task<std::size_t> reading = socket.read(answer, sizeof answer, until);
    const std::size_t got = co_await std::move(reading);
    done = got > 0 && answer[0] == '+';
  } catch (const SocketError&) {
    done = false;  // it does not run, or stands still
  }
  co_return done;
}

Task<bool> PrivateRedis::answers() {
  // A server that has just started allows everything.
  std::string command = refuses_ ? "ACL SETUSER default -@all +acl" : "PING";
  Task<bool> asking = ask(std::move(command));
  co_return co_await std::move(asking);
}

Task<void> PrivateRedis::refuse(bool refuses) {
  refuses_ = refuses;
  std::string command = refuses ? "ACL SETUSER default -@all +acl" : "ACL SETUSER default +@all";
  Task<bool> asking = ask(std::move(command));
  co_await std::move(asking);
}

}  // namespace orrery::real
