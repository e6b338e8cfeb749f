// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_GATEWAY_GROUP_CLIENT_H_
#define ISOCHRON_TXN_GATEWAY_GROUP_CLIENT_H_

// GroupCaller, with one thing more that a commit must know: whether the answer tells all.

#include "txn/api/group_caller.h"

namespace isochron::txn {

struct CallResult {
  absl::StatusOr<peer::GroupResponse> response;
  // An earlier try of the same call got no answer, so the request may have been executed whatever
  // `response` says (rule 3). Always meaningful, also with an error status.
  bool earlier_try_lost = false;
};

class GroupClient : public GroupCaller {
 public:
  // As Call.
  virtual Task<CallResult> CallTraced(Ctx ctx, GroupId group, peer::GroupRequest request) = 0;

  // One try at one node, which need not lead the group; whatever it answers comes back.
  // UNAVAILABLE when it did not answer within `timeout_us`.
  virtual Task<absl::StatusOr<peer::GroupResponse>> CallAt(Ctx ctx, NodeId /*node*/, GroupId group,
                                                           peer::GroupRequest request,
                                                           Micros /*timeout_us*/) {
    return Call(std::move(ctx), group, std::move(request));
  }

  Task<absl::StatusOr<peer::GroupResponse>> Call(Ctx ctx, GroupId group,
                                                 peer::GroupRequest request) override {
    CallResult result = co_await CallTraced(std::move(ctx), group, std::move(request));
    co_return std::move(result.response);
  }
};

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_GATEWAY_GROUP_CLIENT_H_
