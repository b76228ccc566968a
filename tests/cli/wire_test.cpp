#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/sql/wire_messages.hpp"
#include "cli/sql/wire_session.hpp"
#include "cli/sql/wire_types.hpp"

// The protocol without sockets: bytes in, bytes out.

namespace orrery::cli::sql {
namespace {

using sim::database::Type;
using sim::database::TypeRef;

std::string int16(int number) {
  std::string out;
  append_int16(out, static_cast<std::int16_t>(number));
  return out;
}
std::string int32(std::int64_t number) {
  std::string out;
  append_int32(out, static_cast<std::int32_t>(number));
  return out;
}
std::string zero(std::string_view text) { return std::string(text) + '\0'; }
std::string message(char type, const std::string& body) { return type + int32(static_cast<std::int64_t>(body.size()) + 4) + body; }
std::string startup(const std::string& parameters = "") {
  const std::string body = int32(196608) + zero("user") + zero("me") + parameters + '\0';
  return int32(static_cast<std::int64_t>(body.size()) + 4) + body;
}
std::string query(std::string_view sql) { return message('Q', zero(sql)); }
std::string parse(std::string_view name, std::string_view sql) { return message('P', zero(name) + zero(sql) + int16(0)); }
std::string execute(std::string_view portal, int rows = 0) { return message('E', zero(portal) + int32(rows)); }
const std::string kSync = message('S', "");

/// A client that is told in words what the server sends: "T a b", "D 1|x", "C SELECT 1", "E 22012 division by zero", "Z I".
class WireClient {
 public:
  explicit WireClient(WireHub& hub) : hub_(hub), session_(hub) {}

  std::vector<std::string> send(const std::string& bytes) {
    session_.receive(bytes);
    return settle();
  }
  std::vector<std::string> settle() {
    hub_.environment.time.settle();
    return words(session_.take_output());
  }
  void begin() { static_cast<void>(send(startup())); }
  [[nodiscard]] bool is_over() const { return session_.is_over(); }
  void disconnect() {
    session_.disconnect();
    hub_.environment.time.settle();
  }
  std::string last_key;

 private:
  std::vector<std::string> words(std::string_view bytes) {
    std::vector<std::string> said;
    while (!bytes.empty()) {
      BodyReader header(bytes.substr(1, 4));
      const auto size = static_cast<std::size_t>(header.int32());
      BodyReader body(bytes.substr(5, size - 4));
      std::string text(1, bytes[0]);
      bytes.remove_prefix(size + 1);
      switch (text[0]) {
        case 'T':
          for (int i = body.int16(); i > 0; --i) {
            text += ' ' + std::string(body.string());
            static_cast<void>(body.bytes(18));
          }
          break;
        case 'D':
          text += ' ';
          for (int i = body.int16(); i > 0; --i) {
            const std::int32_t length = body.int32();
            text += length < 0 ? "NULL" : std::string(body.bytes(static_cast<std::size_t>(length)));
            if (i > 1) text += '|';
          }
          break;
        case 'C':
          text += ' ' + std::string(body.string());
          break;
        case 'd':
          text += ' ' + std::string(body.bytes(body.left()));
          break;
        case 'E':
        case 'N':
          while (const char field = static_cast<char>(body.byte())) {
            const std::string value(body.string());
            if (field == 'C' || field == 'M' || (field == 'S' && value == "FATAL")) text += ' ' + value;
          }
          break;
        case 'Z':
          text += ' ' + std::string(body.bytes(1));
          break;
        case 'A':
          static_cast<void>(body.int32());
          text += ' ' + std::string(body.string());
          text += ' ' + std::string(body.string());
          break;
        case 'K':
          last_key = body.bytes(8);
          break;
        default:
          break;
      }
      said.push_back(text);
    }
    return said;
  }

