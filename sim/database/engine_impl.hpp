#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sim/database/analyzer.hpp"
#include "sim/database/catalog.hpp"
#include "sim/database/engine.hpp"
#include "sim/database/environment.hpp"
#include "sim/database/execution.hpp"
#include "sim/database/locks.hpp"
#include "sim/database/parser.hpp"
#include "sim/database/serializable.hpp"
#include "sim/database/transaction.hpp"

namespace orrery::sim::database {

class SessionImpl;

/// One statement of a text. Its plan is made when it is first run, since earlier statements of the text may create what
/// it needs.
struct CompiledStatement {
  const Node* node = nullptr;
  bool is_query = false;
  std::shared_ptr<const StatementPlan> plan;
  std::uint64_t catalog_version = 0;
};

/// A text as it was parsed, once for each search_path.
struct CompiledText {
  std::string text;
  std::shared_ptr<const ParseTree> tree;
  std::vector<CompiledStatement> statements;
  std::vector<TypeRef> declared;  // types that Parse gave to the first parameters
  std::shared_ptr<const CompiledText> owner;  // of a statement in PREPARE: the text in whose tree it stands
};

/// Compiled texts of one search_path.
struct PlanCache {
  /// Null: it is not known. Valid until the next text is compiled or looked up.
  [[nodiscard]] const std::shared_ptr<CompiledText>* find(std::string_view sql);

  struct Hash {
    using is_transparent = void;
    /// Eight bytes at a time: a text is looked up at each statement.
    std::size_t operator()(std::string_view text) const noexcept {
      std::uint64_t hash = text.size();
      std::uint64_t part = 0;
      for (; text.size() > sizeof part; text.remove_prefix(sizeof part)) {
        std::memcpy(&part, text.data(), sizeof part);
        hash = (hash ^ part) * 0x9e3779b97f4a7c15ULL;
        hash ^= hash >> 32U;
      }
      part = 0;
      if (!text.empty()) std::memcpy(&part, text.data(), text.size());
      return mix_hash(hash ^ part);
    }
  };
  std::vector<std::string> search_path;
  std::unordered_map<std::string, std::shared_ptr<CompiledText>, Hash, std::equal_to<>> texts;  // lookup only

 private:
  static constexpr std::size_t kRecent = 64;
  /// Where a text stands among the recent ones: by its size, its end and its middle, which tell most texts apart.
  [[nodiscard]] static std::size_t recent_place(std::string_view sql) noexcept;

  std::array<std::shared_ptr<CompiledText>, kRecent> recent_;  // without declared types; the others are looked up by `texts`
};

/// A version that a committed transaction replaced or removed: it goes when no snapshot can see it.
struct GarbageVersion {
  std::uint64_t sequence;
  Table* table;
  VersionId version;
};

/// A sequence as it was logged at a commit.
struct LoggedSequence {
  std::uint32_t id;
  std::int64_t last_value;
  bool is_called;
  std::int32_t logged_ahead;
};

/// A commit that can still be lost.
struct UnsafeCommit {
  std::uint64_t place;
  std::string session;
  std::vector<Xid> xids;
  std::vector<WriteRecord> writes;
  std::vector<LoggedSequence> sequences;
};

class EngineImpl {
 public:
  EngineImpl(std::string the_name, Environment& the_environment, EngineOptions the_options);
  ~EngineImpl();
  EngineImpl(const EngineImpl&) = delete;
  EngineImpl& operator=(const EngineImpl&) = delete;

  std::string name;
  Environment& environment;
  EngineOptions options;
  TransactionTable transactions;
  LockManager locks;
  Serializable serializable{*this};
  Catalog catalog;
  std::vector<SessionImpl*> sessions;  // by slot; null: free
  std::function<void(CommittedTransaction&&)> observer;
  std::deque<GarbageVersion> garbage;
  bool is_read_only = false;
  bool is_disk_full = false;
  std::uint64_t pages_wanted = 0;  // while the disk was full
  std::uint64_t held = UINT64_MAX;
  bool keeps_commits = false;
  std::uint64_t settled = 0;
  std::uint64_t last_catalog_change = 0;
  std::deque<UnsafeCommit> unsafe;            // in commit order
  std::vector<LoggedSequence> safe_sequences;  // as of `settled`

  [[nodiscard]] PlanCache& plans_for(const std::vector<std::string>& search_path);
  /// Finds what was parsed before, or parses. Throws 42601.
  [[nodiscard]] std::shared_ptr<CompiledText> compile(std::string_view sql, PlanCache& cache,
                                                      std::span<const TypeRef> declared = {});
  /// The plan of a statement under the catalog as `naming` sees it; `is_private`: not to be kept, since the session has
  /// changed the catalog and not committed. `minds_changes`: throws TableBusy.
  [[nodiscard]] std::shared_ptr<const StatementPlan> plan_of(CompiledText& text, std::size_t index, const Naming& naming,
                                                             bool is_private, bool minds_changes = false);

  [[nodiscard]] std::unique_ptr<Execution> take_execution(SessionImpl& session);
  void give_back(std::unique_ptr<Execution> execution);

  /// The last commit that every snapshot in use sees.
  [[nodiscard]] std::uint64_t horizon() const;
  /// Frees versions that nobody can see any more, at most `limit` of them.
  void clean_up(std::size_t limit);
  void remove_version(Table& table, VersionId version);
  void recover();
  // --- recovery.cpp ---
  void keep_commits();
  void remember(const SessionImpl& session, std::uint64_t place);
  void settle(std::uint64_t place);
  [[nodiscard]] std::vector<LostTransaction> lose_after(std::uint64_t place);
  /// Throws 53100 if the disk is full and the row version finds no room.
  void find_room(const Table& table);

 private:
  [[nodiscard]] std::vector<LoggedSequence> log_sequences() const;

  std::map<std::vector<std::string>, PlanCache> plans_;
  std::vector<std::unique_ptr<Execution>> idle_;
};

}  // namespace orrery::sim::database
