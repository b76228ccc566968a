#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sim/database_wire.hpp"
#include "sim/decisions.hpp"
#include "sim/http.hpp"
#include "sim/kernel.hpp"
#include "sim/network.hpp"
#include "sim/places.hpp"

namespace orrery::sim {

class BrokerServer;
class CacheServer;
class DatabaseServer;
class FileStore;

/// What every host of a world shares: the wires, and who is where.
class Directory {
 public:
  Directory(Kernel& kernel, Network& network, Places& places, Decisions& decisions);
  ~Directory();

  Kernel& kernel;
  Network& network;
  Places& places;
  Decisions& decisions;
  Exchanges exchanges;
  ConnectionTable connections;

  std::map<std::string, std::vector<Host*>, std::less<>> services;
  std::map<std::string, std::unique_ptr<DatabaseServer>, std::less<>> databases;
  std::unique_ptr<BrokerServer> broker;
  std::map<std::string, std::unique_ptr<FileStore>, std::less<>> file_stores;
  std::unique_ptr<CacheServer> cache;  // null: this world has none

  /// What episodes do to a host's HTTP handlers.
  struct Ailment {
    Duration slower{0};
    int failing = 0;
  };
  std::vector<Ailment> ailments;  // by host id
  [[nodiscard]] Ailment& ailment(const Host& host) {
    if (ailments.size() <= host.id) ailments.resize(host.id + 1);
    return ailments[host.id];
  }
};

}  // namespace orrery::sim
