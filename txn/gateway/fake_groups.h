// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_GATEWAY_FAKE_GROUPS_H_
#define ISOCHRON_TXN_GATEWAY_FAKE_GROUPS_H_

// For tests of the gateway: groups in memory that keep the promises of proto/peer.proto (locks by
// wound-wait without waiting, epochs, one-round and two-phase commits with dedupe, snapshots at a
// timestamp, splits), with small random pages, and with answers that get lost on request. What a
// real group does beneath is tested in txn/participant and tablet.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/random.h"
#include "common/router.h"
#include "common/rpc/test_net.h"
#include "txn/gateway/group_client.h"

namespace isochron::txn {

class FakeGroups : public GroupClient {
 public:
  FakeGroups(rpc::TestExecutor* executor, TrueTime* truetime, uint64_t seed);

  void AddGroup(GroupId id, KeyRange range);
  std::vector<GroupDescriptor> Descriptors() const;
  // As SplitRequest; nobody is told.
  void Split(const std::string& key, GroupId child);
  // A new leader: its lock table is empty, but for what is prepared. Read votes are gone.
  void NewLeader(GroupId group);

  Task<CallResult> CallTraced(Ctx ctx, GroupId group, peer::GroupRequest request) override;

  // Committed rows.
  std::map<std::string, std::string> Rows() const;
  size_t locked() const;

  Router* router = nullptr;  // learns from answers
  std::map<peer::GroupRequest::BodyCase, int> calls;
  // Sees each request; what it returns is answered instead of executing (nullopt: executed).
  std::function<std::optional<peer::GroupResponse>(GroupId, const peer::GroupRequest&)> before;
  // How long a request takes besides.
  std::function<Micros(const peer::GroupRequest&)> delay;
  double lose_answer = 0;      // commit and coordinate: executed, then TXN_UNKNOWN
  double lose_and_refuse = 0;  // executed, then an answer as from a second, refused try
  uint64_t max_page_rows = 1'000'000;

 private:
  struct Lock {
    TxnAttempt owner;
    KeyRange range;
    bool exclusive;
  };
  struct Done {
    bool commit = false;
    int64_t s = 0;
  };
  struct Group {
    KeyRange range;
    uint64_t generation = 1;
    uint64_t ballot = 1;
    std::vector<Lock> locks;
    std::map<TxnAttempt, std::vector<peer::Write>> prepared;  // with an empty list: a read vote
    std::map<TxnAttempt, Done> done;
    std::map<std::string, std::map<int64_t, std::optional<std::string>>> rows;
  };

  GroupDescriptor Describe(GroupId id, const Group& g) const;
  peer::GroupResponse Execute(GroupId id, const peer::GroupRequest& request);
  peer::GroupResponse LockedRead(GroupId id, const peer::LockedReadRequest& r);
  peer::GroupResponse SnapshotRead(GroupId id, const peer::SnapshotReadRequest& r);
  peer::GroupResponse Commit(GroupId id, const peer::CommitRequest& r);
  peer::GroupResponse Prepare(GroupId id, const peer::PrepareRequest& r);
  Task<peer::GroupResponse> Coordinate(Ctx ctx, GroupId id, peer::CoordinateRequest r);
  peer::GroupResponse WrongRange(GroupId id) const;
  void Read(const Group& g, int64_t t, const std::vector<KeyRange>& spans, uint64_t limit_rows,
            bool reverse, peer::ReadResponse* out);
  // Takes the lock from younger holders; false when an older one has it.
  bool Acquire(Group* g, const TxnAttempt& owner, const KeyRange& range, bool exclusive);
  bool Holds(const Group& g, const TxnAttempt& owner, const peer::LockEpoch* epoch) const;
  void Finish(Group* g, const TxnAttempt& owner, bool commit, int64_t s,
              const std::vector<peer::Write>& writes);
  int64_t NextTimestamp();
  peer::LockEpoch Epoch(const Group& g) const;

  rpc::TestExecutor* const executor_;
  TrueTime* const truetime_;
  Random random_;
  std::map<GroupId, Group> groups_;
  int64_t last_s_ = 0;
};

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_GATEWAY_FAKE_GROUPS_H_
