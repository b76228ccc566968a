#include "faults/catalogue.hpp"

#include <array>
#include <string>

#include "runtime/check.hpp"

namespace orrery {
namespace {

constexpr std::string_view kLink = "a>b, the link from host a to host b";
constexpr std::string_view kSession = "client>database, the connections of a host to a database";
constexpr std::string_view kCached = "client>cache, the commands of a host to the cache";
constexpr std::string_view kReplicated = "host of a database with a standby";
constexpr std::string_view kPublisher = "client>broker, what a host sends to the broker";

constexpr std::array<FaultDescription, static_cast<std::size_t>(FaultKind::count_)> kCatalogue = {{
    {FaultKind::crash, "the host's tasks and memory are gone at once; it starts again after a while",
     "the process ends without a word → out of memory, SIGKILL, a node that fails, a panic", "host",
     "until it starts again"},
    {FaultKind::stop, "the process is asked to stop, finishes what is in work, and is started again",
     "a rolling deploy or a scale-down → SIGTERM from the orchestrator", "host", "until the new process starts"},
    {FaultKind::pause, "nothing runs on the host and messages wait; then it goes on as if no time had passed",
     "the process stands still → garbage collection, a frozen VM, CPU throttling, swapping", "host",
     "until it goes on; longer than a lease now and then"},
    {FaultKind::clock_jump, "the host's system clock is off; its steady clock is not",
     "a clock that was set → NTP step, a wrong time zone, a resumed VM", "host", "until the clock is right again",
     Amount::microseconds, "how far ahead of true time (negative: behind)"},
    {FaultKind::clock_drift, "the host's system clock runs too fast or too slow",
     "a clock that nobody corrects → NTP unreachable, a bad oscillator", "host", "until the clock is right again",
     Amount::ppm, "how fast: microseconds gained a second (negative: lost)"},
    {FaultKind::partition, "nothing passes between two hosts, either way; calls hang until their deadline",
     "the network is cut → a switch, a firewall rule, a zone that is lost",
     "a|b; one of them may be \"*\": everybody else", "until messages pass again"},
    {FaultKind::one_way_partition, "messages from a to b are lost, those from b to a arrive",
     "an asymmetric cut → a wrong route or rule, a full queue in one direction", "a>b; one may be \"*\"",
     "until messages pass again"},
    {FaultKind::slow_link, "each message on a link takes longer", "congestion → a backup, a saturated uplink, a detour",
     "a>b; one may be \"*\"", "until the link is fast again", Amount::microseconds, "how much longer"},
    {FaultKind::slow_service, "each of the host's handlers takes longer",
     "a slow dependency → an overloaded node, a cold cache, a slow third party", "host of a service",
     "until it is fast again", Amount::microseconds, "how much longer"},
    {FaultKind::error_burst, "the host answers 503 to every request and does nothing",
     "an upstream that sheds load → a proxy without backends, a rate limit, a bad deploy", "host of a service",
     "until it answers again"},
    {FaultKind::slow_database, "each statement takes longer",
     "a database under load → checkpoints, vacuum, a noisy neighbour, a cold cache", "host of a database",
     "until it is fast again", Amount::microseconds, "how much longer each statement takes"},
    {FaultKind::broker_delay, "deliveries wait in the broker", "a broker that lags → rebalancing, a slow disk, a backlog",
     "broker", "until deliveries are fast again", Amount::microseconds, "how much longer each waits"},
    {FaultKind::drop, "one message is lost: a call hangs until its deadline, a stream breaks",
     "a lost packet that is not sent again → a connection reset, a dying load balancer", kLink, ""},
    {FaultKind::duplicate, "one HTTP request or broker message arrives twice",
     "the sender's side sends again → a proxy's retry, a client library's retry", kLink, ""},
    {FaultKind::delay, "one message takes longer, so that later ones overtake it",
     "a detour → retransmission, another route, a queue", kLink, "", Amount::microseconds, "how much longer"},
    {FaultKind::break_statement, "the connection breaks at a statement, before or after it was executed",
     "a broken connection in a transaction → an idle timeout, a pooler's restart, a network cut", kSession, ""},
    {FaultKind::break_before_commit, "the connection breaks and COMMIT never reaches the server",
     "a broken connection at the end → as break_statement, at the worst of times", kSession, ""},
    {FaultKind::break_during_commit, "the connection breaks within COMMIT; whether it took place only a look can tell",
     "the server ends while it commits → a failover, a crash of the backend", kSession, ""},
    {FaultKind::break_after_commit, "the transaction is committed, but the answer is lost",
     "a broken connection after COMMIT → a failover, a network cut", kSession, ""},
    {FaultKind::kill_session, "the server ends the session before a statement (57P01)",
     "an administrator or a failover ends sessions → pg_terminate_backend, a restart", kSession, ""},
    {FaultKind::deadlock, "a statement is chosen as the victim of a deadlock (40P01)",
     "transactions lock in different orders → batch jobs, migrations, hot rows", kSession, ""},
    {FaultKind::lose_publish, "the broker took a message, but loses it before it was durable, and confirms nothing",
     "a broker that fails before its sync → a crash, a leader change", kPublisher, ""},
    {FaultKind::lose_confirmation, "the message is durable, but its publisher never hears so",
     "the confirmation is lost → a cut connection, a publisher's time-out", kPublisher, ""},
    {FaultKind::lose_ack, "the broker never hears an acknowledgement: the message comes again",
     "the acknowledgement is lost → a cut connection, a rebalance", kPublisher, ""},
    {FaultKind::redeliver, "a message that was acknowledged, or is in work, is delivered again",
     "delivery is at least once → a rebalance, a consumer's offset that was lost, a replay",
     "topic/group, the deliveries of a topic to a group", ""},
    {FaultKind::cache_down, "the cache refuses every command; what it holds stays",
     "a cache that loads its data, has no memory left or is a replica just now → a failover, a wrong limit", "host of a cache",
     "until it answers again"},
    {FaultKind::disk_full,
     "nothing can be written to a file store, or a database's row versions that need another page fail with 53100 (some still find"
     " room); reading and removing work",
     "no space left on device → a full disk, a quota, a backlog of log files, a runaway table", "host of a file store or a database",
     "until there is space again"},
    {FaultKind::cache_flush, "the cache loses everything, just before a command",
     "an empty cache → a restart without persistence, a failover to an empty replica, FLUSHALL", kCached, ""},
    {FaultKind::cache_evict, "the cache loses a key, just before a command that names it",
     "an evicted key → memory pressure under an LRU policy", kCached, ""},
    {FaultKind::failover, "the database dies and its standby takes its place: connections break, and commits that the standby had not"
     " received are gone, also acknowledged ones",
     "asynchronous replication, and the primary is lost → a node or zone that fails, an orchestrator that fences it", kReplicated,
     "until the standby has taken its place"},
    {FaultKind::switchover, "the database hands over to its standby: connections break, nothing is lost",
     "a planned change of the primary → an upgrade, maintenance of its node", kReplicated, "until the standby has taken its place"},
    {FaultKind::standby_lag, "the log reaches the standby later: its readers see an older state, and a failover loses more",
     "replication that does not keep up → a bulk load, a saturated link, a slow disk", kReplicated, "until it keeps up again",
     Amount::microseconds, "how much further behind it is"},
    {FaultKind::read_only_database, "transactions begin read-only: writes fail with 25006, reads go on",
     "default_transaction_read_only → a managed service that runs out of space, an operator before a move", "host of a database",
     "until writes are allowed again"},
    {FaultKind::connection_limit, "new connections are refused with 53300 while there are as many; those that are open go on",
     "too many clients → a deploy with twice the replicas, a connection leak elsewhere", "host of a database",
     "until there is room again", Amount::connections, "how many connections there may be"},
    {FaultKind::idle_transaction,
     "a session of somebody else has a transaction open that has begun to write, and does nothing more; it holds no lock that others want",
     "idle in transaction → a console that somebody left, a batch job that waits for something else, a pool that leaks a connection",
     "host of a database", "until that session rolls back; a crash of the server ends it too"},
    {FaultKind::serialization_failure, "a SERIALIZABLE transaction fails with 40001 beside another one, without need",
     "predicate locks that cover more than was read → a page or a relation lock where a row was meant", kSession, ""},
    {FaultKind::break_listening, "a connection that LISTENs breaks just before a notification, which nobody hears",
     "a connection that is mostly idle ends → an idle time-out of a firewall or pooler, a restart", kSession, ""},
}};

}  // namespace

std::span<const FaultDescription> fault_catalogue() noexcept { return kCatalogue; }

const FaultDescription& describe(FaultKind kind) noexcept {
  const auto index = static_cast<std::size_t>(kind);
  CHECK(index < kCatalogue.size() && kCatalogue[index].kind == kind, "the catalogue is out of order");
  return kCatalogue[index];
}

std::string known_fault_kinds() {
  std::string names;
  for (const FaultDescription& fault : kCatalogue) {
    if (!names.empty()) names += ", ";
    names += to_string(fault.kind);
  }
  return names;
}

}  // namespace orrery
