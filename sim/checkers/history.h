// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_CHECKERS_HISTORY_H_
#define ISOCHRON_SIM_CHECKERS_HISTORY_H_

// What the clients of a run did and saw: the material of the external consistency checker.
//
// One Operation is one attempt of a transaction. Real time is the simulator's own; operations of
// one instant are told apart by the order in which they were recorded, so that a hand-off from
// client to client that takes no time is still an order (rule 39). Every value written in a run is
// unique, so that a value read names the version it came from.

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/types.h"

namespace isochron::sim {

enum class OpKind : uint8_t { kReadWrite, kReadOnly };

enum class Outcome : uint8_t {
  kOpen,       // never answered: its client or gateway died
  kCommitted,  // or answered, for a read-only transaction
  kAborted,    // nothing took effect
  kUnknown,    // the client was told that the outcome cannot be known
};

struct ObservedRead {
  std::string key;
  std::optional<std::string> value;  // as stored, not the transaction's own buffered write
};

struct RecordedWrite {
  std::string key;
  std::optional<std::string> value;  // absent: a deletion
};

// A list that was read, in order; and an element that was added to the end of one. Elements are
// unique in their list. A workload that keeps lists in rows records both.
struct ListRead {
  std::string list;
  std::vector<std::string> elements;
};

struct ListAppend {
  std::string list;
  std::string element;
};

struct Operation {
  size_t id = 0;
  int client = 0;
  OpKind kind = OpKind::kReadWrite;
  Outcome outcome = Outcome::kOpen;
  bool strong = true;  // a read-only transaction that must see all that completed before it began
  // A strong one of a single group, which may read at that group's LastTS: only what completed on
  // the keys that it read binds its timestamp.
  bool local = false;
  Timestamp not_before;  // a bounded read's bound
  Timestamp ts;          // commit or read timestamp; 0 while not known
  uint64_t invoke_seq = 0;
  uint64_t complete_seq = 0;  // 0: never
  Micros invoke_us = 0;
  Micros complete_us = 0;
  std::vector<ObservedRead> reads;
  std::vector<RecordedWrite> writes;
  std::vector<ListRead> lists;
  std::vector<ListAppend> appends;
  std::set<std::string> shared;     // keys that it asked to read under a lock, had or not
  std::set<std::string> exclusive;  // the same, where nobody else could read them
  std::string turn;  // what only one at a time changes, if it does: a table's description
  std::string note;  // what the workload was doing, and the status it ended with
};

class History {
 public:
  // The reference stays valid.
  Operation& Invoke(OpKind kind, int client, Micros now);
  void Complete(Operation& op, Outcome outcome, Micros now);
  // One that was recorded elsewhere. Its id is changed to its place here.
  Operation& Add(Operation op);
  // Numbers all by their times alone. What ends and what begins in one microsecond counts as
  // concurrent.
  void OrderByTime();

  const std::deque<Operation>& operations() const { return operations_; }

  // What operations did and when, told only where somebody asked for it: for stories.
  struct Step {
    size_t op;
    Micros at;
    std::string what;
  };
  void KeepSteps() { keeps_steps_ = true; }
  bool keeps_steps() const { return keeps_steps_; }
  void AddStep(const Operation& op, Micros now, std::string what) {
    if (keeps_steps_) steps_.push_back(Step{op.id, now, std::move(what)});
  }
  const std::deque<Step>& steps() const { return steps_; }

 private:
  std::deque<Operation> operations_;
  bool keeps_steps_ = false;
  std::deque<Step> steps_;
  uint64_t next_seq_ = 1;
};

// All versions that the store holds at the end, by key, oldest first.
struct StoredVersion {
  Timestamp ts;
  std::optional<std::string> value;  // absent: a tombstone
};
using StoredVersions = std::map<std::string, std::vector<StoredVersion>>;

// A violation: which rule, in words, and who took part.
struct Anomaly {
  std::string name;
  std::string what;
  std::vector<size_t> operations;
};

std::string ToString(const Operation& op);

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_CHECKERS_HISTORY_H_
