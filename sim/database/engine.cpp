#include "sim/database/engine.hpp"

#include <algorithm>

#include "sim/database/descriptions.hpp"
#include "sim/database/engine_impl.hpp"
#include "sim/database/errors.hpp"
#include "sim/database/session_impl.hpp"

namespace orrery::sim::database {

EngineImpl::EngineImpl(std::string the_name, Environment& the_environment, EngineOptions the_options)
    : name(std::move(the_name)),
      environment(the_environment),
      options(the_options),
      locks(the_environment.executor(), transactions) {
  catalog.database = name;
}

EngineImpl::~EngineImpl() {
  for (const SessionImpl* session : sessions) CHECK(session == nullptr, "an engine outlives its sessions");
}

PlanCache& EngineImpl::plans_for(const std::vector<std::string>& search_path) {
  PlanCache& cache = plans_[search_path];
  cache.search_path = search_path;
  return cache;
}

std::size_t PlanCache::recent_place(std::string_view sql) noexcept {
  std::uint64_t middle = 0;
  std::uint64_t end = 0;
  if (sql.size() >= sizeof end) {
    std::memcpy(&middle, sql.data() + (sql.size() - sizeof middle) / 2, sizeof middle);
    std::memcpy(&end, sql.data() + sql.size() - sizeof end, sizeof end);
  }
  return mix_hash(end ^ middle * 0x9e3779b97f4a7c15ULL ^ sql.size()) % kRecent;
}

const std::shared_ptr<CompiledText>* PlanCache::find(std::string_view sql) {
  std::shared_ptr<CompiledText>& recent = recent_[recent_place(sql)];
  if (recent != nullptr && recent->text == sql) return &recent;
  const auto found = texts.find(sql);
  if (found == texts.end()) return nullptr;
  recent = found->second;
  return &recent;
}

std::shared_ptr<CompiledText> EngineImpl::compile(std::string_view sql, PlanCache& cache,
                                                   std::span<const TypeRef> declared) {
  std::string typed;
  std::string_view key = sql;
  if (declared.empty()) {
    if (const std::shared_ptr<CompiledText>* found = cache.find(sql)) return *found;
  } else {  // no text has a zero byte, so no other one has this key
    typed = sql;
    for (const TypeRef& type : declared) typed += '\0' + type_name(type);
    key = typed;
    const auto found = cache.texts.find(key);
    if (found != cache.texts.end()) return found->second;
  }
  auto compiled = std::make_shared<CompiledText>();
  compiled->text = sql;
  compiled->declared.assign(declared.begin(), declared.end());
  compiled->tree = parse(compiled->text);
  for (std::size_t i = 0; i < compiled->tree->size(); ++i) {
    CompiledStatement statement;
    statement.node = &compiled->tree->statement(i);
    statement.is_query = Analyzer::is_query(*statement.node);
    compiled->statements.push_back(std::move(statement));
  }
  // Texts with literals in them could fill the memory: then it starts anew.
  constexpr std::size_t kMaxTexts = 20'000;
  if (cache.texts.size() >= kMaxTexts) cache.texts.clear();
  cache.texts.emplace(std::string(key), compiled);
  return compiled;
}

std::shared_ptr<const StatementPlan> EngineImpl::plan_of(CompiledText& text, std::size_t index, const Naming& naming,
                                                         bool is_private, bool minds_changes) {
  CompiledStatement& statement = text.statements[index];
  if (!is_private && statement.plan != nullptr && statement.catalog_version == catalog.version) return statement.plan;
  try {
    Analyzer analyzer(naming);
    if (minds_changes) analyzer.minds_changes();
    analyzer.sorts_small_tables(options.lies_like_small_tables);
    std::shared_ptr<const StatementPlan> plan = analyzer.statement(*statement.node, text.declared);
    if (!is_private) {
      statement.plan = plan;
      statement.catalog_version = catalog.version;
    }
    return plan;
  } catch (SqlError& error) {
    error.position = error.position == 0 ? 0 : character_position(text.text, error.position);
    throw;
  }
}

std::unique_ptr<Execution> EngineImpl::take_execution(SessionImpl& session) {
  if (idle_.empty()) return std::make_unique<Execution>(session, *this);
  std::unique_ptr<Execution> execution = std::move(idle_.back());
  idle_.pop_back();
  return execution;
}

void EngineImpl::give_back(std::unique_ptr<Execution> execution) { idle_.push_back(std::move(execution)); }

std::uint64_t EngineImpl::horizon() const {
  std::uint64_t oldest = std::min(transactions.last_commit(), held);
  if (keeps_commits) oldest = std::min(oldest, settled);
  for (const SessionImpl* session : sessions) {
    if (session == nullptr) continue;
    const Transaction& txn = session->transaction;
    const bool is_held = session->snapshot_in_use ||
                         (txn.is_open && txn.has_snapshot && txn.isolation != Isolation::read_committed);
    if (is_held) oldest = std::min(oldest, txn.snapshot.sequence);
  }
  return oldest;
}

void EngineImpl::remove_version(Table& table, VersionId id) {
  Heap& heap = *table.heap;
  Version& version = heap[id];
  if (version.entries != 0) {
    for (const auto& index : table.indexes) {
      const std::uint32_t bit = 1U << index->number;
      if ((version.entries & bit) == 0 || index->is_dropped) continue;
      if (version.newer != kNoVersion && (heap[version.newer].breaks & bit) == 0) {
        index->tree->replace(id, version.newer);
        heap[version.newer].entries |= bit;
      } else {
        index->tree->remove(id);
      }
    }
  }
  serializable.forget_row(table.id, id);
  heap.remove(id);
}

void EngineImpl::clean_up(std::size_t limit) {
  if (garbage.empty()) return;
  const std::uint64_t visible_to_all = horizon();
  while (limit-- > 0 && !garbage.empty() && garbage.front().sequence <= visible_to_all) {
    const GarbageVersion dead = garbage.front();
    garbage.pop_front();
    constexpr std::size_t kAhead = 8;  // their memory comes while the ones before them are removed
    if (garbage.size() > kAhead) garbage[kAhead].table->heap->prefetch(garbage[kAhead].version);
    remove_version(*dead.table, dead.version);
  }
}


Session::Session(std::unique_ptr<SessionImpl> impl) : impl_(std::move(impl)) {}
Session::~Session() = default;

Task<StatementResult> Session::execute(std::string_view sql, std::span<const SqlValue> parameters) {
  return impl_->execute(sql, parameters);
}
Task<StatementResult> Session::execute(std::string_view sql, std::span<const SqlValue> parameters,
                                       std::span<const TypeRef> declared) {
  return impl_->execute(sql, parameters, declared);
}
Task<StatementResult> Session::execute_step(std::string_view sql, std::span<const SqlValue> parameters,
                                            std::span<const TypeRef> declared) {
  return impl_->execute(sql, parameters, declared, nullptr, true);
}
Task<> Session::sync() { return impl_->sync(); }
Task<> Session::execute_each(std::string_view sql, const std::function<void(StatementResult)>& each) {
  return impl_->execute_each(std::string(sql), each);
}
StatementDescription Session::describe(std::string_view sql, std::span<const TypeRef> declared) {
  return impl_->describe(sql, declared);
}
void Session::cancel() { impl_->cancel(); }
void Session::copy_through(CopyStream& stream) noexcept { impl_->copy_stream = &stream; }
std::string Session::setting(std::string_view name) const { return impl_->settings.show(name).value_or(""); }
void Session::set(std::string_view name, std::string_view value) {
  impl_->settings.set(name, value, false);
  impl_->apply_search_path();
}
TransactionStatus Session::status() const noexcept { return impl_->status(); }
std::int32_t Session::process_id() const noexcept { return impl_->transaction.process_id; }
std::vector<Notification> Session::take_notifications() {
  if (impl_->transaction.is_open) return {};
  return std::exchange(impl_->inbox, {});
}
void Session::on_notification(std::function<void()> ready) { impl_->notification_ready = std::move(ready); }
Session::IdleLimit Session::idle_limit() const {
  if (impl_->status() == TransactionStatus::idle) {
    return {impl_->settings.of_statement().idle_session_timeout, "57P05", "terminating connection due to idle-session timeout"};
  }
  return {impl_->settings.of_statement().idle_in_transaction_timeout, "25P03",
          "terminating connection due to idle-in-transaction timeout"};
}
void Session::follow(std::function<std::uint64_t()> replayed) { impl_->replayed = std::move(replayed); }
void Session::on_doubt(std::function<bool()> fails) { impl_->doubt = std::move(fails); }
bool Session::is_waiting() const noexcept {
  return impl_->transaction.waiting != nullptr || impl_->transaction.waits_for_safe_snapshot;
}

Engine::Engine(std::string name, Environment& environment, EngineOptions options)
    : impl_(std::make_unique<EngineImpl>(std::move(name), environment, options)) {}
Engine::~Engine() = default;

std::unique_ptr<Session> Engine::connect(std::string session_name) {
  return std::make_unique<Session>(std::make_unique<SessionImpl>(*impl_, std::move(session_name)));
}

void Engine::prepare(std::string_view sql) {
  SessionImpl session(*impl_, "prepare");
  const std::shared_ptr<CompiledText> text = impl_->compile(sql, *session.plans);
  for (std::size_t i = 0; i < text->statements.size(); ++i) {
    if (text->statements[i].is_query) static_cast<void>(impl_->plan_of(*text, i, session.naming, false));
  }
}

void Engine::on_commit(std::function<void(CommittedTransaction&&)> observer) { impl_->observer = std::move(observer); }

std::vector<RelationDescription> Engine::relations() const { return describe_relations(impl_->catalog); }

void Engine::recover() { impl_->recover(); }
void Engine::keep_commits() { impl_->keep_commits(); }
std::uint64_t Engine::last_catalog_change() const noexcept { return impl_->last_catalog_change; }
void Engine::settle(std::uint64_t place) { impl_->settle(place); }
std::uint64_t Engine::settled() const noexcept { return impl_->settled; }
std::uint64_t Engine::last_commit() const noexcept { return impl_->transactions.last_commit(); }
void Engine::hold(std::uint64_t place) noexcept { impl_->held = place; }
std::vector<LostTransaction> Engine::lose_after(std::uint64_t place) { return impl_->lose_after(place); }
void Engine::set_read_only(bool on) noexcept { impl_->is_read_only = on; }
void Engine::set_disk_full(bool on) noexcept { impl_->is_disk_full = on; }

Rows Engine::query(std::string_view sql, std::span<const SqlValue> parameters) {
  SessionImpl session(*impl_, "query");
  const std::shared_ptr<CompiledText> text = impl_->compile(sql, *session.plans);
  CHECK(text->statements.size() == 1 && text->statements[0].is_query, "Engine::query runs one SELECT");
  const auto plan = impl_->plan_of(*text, 0, session.naming, false);
  CHECK(!plan->writes && plan->query != nullptr, "Engine::query only reads");
  const Task<StatementResult> task = session.execute(sql, parameters);
  task.start();
  CHECK(task.done(), "Engine::query does not wait");
  return task.result().rows;
}

}  // namespace orrery::sim::database
