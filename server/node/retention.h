// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_NODE_RETENTION_H_
#define ISOCHRON_SERVER_NODE_RETENTION_H_

// Tells version GC how long this database keeps old versions: what ALTER DATABASE ... SET
// spanner.version_retention_period wrote into the catalog, or else what the node was told at its
// start.
//
// A leader that has not heard of a longer retention would let versions go that were promised. So
// what is heard holds for kLooksAnswered looks, counted from before the question was sent: a node
// that cannot ask (it has just started, the catalog's group is away) frees nothing. A change is in
// force everywhere when that time has passed.
//
// Loop-thread only. What it is given outlives it.

#include "common/executor.h"
#include "common/observer.h"
#include "common/sabotage.h"
#include "common/task.h"
#include "tablet/group/gc.h"
#include "txn/api/transaction.h"

namespace isochron::server {

class RetentionWatcher {
 public:
  static constexpr int kLooksAnswered = 3;

  struct Options {
    Micros default_us = 3'600'000'000;
    Micros look_us = 10'000'000;
  };
  RetentionWatcher(txn::Store* store, tablet::GarbageCollector* gc, Observer* observer,
                   Options options)
      : store_(store), gc_(gc), observer_(observer), options_(options) {}

  // Begins to look. Once.
  void Start() { scope_.Spawn(Watch()); }

 private:
  Task<void> Watch();
  Task<void> Look();

  txn::Store* const store_;
  tablet::GarbageCollector* const gc_;
  Observer* const observer_;
  const Options options_;
  TaskScope scope_;
};

}  // namespace isochron::server

#endif  // ISOCHRON_SERVER_NODE_RETENTION_H_
