#include "real-mode/pg_worker.hpp"

#include <cerrno>
#include <utility>

#include "runtime/check.hpp"

namespace orrery::real {

PgWorker::PgWorker(Loop& loop, std::string connection, PgLink::Wants wants, std::string session)
    : session(std::move(session)), loop_(loop), connection_(std::move(connection)), wants_(wants) {
  CHECK(::sem_init(&wake_, 0, 0) == 0, "no semaphore");
}

PgWorker::~PgWorker() {
  join();
  ::sem_destroy(&wake_);
}

void PgWorker::start() {
  thread_ = std::thread([self = shared_from_this()] { self->work(); });
}

void PgWorker::submit(std::shared_ptr<PgJob> job) {
  CHECK(!busy, "a connection is asked two things at once");
  busy = true;
  job_ = std::move(job);
  ::sem_post(&wake_);
}

void PgWorker::sever() noexcept {
  broken = true;
  quit_ = true;
  {
    const std::scoped_lock lock(link_mutex_);
    if (link_ != nullptr) link_->shut();
  }
  ::sem_post(&wake_);
}

bool PgWorker::usable() noexcept {
  if (broken || busy) return false;
  const std::scoped_lock lock(link_mutex_);
  return link_ != nullptr && !link_->is_stale();
}

void PgWorker::join() {
  if (!thread_.joinable()) return;
  if (thread_.get_id() == std::this_thread::get_id()) thread_.detach();
  else thread_.join();
}

void PgWorker::work() {
  for (;;) {
    while (::sem_wait(&wake_) != 0) CHECK(errno == EINTR, "sem_wait failed");
    // What was handed over before the end is done first: somebody waits for it.
    const std::shared_ptr<PgJob> job = std::move(job_);
    if (job == nullptr) {
      if (quit_) break;
      continue;
    }
    carry_out(*job);
    loop_.post([self = shared_from_this(), job] { self->finished(*job); });
  }
  std::unique_ptr<PgLink> link;
  {
    const std::scoped_lock lock(link_mutex_);
    link = std::move(link_);
  }
  link.reset();
  ended_ = true;
}

void PgWorker::finished(PgJob& job) {
  busy = false;
  job.done = true;
  failed = job.error.has_value();
  if (failed && job.error->lost) broken = true;
  if (job.waiter != nullptr) job.waiter->wake();
}

void PgWorker::connect() {
  auto link = std::make_unique<PgLink>(connection_, session, wants_);
  const std::scoped_lock lock(link_mutex_);
  link_ = std::move(link);
  if (quit_) link_->shut();
}

void PgWorker::carry_out(PgJob& job) {
  try {
    switch (job.kind) {
      case PgJob::Kind::connect: connect(); break;
      case PgJob::Kind::script: link_->script(job.sql); break;
      case PgJob::Kind::statement: job.rows = link_->execute(job.sql, job.parameters, job.begin); break;
    }
  } catch (const PgError& error) {
    job.error = error;
  } catch (const std::exception& error) {
    job.error.emplace("08006", error.what(), "", true);
  }
}

}  // namespace orrery::real
