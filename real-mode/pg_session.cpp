#include "real-mode/pg_session.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <utility>

#include "runtime/check.hpp"

namespace orrery::real {

/// Waits at a socket that is libpq's: it is given back, not closed. While a connection is idle it is watched too, so that its
/// end is seen when it comes.
struct PgSession::Watch {
  Watch(Loop& loop, int socket) : descriptor(loop.io(), socket) {}
  ~Watch() { descriptor.release(); }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  boost::asio::posix::stream_descriptor descriptor;
  bool for_input = false;
  bool for_output = false;
};

PgSession::PgSession(Loop& loop, std::string connection, PgLink::Wants wants, std::string name)
    : name(std::move(name)), loop_(loop), connection_(std::move(connection)), wants_(wants) {}

PgSession::~PgSession() { end(); }

void PgSession::end() noexcept {
  if (connecting_.joinable()) connecting_.join();
  made_.reset();
  close();
}

void PgSession::close() noexcept {
  watch_.reset();
  link_.reset();
}

void PgSession::submit(std::shared_ptr<PgJob> job) {
  CHECK(!busy, "a connection is asked two things at once");
  busy = true;
  job_ = std::move(job);
  if (job_->kind == PgJob::Kind::connect) {
    connect();
    return;
  }
  try {
    link_->ask(job_->sql, job_->parameters, job_->begin);
    watch();
  } catch (const PgError& error) {
    job_->error = error;
    loop_.post([self = shared_from_this()] { self->finish(); });
  }
}

void PgSession::sever() noexcept {
  broken = true;
  if (link_ == nullptr) return;
  link_->shut();  // what runs reads the end
  if (!busy) close();
}

void PgSession::connect() {
  connecting_ = std::thread([self = shared_from_this()] {
    try {
      self->made_ = std::make_unique<PgLink>(self->connection_, self->name, self->wants_);
    } catch (const PgError& error) {
      self->job_->error = error;
    } catch (const std::exception& error) {
      self->job_->error.emplace("08006", error.what(), "", true);
    }
    self->loop_.post([self] { self->connected(); });
  });
}

void PgSession::connected() {
  if (!connecting_.joinable()) return;  // the pool has ended it
  connecting_.join();
  link_ = std::move(made_);
  if (link_ != nullptr) {
    watch_ = std::make_unique<Watch>(loop_, link_->socket());
    if (broken && !job_->error) job_->error.emplace("08006", "the connection is broken", "", true);
  }
  finish();
}

void PgSession::finish() {
  const std::shared_ptr<PgJob> job = std::move(job_);
  busy = false;
  job->done = true;
  failed = job->error.has_value();
  if (failed && job->error->lost) broken = true;
  if (broken) close();
  if (job->waiter != nullptr) job->waiter->wake();
}

void PgSession::watch() {
  if (!watch_->for_input) {
    watch_->for_input = true;
    watch_->descriptor.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                                  [self = shared_from_this()](const boost::system::error_code& error) {
                                    if (error || self->watch_ == nullptr) return;
                                    self->watch_->for_input = false;
                                    self->ready();
                                  });
  }
  if (!watch_->for_output && link_->has_unsent()) {
    watch_->for_output = true;
    watch_->descriptor.async_wait(boost::asio::posix::stream_descriptor::wait_write,
                                  [self = shared_from_this()](const boost::system::error_code& error) {
                                    if (error || self->watch_ == nullptr) return;
                                    self->watch_->for_output = false;
                                    self->ready();
                                  });
  }
}

void PgSession::ready() {
  try {
    const bool whole = link_->proceed();
    if (whole && job_ != nullptr) {
      job_->rows = link_->answer();
      finish();
    }
  } catch (const PgError& error) {
    if (job_ != nullptr) {
      job_->error = error;
      finish();
    } else if (error.lost) {
      broken = true;  // the server ended it while nothing was asked
      close();
    }
  }
  if (link_ != nullptr) watch();
}

}  // namespace orrery::real
