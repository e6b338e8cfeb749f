// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_WORKLOADS_WORKLOAD_H_
#define ISOCHRON_SIM_WORKLOADS_WORKLOAD_H_

// What clients do in a universe, and the recording of it.
//
// A workload's coroutines run at a gateway, on its executor, for one client's request at a time;
// they are destroyed when the gateway crashes, and their operation then stays open in the history.
// Every value written is unique in the run: it ends with the id of the operation that wrote it.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/random.h"
#include "common/request_context.h"
#include "common/task.h"
#include "sim/checkers/history.h"
#include "sim/world/scheduler.h"
#include "txn/api/transaction.h"

namespace isochron::sql {
class Engine;
}  // namespace isochron::sql

namespace isochron::sim {

// One client's request at a gateway.
struct Session {
  txn::Store* store;
  Executor* executor;
  History* history;
  SimScheduler* scheduler;
  int client;
  Random random;
  Micros timeout_us;
  // Some clients die within a transaction: they hold it this long, then drop it (0: they do not).
  Micros abandon_after_us = 0;
  sql::Engine* sql = nullptr;  // the gateway's; for workloads that use it

  Ctx NewContext() const {
    return std::make_shared<RequestContext>(executor->MonotonicNow() + timeout_us);
  }
};

class Workload {
 public:
  virtual ~Workload() = default;
  virtual std::string name() const = 0;
  // Keys at which the key space is split before the clients start, in order.
  virtual std::vector<std::string> SplitKeys() const = 0;
  virtual std::vector<std::string> AllKeys() const = 0;
  // Loads the first rows in one recorded transaction. OK once it is known to have committed; called
  // again otherwise.
  virtual Task<absl::Status> Setup(Session session) = 0;
  // One transaction of any kind, with its retries.
  virtual Task<void> Step(Session session) = 0;
  // What a last read of all keys found, after all else.
  virtual void CheckEnd(const std::map<std::string, std::optional<std::string>>& /*rows*/) {}
  // After all else, until it is OK: a last look at what must hold.
  virtual Task<absl::Status> End(Session /*session*/) { co_return absl::OkStatus(); }
  // Works through SQL: its rows are not in the history.
  virtual bool uses_sql() const { return false; }
  // Violations of the workload's own invariants seen so far.
  virtual const std::vector<Anomaly>& anomalies() const = 0;
};

std::unique_ptr<Workload> NewBank(Random random);
std::unique_ptr<Workload> NewRegister(Random random);
std::unique_ptr<Workload> NewAppend(Random random);
std::unique_ptr<Workload> NewCounter(Random random);
std::unique_ptr<Workload> NewCycle(Random random);
std::unique_ptr<Workload> NewPhantom(Random random);
std::unique_ptr<Workload> NewProbes(Random random);
std::unique_ptr<Workload> NewDdl(Random random);
std::unique_ptr<Workload> NewSchema(Random random);
std::unique_ptr<Workload> NewReferences(Random random);
std::unique_ptr<Workload> NewMerge(Random random);
std::unique_ptr<Workload> NewSequence(Random random);
std::unique_ptr<Workload> NewQueue(Random random);
std::unique_ptr<Workload> NewAdvisory(Random random);
std::unique_ptr<Workload> NewNames(Random random);
std::unique_ptr<Workload> NewEnums(Random random);
std::unique_ptr<Workload> NewRights(Random random);
// Of a user's own file (sql_file.h); null when it cannot be parsed.
std::unique_ptr<Workload> NewSqlFileWorkload(const std::string& text);

std::vector<std::string> WorkloadNames();
// A few of them, for one seed's clients.
std::vector<std::string> DrawWorkloads(Random random);
// Null when there is none of that name.
std::unique_ptr<Workload> NewWorkload(const std::string& name, Random random);

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_WORKLOADS_WORKLOAD_H_
