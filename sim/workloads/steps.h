// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SIM_WORKLOADS_STEPS_H_
#define ISOCHRON_SIM_WORKLOADS_STEPS_H_

// The common half of workloads: a step is one change (a read-write transaction, run again while it
// is aborted) or one look (a read-only one: strong, at a replica, bounded, at a new old timestamp
// or at one that was read at before). What both do is the workload's.

#include <string>
#include <utility>
#include <vector>

#include "sim/workloads/recorder.h"

namespace isochron::sim {

class StepsWorkload : public Workload {
 public:
  std::string name() const final { return name_; }
  std::vector<std::string> SplitKeys() const final { return splits_; }
  std::vector<std::string> AllKeys() const final { return keys_; }
  const std::vector<Anomaly>& anomalies() const final { return anomalies_; }
  Task<absl::Status> Setup(Session session) final;
  Task<void> Step(Session session) final;

 protected:
  StepsWorkload(std::string name, double look_share)
      : name_(std::move(name)), look_share_(look_share) {}

  // Buffers the first rows; the first key must be among them.
  virtual absl::Status Load(RecordedTransaction* t) = 0;
  // Reads and buffers writes; the commit follows if it is OK. FAILED_PRECONDITION: there is nothing
  // to do, which ends the step.
  virtual Task<absl::Status> Change(Session* session, RecordedTransaction* t) = 0;
  // Reads what it wants, in one call if `single`. Its findings may be reported only once the
  // transaction is known to be good: by Seen.
  virtual Task<absl::Status> Look(Session* session, RecordedTransaction* t, bool single) = 0;
  // Called after a good Look.
  virtual void Seen(const Operation& /*op*/) {}
  // Called just before the commit is sent, and with what came of it.
  virtual void Sending(const Operation& /*op*/) {}
  virtual void Ended(const Operation& /*op*/) {}

  // Keys in order; splits among them.
  void SetKeys(std::vector<std::string> keys, std::vector<std::string> splits);
  void Report(std::string name, std::string what, std::vector<size_t> operations);
  void Report(std::string name, std::string what, const Operation& op) {
    Report(std::move(name), std::move(what), std::vector<size_t>{op.id});
  }
  // Either lock of a read before a write.
  static txn::LockMode AnyLock(Random& random);
  // By points, many points or a scan, at random; in the order of `keys`, which are adjacent among
  // all keys if `adjacent`.
  static Task<absl::StatusOr<Values>> ReadSome(Session* session, RecordedTransaction* t,
                                               std::vector<std::string> keys, txn::LockMode lock,
                                               bool single, bool adjacent);

 private:
  Task<void> ChangeStep(Session session);
  Task<void> LookStep(Session session);
  txn::ReadOptions DrawOptions(Session* session, std::string* note);

  const std::string name_;
  const double look_share_;
  std::vector<std::string> keys_;
  std::vector<std::string> splits_;
  std::vector<Anomaly> anomalies_;
  Timestamp opened_, newest_;   // the first and the newest change known to have committed
  std::vector<Timestamp> old_;  // read at before
};

}  // namespace isochron::sim

#endif  // ISOCHRON_SIM_WORKLOADS_STEPS_H_
