// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_GATEWAY_JOIN_H_
#define ISOCHRON_TXN_GATEWAY_JOIN_H_

// Several tasks side by side, for one that waits for them.

#include <optional>
#include <utility>
#include <vector>

#include "common/executor.h"
#include "common/task.h"

namespace isochron::txn {

namespace join_internal {

template <typename T, typename Stop>
Task<void> RunInto(Task<T> task, std::optional<T>* out, size_t* left, Stop stop,
                   OneShot<bool> done) {
  out->emplace(co_await task);
  if (--*left == 0 || stop(**out)) done.Set(true);
}

}  // namespace join_internal

// Runs all at once. Ends when each has ended, or one yielded a value for which `stop` holds: the
// others are then destroyed where they stand and leave no value.
template <typename T, typename Stop>
Task<std::vector<std::optional<T>>> Join(Executor* executor, std::vector<Task<T>> tasks,
                                         Stop stop) {
  std::vector<std::optional<T>> results(tasks.size());
  if (tasks.empty()) co_return results;
  size_t left = tasks.size();
  OneShot<bool> done(executor);
  TaskScope scope;
  for (size_t i = 0; i < tasks.size(); ++i) {
    scope.Spawn(
        join_internal::RunInto<T, Stop>(std::move(tasks[i]), &results[i], &left, stop, done));
  }
  co_await done;
  scope.Clear();
  co_return results;
}

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_GATEWAY_JOIN_H_