  WireHub& hub_;
  WireSession session_;
};

class Wire : public ::testing::Test {
 protected:
  WireHub hub{1, SqlEnvironment::kBegin, true};
};

using Words = std::vector<std::string>;

TEST_F(Wire, AnswersAStartUpWithSettingsKeyAndReadiness) {
  WireClient client(hub);
  const Words said = client.send(startup());
  ASSERT_GE(said.size(), 4U);
  EXPECT_EQ(said.front(), "R");
  EXPECT_EQ(said[said.size() - 2], "K");
  EXPECT_EQ(said.back(), "Z I");
}

TEST_F(Wire, RefusesAStartUpWithWhatItDoesNotKnow) {
  for (const auto& [parameters, refusal] : std::vector<std::pair<std::string, std::string>>{
           {zero("nonsense") + zero("1"), "E FATAL 42704 unrecognized configuration parameter \"nonsense\""},
           {zero("replication") + zero("1"), "E FATAL 0A000 not supported in the simulated database: replication connections"}}) {
    WireClient client(hub);
    EXPECT_EQ(client.send(startup(parameters)), Words{refusal});
    EXPECT_TRUE(client.is_over());
  }
}

TEST_F(Wire, RunsTheStatementsOfASimpleQueryUntilOneFails) {
  WireClient client(hub);
  client.begin();
  EXPECT_EQ(client.send(query("SELECT 1 AS a; SELECT NULL, 'x' AS b; SELECT 1/0; SELECT 2")),
            (Words{"T a", "D 1", "C SELECT 1", "T ?column? b", "D NULL|x", "C SELECT 1", "E 22012 division by zero", "Z I"}));
  EXPECT_EQ(client.send(query("")), (Words{"I", "Z I"}));
}

TEST_F(Wire, TellsTheStateOfTheTransaction) {
  WireClient client(hub);
  client.begin();
  EXPECT_EQ(client.send(query("BEGIN")), (Words{"C BEGIN", "Z T"}));
  EXPECT_EQ(client.send(query("SELEC")), (Words{"E 42601 syntax error at or near \"SELEC\"", "Z E"}));
  EXPECT_EQ(client.send(query("COMMIT")), (Words{"C ROLLBACK", "Z I"}));
  EXPECT_EQ(client.send(query("COMMIT")), (Words{"N 25P01 there is no transaction in progress", "C COMMIT", "Z I"}));
}

TEST_F(Wire, RunsPreparedStatementsWithTextAndBinaryParameters) {
  WireClient client(hub);
  client.begin();
  EXPECT_EQ(client.send(parse("s", "SELECT $1::int + 1 AS n, $2::text AS t")), (Words{"1"}));
  const std::string bind = message('B', zero("") + zero("s") + int16(2) + int16(1) + int16(0) + int16(2) + int32(4) + int32(41) +
                                            int32(2) + "hi" + int16(0));
  EXPECT_EQ(client.send(bind + message('D', "P" + zero("")) + execute("") + kSync),
            (Words{"2", "T n t", "D 42|hi", "C SELECT 1", "Z I"}));
  EXPECT_EQ(client.send(message('C', "S" + zero("s")) + message('B', zero("") + zero("s") + int16(0) + int16(0) + int16(0)) + kSync),
            (Words{"3", "E 26000 prepared statement \"s\" does not exist", "Z I"}));
}

TEST_F(Wire, SkipsToSyncAfterAnError) {
  WireClient client(hub);
  client.begin();
  EXPECT_EQ(client.send(parse("", "SELECT nope") + execute("") + query("SELECT 1")),
            (Words{"E 42703 column \"nope\" does not exist"}));
  EXPECT_EQ(client.send(kSync + query("SELECT 1")), (Words{"Z I", "T ?column?", "D 1", "C SELECT 1", "Z I"}));
}

TEST_F(Wire, GivesAPortalsRowsInParts) {
  WireClient client(hub);
  client.begin();
  static_cast<void>(client.send(query("BEGIN")));
  static_cast<void>(client.send(parse("", "SELECT * FROM generate_series(1, 3)") +
                                message('B', zero("p") + zero("") + int16(0) + int16(0) + int16(0))));
  EXPECT_EQ(client.send(execute("p", 2)), (Words{"D 1", "D 2", "s"}));
  EXPECT_EQ(client.send(execute("p", 2)), (Words{"D 3", "C SELECT 1"}));
  EXPECT_EQ(client.send(kSync + query("COMMIT")), (Words{"Z T", "C COMMIT", "Z I"}));
  EXPECT_EQ(client.send(execute("p")), (Words{"E 34000 portal \"p\" does not exist"}));
}

TEST_F(Wire, LetsOthersGoOnWhileOneWaits) {
  WireClient first(hub);
  WireClient second(hub);
  first.begin();
  second.begin();
  static_cast<void>(first.send(query("CREATE TABLE t (a int)") + query("INSERT INTO t VALUES (1)") +
                               query("BEGIN; UPDATE t SET a = 2")));
  EXPECT_EQ(second.send(query("UPDATE t SET a = a + 10")), Words{});
  EXPECT_EQ(first.send(query("COMMIT")), (Words{"C COMMIT", "Z I"}));
  EXPECT_EQ(second.settle(), (Words{"C UPDATE 1", "Z I"}));
  EXPECT_EQ(first.send(query("SELECT a FROM t")), (Words{"T a", "D 12", "C SELECT 1", "Z I"}));
}

TEST_F(Wire, CancelsAWaitingStatementForWhoHasTheKey) {
  WireClient first(hub);
  WireClient second(hub);
  first.begin();
  second.begin();
  static_cast<void>(first.send(query("CREATE TABLE t (a int)") + query("BEGIN; LOCK TABLE t")));
  EXPECT_EQ(second.send(query("SELECT * FROM t")), Words{});
  std::string wrong = second.last_key;
  wrong.back() = static_cast<char>(wrong.back() ^ 1);
  WireClient stranger(hub);
  static_cast<void>(stranger.send(int32(16) + int32(80877102) + wrong));
  EXPECT_TRUE(stranger.is_over());
  EXPECT_EQ(second.settle(), Words{});
  WireClient friendly(hub);
  static_cast<void>(friendly.send(int32(16) + int32(80877102) + second.last_key));
  EXPECT_EQ(second.settle(), (Words{"E 57014 canceling statement due to user request", "Z I"}));
}

TEST_F(Wire, RollsBackWhenTheClientIsGone) {
  auto client = std::make_unique<WireClient>(hub);
  client->begin();
  static_cast<void>(client->send(query("CREATE TABLE t (a int)") + query("BEGIN; INSERT INTO t VALUES (1); LOCK TABLE t")));
  client->disconnect();
  EXPECT_TRUE(client->is_over());
  WireClient other(hub);
  other.begin();
  EXPECT_EQ(other.send(query("SELECT * FROM t")), (Words{"T a", "C SELECT 0", "Z I"}));
}

TEST_F(Wire, SendsNotificationsAtOnceToWhoIsIdleAndElseBeforeReadyForQuery) {
  WireClient listener(hub);
  WireClient sender(hub);
  listener.begin();
  sender.begin();
  EXPECT_EQ(listener.send(query("LISTEN jobs")), (Words{"C LISTEN", "Z I"}));
  static_cast<void>(sender.send(query("NOTIFY jobs, 'one'")));
  EXPECT_EQ(listener.settle(), Words{"A jobs one"});
  // In a transaction they wait for its end.
  static_cast<void>(listener.send(query("BEGIN")));
  static_cast<void>(sender.send(query("NOTIFY jobs, 'two'")));
  EXPECT_EQ(listener.settle(), Words{});
  EXPECT_EQ(listener.send(query("SELECT 1 AS a")), (Words{"T a", "D 1", "C SELECT 1", "Z T"}));
  EXPECT_EQ(listener.send(query("COMMIT")), (Words{"C COMMIT", "A jobs two", "Z I"}));
  // One's own come before the statement's ReadyForQuery; nobody else's are sent.
  EXPECT_EQ(listener.send(query("NOTIFY jobs, 'own'; NOTIFY other, 'x'")), (Words{"C NOTIFY", "C NOTIFY", "A jobs own", "Z I"}));
  EXPECT_EQ(sender.settle(), Words{});
  // In the middle of a pipeline nothing is sent that the client does not expect.
  static_cast<void>(listener.send(parse("", "SELECT 1 AS a")));
  static_cast<void>(sender.send(query("NOTIFY jobs, 'three'")));
  EXPECT_EQ(listener.settle(), Words{});
  EXPECT_EQ(listener.send(kSync), (Words{"A jobs three", "Z I"}));
}

TEST_F(Wire, CommitsAPipelineAtSyncAsAWhole) {
  WireClient client(hub);
  WireClient other(hub);
  client.begin();
  other.begin();
  static_cast<void>(client.send(query("CREATE TABLE t (a int PRIMARY KEY)")));
  const std::string bind = message('B', zero("") + zero("") + int16(0) + int16(0) + int16(0));
  const auto step = [&](const std::string& sql) { return parse("", sql) + bind + execute(""); };
  EXPECT_EQ(client.send(step("INSERT INTO t VALUES (1)") + step("INSERT INTO t VALUES (2)")),
            (Words{"1", "2", "C INSERT 0 1", "1", "2", "C INSERT 0 1"}));
  EXPECT_EQ(other.send(query("SELECT count(*) AS n FROM t")), (Words{"T n", "D 0", "C SELECT 1", "Z I"}));
  EXPECT_EQ(client.send(kSync), Words{"Z I"});
  EXPECT_EQ(other.send(query("SELECT count(*) AS n FROM t")), (Words{"T n", "D 2", "C SELECT 1", "Z I"}));
  // An error takes back the steps before it.
  EXPECT_EQ(client.send(step("INSERT INTO t VALUES (3)") + step("INSERT INTO t VALUES (1)") + step("INSERT INTO t VALUES (4)") + kSync),
            (Words{"1", "2", "C INSERT 0 1", "1", "2",
                   "E 23505 duplicate key value violates unique constraint \"t_pkey\"", "Z I"}));
  EXPECT_EQ(other.send(query("SELECT count(*) AS n FROM t")), (Words{"T n", "D 2", "C SELECT 1", "Z I"}));
  // What only the commit finds is told at Sync.
  static_cast<void>(client.send(query("CREATE TABLE c (a int REFERENCES t DEFERRABLE INITIALLY DEFERRED)")));
  const Words said = client.send(step("INSERT INTO c VALUES (77)") + kSync);
  ASSERT_EQ(said.size(), 5U);
  EXPECT_TRUE(said[3].starts_with("E 23503 ")) << said[3];
  EXPECT_EQ(said[4], "Z I");
  EXPECT_EQ(other.send(query("SELECT count(*) AS n FROM c")), (Words{"T n", "D 0", "C SELECT 1", "Z I"}));
  // BEGIN makes a transaction block of it, which Sync does not end.
  EXPECT_EQ(client.send(step("BEGIN") + step("INSERT INTO t VALUES (5)") + kSync).back(), "Z T");
  EXPECT_EQ(client.send(query("ROLLBACK")), (Words{"C ROLLBACK", "Z I"}));
  EXPECT_EQ(other.send(query("SELECT count(*) AS n FROM t")), (Words{"T n", "D 2", "C SELECT 1", "Z I"}));
}

TEST_F(Wire, EndsSessionsThatAreIdleForTooLong) {
  WireClient holder(hub);
  holder.begin();
  static_cast<void>(holder.send(query("CREATE TABLE t (a int); SET idle_in_transaction_session_timeout = '2s'")));
  static_cast<void>(holder.send(query("BEGIN; LOCK TABLE t")));
  hub.environment.time.advance(std::chrono::milliseconds(1500));
  static_cast<void>(holder.send(query("SELECT 1")));  // it was heard of: the time begins anew
  hub.environment.time.advance(std::chrono::milliseconds(1500));
  EXPECT_EQ(holder.settle(), Words{});
  hub.environment.time.advance(std::chrono::milliseconds(500));
  EXPECT_EQ(holder.settle(), Words{"E FATAL 25P03 terminating connection due to idle-in-transaction timeout"});
  EXPECT_TRUE(holder.is_over());
  WireClient other(hub);
  other.begin();
  EXPECT_EQ(other.send(query("SELECT a FROM t")).back(), "Z I") << "its lock is free";
  static_cast<void>(other.send(query("SET idle_session_timeout = '1s'")));
  hub.environment.time.advance(std::chrono::seconds(1));
  EXPECT_EQ(other.settle(), Words{"E FATAL 57P05 terminating connection due to idle-session timeout"});
  EXPECT_TRUE(other.is_over());
}

TEST_F(Wire, CancelsAWaitForASafeSnapshot) {
  WireClient writer(hub);
  WireClient reader(hub);
  writer.begin();
  reader.begin();
  static_cast<void>(writer.send(query("CREATE TABLE t (a int)")));
  static_cast<void>(writer.send(query("BEGIN ISOLATION LEVEL SERIALIZABLE; INSERT INTO t VALUES (1)")));
  static_cast<void>(reader.send(query("BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE")));
  EXPECT_EQ(reader.send(query("SELECT a FROM t")), Words{});
  WireClient canceller(hub);
  static_cast<void>(canceller.send(int32(16) + int32(80877102) + reader.last_key));
  EXPECT_EQ(reader.settle(), (Words{"E 57014 canceling statement due to user request", "Z E"}));
}

TEST_F(Wire, EndsWithProtocolViolationOnWhatIsNoMessage) {
  const Words over{"E FATAL 08P01 invalid length of startup packet"};
  EXPECT_EQ(WireClient(hub).send(int32(1)), over);
  EXPECT_EQ(WireClient(hub).send(int32(20'000)), over);
  for (const auto& [bytes, why] : std::vector<std::pair<std::string, std::string>>{
           {"Z" + int32(4), "invalid frontend message type 90"},
           {"Q" + int32(3), "invalid message length"},
           {"Q" + int32(0x7fffffff), "invalid message length"},
           {message('Q', "no end"), "invalid string in message"},
           {message('Q', zero("SELECT 1") + "more"), "invalid message format"},
           {message('E', zero("")), "insufficient data left in message"},
           {message('D', "X" + zero("")), "invalid DESCRIBE message subtype 88"}}) {
    WireClient client(hub);
    client.begin();
    EXPECT_EQ(client.send(bytes), Words{"E FATAL 08P01 " + why});
    EXPECT_TRUE(client.is_over());
  }
}

TEST_F(Wire, RefusesTextThatIsNoUtf8) {
  WireClient client(hub);
  client.begin();
  EXPECT_EQ(client.send(query("SELECT '\xff'")), (Words{"E 22021 invalid byte sequence for encoding \"UTF8\": 0xff", "Z I"}));
}

TEST_F(Wire, CopiesRowsInFromDataThatIsCutAnywhere) {
  WireClient client(hub);
  client.begin();
  static_cast<void>(client.send(query("CREATE TABLE t (a int, b text)")));
  EXPECT_EQ(client.send(query("COPY t FROM STDIN; SELECT count(*) FROM t")), (Words{"G"}));
  EXPECT_EQ(client.send(message('d', "1\tone\n2") + message('H', "") + message('d', "\tt")), Words{});
  EXPECT_EQ(client.send(message('d', "wo\n3\tthree") + message('c', "")), (Words{"C COPY 3", "T count", "D 3", "C SELECT 1", "Z I"}));
  EXPECT_EQ(client.send(query("COPY t TO STDOUT CSV")),
            (Words{"H", "d 1,one\n", "d 2,two\n", "d 3,three\n", "c", "C COPY 3", "Z I"}));
  EXPECT_EQ(client.send(parse("", "COPY t FROM STDIN") + message('B', zero("") + zero("") + int16(0) + int16(0) + int16(0)) + execute("")),
            (Words{"1", "2", "G"}));
  EXPECT_EQ(client.send(message('d', "4\t\\N\n") + message('c', "") + kSync), (Words{"C COPY 1", "Z I"}));
}

TEST_F(Wire, CopiesNothingIfTheClientGivesUpErrsOrIsGone) {
  WireClient client(hub);
  client.begin();
  static_cast<void>(client.send(query("CREATE TABLE t (a int)")));
  static_cast<void>(client.send(query("COPY t FROM STDIN")));
  EXPECT_EQ(client.send(message('d', "1\n") + message('f', zero("enough"))), (Words{"E 57014 COPY from stdin failed: enough", "Z I"}));
  static_cast<void>(client.send(query("COPY t FROM STDIN")));
  EXPECT_EQ(client.send(message('d', "1\n") + query("SELECT 1")), (Words{"E 08P01 unexpected message type 0x51 during COPY from stdin", "Z I"}));
  static_cast<void>(client.send(query("COPY t FROM STDIN")));
  // What was on its way when the error was found is passed over.
  EXPECT_EQ(client.send(message('d', "1\nx\n") + message('d', "2\n") + message('c', "")),
            (Words{"E 22P02 invalid input syntax for type integer: \"x\"", "Z I"}));
  {
    WireClient leaver(hub);
    leaver.begin();
    static_cast<void>(leaver.send(query("COPY t FROM STDIN")));
    static_cast<void>(leaver.send(message('d', "1\n")));
    leaver.disconnect();
    EXPECT_TRUE(leaver.is_over());
  }
  EXPECT_EQ(client.send(query("SELECT count(*) FROM t")), (Words{"T count", "D 0", "C SELECT 1", "Z I"}));
}

TEST_F(Wire, DeallocatesWhatTheProtocolPrepared) {
  WireClient client(hub);
  client.begin();
  static_cast<void>(client.send(parse("s", "SELECT 1") + kSync));
  EXPECT_EQ(client.send(query("DEALLOCATE s")), (Words{"C DEALLOCATE", "Z I"}));
  EXPECT_EQ(client.send(query("DEALLOCATE s")), (Words{"E 26000 prepared statement \"s\" does not exist", "Z I"}));
}

/// A message that may be right or nearly so.
rc::Gen<std::string> any_message() {
  return rc::gen::exec([] {
    const char type = *rc::gen::elementOf(std::string("PBEQDCSHXFdcf"));
    const std::string name = *rc::gen::element<std::string>("", "s", "p");
    const std::string sql = *rc::gen::element<std::string>("SELECT $1::int", "SELECT 1", "BEGIN", "SELECT 1/0", "COMMIT",
                                                           "CREATE TABLE t (a int)", "INSERT INTO t VALUES ($1)", "", "'");
    switch (*rc::gen::inRange(0, 7)) {
      case 0:
        return query(sql);
      case 1:
        return parse(name, sql);
      case 2:
        return message('B', zero(name) + zero(name) + int16(1) + int16(*rc::gen::inRange(0, 3)) + int16(1) +
                                int32(*rc::gen::inRange(-1, 6)) + *rc::gen::string<std::string>() + int16(0));
      case 3:
        return execute(name, *rc::gen::inRange(-1, 3));
      case 4:
        return kSync;
      case 5:
        return message(*rc::gen::element('D', 'C'), *rc::gen::element<std::string>("S", "P", "x") + zero(name));
      default:
        return message(type, *rc::gen::string<std::string>());
    }
  });
}

RC_GTEST_PROP(WireBytes, AnyBytesAreAnsweredOrRefusedAndNeverMore, ()) {
  WireHub hub(1, SqlEnvironment::kBegin, true);
  WireClient client(hub);
  if (*rc::gen::arbitrary<bool>()) client.begin();
  const auto bytes = *rc::gen::arbitrary<std::vector<std::uint8_t>>();
  static_cast<void>(client.send(std::string(bytes.begin(), bytes.end())));
  WireClient other(hub);
  other.begin();
  RC_ASSERT(other.send(query("SELECT 1")).back() == "Z I");
}

RC_GTEST_PROP(WireBytes, MessagesInAnyOrderAreAnsweredOrRefused, ()) {
  WireHub hub(1, SqlEnvironment::kBegin, true);
  WireClient client(hub);
  client.begin();
  for (const std::string& bytes : *rc::gen::container<std::vector<std::string>>(any_message())) {
    if (client.is_over()) break;
    // In two parts: a message may come in any pieces.
    const auto cut = static_cast<std::size_t>(*rc::gen::inRange<int>(0, static_cast<int>(bytes.size()) + 1));
    static_cast<void>(client.send(bytes.substr(0, cut)));
    static_cast<void>(client.send(bytes.substr(cut)));
  }
  if (!client.is_over()) RC_ASSERT(client.send(kSync).back().starts_with("Z "));
}

TEST(WireTypes, BinaryFormatsAreReadBackAsTheyWereWritten) {
  TypeNumbers numbers;
  for (const auto& [type, text] : std::vector<std::pair<TypeRef, std::string>>{
           {Type::boolean, "t"}, {Type::int2, "-7"}, {Type::int4, "2147483647"}, {Type::int8, "-9223372036854775808"},
           {Type::numeric, "0"}, {Type::numeric, "-12345678901234567890.0012300"}, {Type::numeric, "0.00001"},
           {Type::numeric, "10000"}, {Type::numeric, "NaN"}, {Type::float8, "1.5e+300"}, {Type::float8, "-0.1"}, {Type::text, "Zoë; 'q'"},
           {Type::bytea, "\\x00ff10"}, {Type::uuid, "123e4567-e89b-12d3-a456-426614174000"}, {Type::date, "2024-02-29"},
           {Type::timestamptz, "2024-01-02 03:04:05.1+00"}, {Type::timestamp, "1999-12-31 23:59:59.999999"},
           {Type::time, "12:34:56"}, {Type::interval, "1 year 2 mons -3 days +04:05:06"}, {Type::jsonb, "{\"a\": [1, null]}"},
           {TypeRef(Type::int4).array(), "{1,NULL,3}"}, {TypeRef(Type::text).array(), "{a,\"b c\"}"}}) {
    const std::string bytes = binary_of(SqlValue(text), type, numbers);
    EXPECT_EQ(value_of_binary(bytes, type, 1).text(), text) << type_name(type);
    EXPECT_EQ(type_name(numbers.type_of(numbers.number_of(type))), type_name(type));
  }
}

TEST(WireTypes, NumericHasPostgresDigits) {
  TypeNumbers numbers;  // 12345.678 is 1·10000 + 2345 + 6780/10000
  EXPECT_EQ(binary_of(SqlValue("12345.678"), Type::numeric, numbers),
            int16(3) + int16(1) + int16(0) + int16(3) + int16(1) + int16(2345) + int16(6780));
}

RC_GTEST_PROP(WireTypes, AnyBytesAreAValueOrRefused, ()) {
  const TypeRef type = *rc::gen::element<TypeRef>(Type::boolean, Type::int4, Type::numeric, Type::text, Type::uuid, Type::jsonb,
                                                  Type::interval, TypeRef(Type::int4).array(), TypeRef(Type::text).array());
  const auto bytes = *rc::gen::arbitrary<std::vector<std::uint8_t>>();
  try {
    static_cast<void>(value_of_binary(std::string(bytes.begin(), bytes.end()), type, 1));
  } catch (const sim::database::SqlError& error) {
    RC_ASSERT(error.sqlstate.size() == 5U);
  }
}

}  // namespace
}  // namespace orrery::cli::sql
