// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_ADMISSION_ADMISSION_H_
#define ISOCHRON_SERVER_ADMISSION_ADMISSION_H_

// What one node takes on at its doors (rule 38; docs/internals/overload.md).
//
// New work, a statement that stands alone or the beginning of a transaction, enters here before
// anything is spent on it. So much runs at once as the node can carry; the rest waits, in order of
// priority, then of arrival, for as long as an answer is still of use; what would wait longer is
// refused at once. Work of a transaction that was let in always passes: its locks are held, and to
// shed it would waste what was done. It counts while it lasts.
//
// How much can run is learnt. The sign is the delay of the loop, from a request's arrival to its
// first step: a queue that does not empty for a whole interval is a standing one (the idea of
// CoDel), and the limit falls by a part; while there is none and work waits, the limit rises
// (additive to what it is). Statements that wait, for locks or for far replicas, cost the loop
// nothing, so with them the limit rises to its maximum.
//
// A place is held by a Slot. A transaction's Slot rests between its requests: for a short while it
// still counts, because its next statement is near; then it does not, so that an idle client keeps
// nobody out.
//
// Loop-thread only. Slots may outlive the Admission.

#include <cstdint>
#include <list>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/executor.h"
#include "common/observer.h"
#include "common/request_context.h"
#include "common/task.h"
#include "common/types.h"

namespace isochron::admission {

struct Options {
  int64_t min_running = 32;
  int64_t first_running = 128;  // the limit before anything was learnt
  int64_t max_running = 4096;
  size_t max_waiting = 4096;
  Micros max_wait_us = 1'000'000;
  Micros delay_target_us = 25'000;  // a standing delay above it is too much
  Micros interval_us = 100'000;     // between changes of the limit
  Micros rest_us = 20'000;          // how long a resting slot counts
};

// What a refused request is told: RESOURCE_EXHAUSTED, with a payload that RetryAfter reads.
absl::Status Overloaded(absl::string_view why, Micros retry_after_us);
// How long a client should wait, by such a status; 0 if it is another.
Micros RetryAfter(const absl::Status& status);

class Admission {
 private:
  struct State;

 public:
  // A place among what runs, for as long as it is not released or destroyed.
  class Slot {
   public:
    Slot() = default;
    Slot(Slot&& o) noexcept { *this = std::move(o); }
    Slot& operator=(Slot&& o) noexcept;
    ~Slot() { Release(); }

    explicit operator bool() const { return state_ != nullptr; }
    // The transaction has a request again: it counts, whatever the limit says. One Rest for each.
    void Resume();
    // That request is over.
    void Rest();
    void Release();

   private:
    friend class Admission;
    explicit Slot(std::shared_ptr<State> state);
    void Count();
    void LeaveRest();

    std::shared_ptr<State> state_;
    int requests_ = 1;
    bool counts_ = false;
    bool resting_ = false;
    std::list<std::pair<Micros, Slot*>>::iterator place_;  // when resting
  };

  // `observer` may be null.
  Admission(Executor* executor, Observer* observer, Options options);
  ~Admission();
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  // New work: waits for its place. RESOURCE_EXHAUSTED (see Overloaded), DEADLINE_EXCEEDED,
  // CANCELLED. Adds the wait to the context's queue time.
  Task<absl::StatusOr<Slot>> Enter(Ctx ctx);
  // Work of a transaction that is under way already.
  Slot Pass();

  // How long a request waited for the loop.
  void NoteDelay(Micros delay_us);

  int64_t running() const;
  size_t waiting() const;
  int64_t limit() const;
  // Of the last interval.
  Micros delay_us() const;

 private:
  class Waiting;
  static Task<absl::StatusOr<Slot>> Wait(std::shared_ptr<State> state, Ctx ctx);

  std::shared_ptr<State> state_;
};

}  // namespace isochron::admission

#endif  // ISOCHRON_SERVER_ADMISSION_ADMISSION_H_
