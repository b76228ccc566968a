#pragma once

#include <map>
#include <memory>
#include <string>

#include "sim/database_server.hpp"
#include "sim/network.hpp"

namespace orrery::sim {

class Connection;
class Directory;

/// The open connections of a world, by number: packets name them, so that none dangles.
class ConnectionTable {
 public:
  ConnectionId add(Connection& connection) {
    connections_.emplace(++last_, &connection);
    return last_;
  }
  void remove(ConnectionId id) { connections_.erase(id); }
  /// The server's process died: its operating system closes its sockets, and clients learn it one trip later.
  void server_crashed(Directory& directory, Host& server) const;
  [[nodiscard]] Connection* find(ConnectionId id) const {
    const auto found = connections_.find(id);
    return found == connections_.end() ? nullptr : found->second;
  }

 private:
  ConnectionId last_ = 0;
  std::map<ConnectionId, Connection*> connections_;
};

/// A server whose client fell silent notices it after this long, as with TCP keep-alive set for a database.
inline constexpr Duration kKeepAlive = std::chrono::seconds(15);

[[nodiscard]] std::unique_ptr<Packet> make_connect_packet(Directory& directory, DatabaseServer& server,
                                                          ConnectionId connection, std::string session_name, bool listens);
[[nodiscard]] std::unique_ptr<Packet> make_statement_packet(Directory& directory, DatabaseServer& server,
                                                            ConnectionId connection, StatementJob job);
[[nodiscard]] std::unique_ptr<Packet> make_reply_packet(Directory& directory, DatabaseServer& server,
                                                        ConnectionId connection, StatementReply reply);
[[nodiscard]] std::unique_ptr<Packet> make_notification_packet(Directory& directory, DatabaseServer& server,
                                                               ConnectionId connection, std::string payload);

/// The server's side of the connection has ended: the client learns it one trip later, unless it cannot be reached.
void reset_client(Directory& directory, Host& server, Host& client, ConnectionId connection);
/// The client's side has ended, or its process died: the server learns it one trip later, or by its keep-alive.
void reset_server(Directory& directory, Host& client, DatabaseServer& server, ConnectionId connection);

}  // namespace orrery::sim
