// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_SERVICE_TABLET_ACCESS_H_
#define ISOCHRON_TXN_SERVICE_TABLET_ACCESS_H_

// GroupAccess over a tablet::Group that this node leads. Holds nothing of its own; the group
// outlives it.

#include <map>
#include <optional>
#include <vector>

#include "tablet/group/group.h"
#include "txn/participant/group_access.h"

namespace isochron::txn {

class TabletAccess : public GroupAccess {
 public:
  explicit TabletAccess(tablet::Group* group) : group_(group) {}

  const peer::GroupDescriptor& group_descriptor() const override { return group_->descriptor(); }
  std::vector<peer::GroupDescriptor> children() const override;
  NodeId leader_hint() const override { return group_->leader_hint(); }
  absl::StatusOr<Leadership> Leading() override;
  peer::LockEpoch epoch() const override { return group_->epoch(); }
  absl::StatusOr<Proposed> Propose(peer::Command command, Timestamp min_s,
                                   Timestamp s_max) override;
  Task<absl::StatusOr<Timestamp>> WaitReadable(Ctx ctx, std::vector<KeyRange> spans,
                                               Timestamp t) override;
  Task<absl::Status> WaitAfter(Ctx ctx, Timestamp t) override;
  Task<absl::StatusOr<peer::PromiseResponse>> Promise(Ctx ctx, Timestamp t) override {
    return group_->Promise(std::move(ctx), t);
  }
  Task<absl::StatusOr<Timestamp>> WaitSafe(Ctx ctx, std::vector<KeyRange> spans,
                                           Timestamp t) override {
    return group_->WaitSafe(std::move(ctx), std::move(spans), t);
  }
  absl::StatusOr<Timestamp> SafeFor(const std::vector<KeyRange>& spans) override {
    return group_->SafeFor(spans);
  }
  Timestamp horizon() const override { return group_->state().horizon(); }
  Timestamp HoldLeadershipUntil(Timestamp t) override;
  absl::StatusOr<ReadPage> Read(const KeyRange& span, Timestamp t, ReadLimits limits) override;
  absl::StatusOr<RunPage> Run(const KeyRange& span, Timestamp t, ReadLimits limits,
                              ScanRun* run) override;
  const std::map<TxnAttempt, peer::Prepare>& prepared() const override {
    return group_->prepared();
  }
  const std::map<TxnAttempt, peer::Decide>& decisions() const override {
    return group_->decisions();
  }
  std::optional<peer::FinishedAttempt> Finished(const TxnAttempt& attempt) const override {
    return group_->Finished(attempt);
  }

 private:
  tablet::Group* group_;
};

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_SERVICE_TABLET_ACCESS_H_
