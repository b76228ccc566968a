#include "sim/database_wire.hpp"

#include <utility>

#include "sim/database_client.hpp"
#include "sim/directory.hpp"

namespace orrery::sim {
namespace {

/// A message of a connection. A connection is a stream: a lost message breaks it for both ends, except in a partition,
/// where both ends just wait.
class WirePacket : public Packet {
 public:
  WirePacket(Directory& directory, DatabaseServer& server, ConnectionId connection)
      : directory_(directory), server_(server), connection_(connection) {}

  void lost(Loss loss) override {
    if (loss == Loss::dropped && directory_.network.blocked(from(), to())) return;
    Host& client = &from() == &server_.host() ? to() : from();
    reset_client(directory_, server_.host(), client, connection_);
    reset_server(directory_, client, server_, connection_);
  }

 protected:
  Directory& directory_;
  DatabaseServer& server_;
  ConnectionId connection_;
};

class ConnectPacket final : public WirePacket {
 public:
  ConnectPacket(Directory& directory, DatabaseServer& server, ConnectionId connection, std::string session_name, bool listens)
      : WirePacket(directory, server, connection), session_name_(std::move(session_name)), listens_(listens) {}
  void arrive() override { server_.connect(connection_, from(), session_name_, listens_); }
  [[nodiscard]] std::string describe() const override { return "connect " + session_name_; }

 private:
  std::string session_name_;
  bool listens_;
};

class StatementPacket final : public WirePacket {
 public:
  StatementPacket(Directory& directory, DatabaseServer& server, ConnectionId connection, StatementJob job)
      : WirePacket(directory, server, connection), job_(std::move(job)) {}
  void arrive() override { server_.submit(connection_, std::move(job_)); }
  [[nodiscard]] std::string describe() const override { return job_.sql; }

 private:
  StatementJob job_;
};

class ReplyPacket final : public WirePacket {
 public:
  ReplyPacket(Directory& directory, DatabaseServer& server, ConnectionId connection, StatementReply reply)
      : WirePacket(directory, server, connection), reply_(std::move(reply)) {}
  void arrive() override {
    if (Connection* connection = directory_.connections.find(connection_)) connection->replied(std::move(reply_));
  }
  [[nodiscard]] std::string describe() const override {
    return reply_.failed ? reply_.error.sqlstate + " " + reply_.error.message : "reply " + reply_.command_tag;
  }

 private:
  StatementReply reply_;
};

/// A notification of a channel that the client listens to.
class NotificationPacket final : public WirePacket {
 public:
  NotificationPacket(Directory& directory, DatabaseServer& server, ConnectionId connection, std::string payload)
      : WirePacket(directory, server, connection), payload_(std::move(payload)) {}
  void arrive() override {
    if (Connection* connection = directory_.connections.find(connection_)) connection->notified(std::move(payload_));
  }
  /// Nobody waits for it, so that a partition swallows it. It may not be missing on a connection that goes on: both ends give
  /// the connection up when their keep-alives fail.
  void lost(Loss loss) override {
    if (loss == Loss::dropped && directory_.network.blocked(from(), to())) {
      directory_.kernel.at(directory_.kernel.now() + kKeepAlive, [&directory = directory_, connection = connection_] {
        if (Connection* broken = directory.connections.find(connection)) broken->reset();
      });
      reset_server(directory_, to(), server_, connection_);
      return;
    }
    WirePacket::lost(loss);
  }
  [[nodiscard]] std::string describe() const override { return "notification " + payload_; }

 private:
  std::string payload_;
};

}  // namespace

std::unique_ptr<Packet> make_connect_packet(Directory& directory, DatabaseServer& server, ConnectionId connection,
                                            std::string session_name, bool listens) {
  return std::make_unique<ConnectPacket>(directory, server, connection, std::move(session_name), listens);
}

std::unique_ptr<Packet> make_statement_packet(Directory& directory, DatabaseServer& server, ConnectionId connection,
                                              StatementJob job) {
  return std::make_unique<StatementPacket>(directory, server, connection, std::move(job));
}

std::unique_ptr<Packet> make_reply_packet(Directory& directory, DatabaseServer& server, ConnectionId connection,
                                          StatementReply reply) {
  return std::make_unique<ReplyPacket>(directory, server, connection, std::move(reply));
}

std::unique_ptr<Packet> make_notification_packet(Directory& directory, DatabaseServer& server, ConnectionId connection,
                                                 std::string payload) {
  return std::make_unique<NotificationPacket>(directory, server, connection, std::move(payload));
}

void ConnectionTable::server_crashed(Directory& directory, Host& server) const {
  for (const auto& [id, connection] : connections_) {
    if (&connection->server().host() == &server) reset_client(directory, server, connection->client(), id);
  }
}

void reset_client(Directory& directory, Host& server, Host& client, ConnectionId connection) {
  if (directory.network.blocked(server, client)) return;
  directory.kernel.at(directory.kernel.now() + directory.network.latency.minimum, [&directory, connection] {
    if (Connection* broken = directory.connections.find(connection)) broken->reset();
  });
}

void reset_server(Directory& directory, Host& client, DatabaseServer& server, ConnectionId connection) {
  const Duration known_after =
      directory.network.blocked(client, server.host()) ? kKeepAlive : directory.network.latency.minimum;
  directory.kernel.at(directory.kernel.now() + known_after, [&server, connection] { server.disconnect(connection); });
}

}  // namespace orrery::sim
