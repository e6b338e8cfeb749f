// SPDX-License-Identifier: Apache-2.0
//
// Requests that other nodes send to groups' leaders (peer.GroupRequest), served by the real
// transaction service over fake groups. An input is a list of requests, each with a byte that says
// to which group, how much time passes, and whether it is told the group's true lock epoch.
#include "common/check.h"
#include "tests/fuzz/target.h"
#include "txn/service/fake_cluster.h"

namespace isochron::fuzz {
namespace {

constexpr int kGroups = 2;
constexpr int kMaxRequests = 12;

// As RoutedGroupCaller parses it. Requests that name no epoch or no time would all be refused
// alike: they get those there are.
void Complete(peer::GroupRequest* request, const peer::LockEpoch& epoch, int64_t now_us) {
  auto fill = [&](auto* body) {
    if (body->has_epoch()) *body->mutable_epoch() = epoch;
    if constexpr (requires { body->set_commit_start_us(0); }) {
      if (body->commit_start_us() == 1) body->set_commit_start_us(now_us);
    }
  };
  switch (request->body_case()) {
    case peer::GroupRequest::kLockedRead:
      return fill(request->mutable_locked_read());
    case peer::GroupRequest::kCommit:
      return fill(request->mutable_commit());
    case peer::GroupRequest::kPrepare:
      return fill(request->mutable_prepare());
    case peer::GroupRequest::kCoordinate:
      return fill(request->mutable_coordinate());
    case peer::GroupRequest::kHeartbeat:
      return fill(request->mutable_heartbeat());
    case peer::GroupRequest::kVote:
      if (request->vote().commit_start_us() == 1) {
        request->mutable_vote()->set_commit_start_us(now_us);
      }
      return;
    default:
      return;
  }
}

void Check(Input in) {
  txn::FakeCluster cluster(kGroups);
  cluster.executor.RunFor(1'000);
  std::vector<txn::Answer> answers;
  for (int i = 0; i < kMaxRequests && !in.empty(); ++i) {
    const uint8_t how = in.Byte();
    const int group = 1 + how % kGroups;
    const absl::string_view bytes = in.Piece();
    peer::GroupRequest request;
    if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) continue;
    if ((how & 2) != 0) {
      Complete(&request, cluster.access(group)->epoch(),
               txn::kEpoch + cluster.executor.MonotonicNow());
    }
    answers.push_back(cluster.Send(group, std::move(request), 5'000'000));
    cluster.executor.RunFor((how & 4) != 0 ? 100'000 : 0);
    if ((how & 0xf8) == 0xf8) cluster.Failover(group);
  }
  // Beyond the deadline of each.
  cluster.executor.RunFor(60'000'000);
  for (const txn::Answer& answer : answers) {
    ISO_CHECK(answer->has_value(), "every request is answered");
  }
}

template <typename Set>
std::string One(char how, const Set& set) {
  peer::GroupRequest request;
  set(&request);
  return std::string(1, how) + Piece(request.SerializeAsString());
}

void SetTxn(peer::TxnRef* txn, uint64_t sequence) {
  txn->set_start_us(txn::kEpoch);
  txn->set_gateway(9);
  txn->set_incarnation(1);
  txn->set_sequence(sequence);
}

void AddSpan(peer::Span* span, const char* start, const char* end) {
  span->set_start(start);
  span->set_end(end);
}

std::string Read(char how, uint64_t txn, bool exclusive) {
  return One(how, [&](peer::GroupRequest* r) {
    auto* read = r->mutable_locked_read();
    SetTxn(read->mutable_txn(), txn);
    AddSpan(read->add_spans(), how % 2 == 0 ? "a" : "b", how % 2 == 0 ? "am" : "bm");
    read->set_exclusive(exclusive);
    read->mutable_epoch();
  });
}

template <typename Body>
void FillCommit(Body* body, uint64_t txn, const char* key) {
  SetTxn(body->mutable_txn(), txn);
  body->set_commit_start_us(1);
  body->mutable_epoch();
  auto* write = body->add_writes();
  write->set_key(key);
  write->set_value("v");
}

}  // namespace

std::vector<std::string> Seeds() {
  const std::string commit = One(6, [](auto* r) { FillCommit(r->mutable_commit(), 1, "ab"); });
  const std::string prepare = One(7, [](auto* r) {
    FillCommit(r->mutable_prepare(), 2, "bb");
    r->mutable_prepare()->set_coordinator(1);
  });
  const std::string coordinate = One(6, [](auto* r) {
    FillCommit(r->mutable_coordinate(), 2, "ac");
    r->mutable_coordinate()->add_participants(2);
    r->mutable_coordinate()->add_writing_participants(2);
  });
  const std::string snapshot = One(4, [](auto* r) {
    AddSpan(r->mutable_snapshot_read()->add_spans(), "a", "b");
    r->mutable_snapshot_read()->set_limit_rows(2);
  });
  auto of = [](auto set) { return One(6, [&](auto* r) { set(r); }); };
  return {Read(2, 1, true) + commit + snapshot,
          Read(2, 2, true) + Read(3, 2, false) + prepare + coordinate,
          of([](auto* r) {
            auto* vote = r->mutable_vote();
            SetTxn(vote->mutable_txn(), 2);
            vote->set_commit_start_us(1);
            vote->set_participant(2);
            vote->set_yes(true);
            vote->set_s_min_us(txn::kEpoch + 5);
          }) + coordinate,
          prepare + of([](auto* r) {
            SetTxn(r->mutable_outcome()->mutable_txn(), 2);
            r->mutable_outcome()->set_commit(true);
            r->mutable_outcome()->set_s(txn::kEpoch + 1000);
          }),
          Read(2, 3, false) + of([](auto* r) {
            SetTxn(r->mutable_heartbeat()->mutable_txn(), 3);
          }) + of([](auto* r) { SetTxn(r->mutable_release()->mutable_txn(), 3); }),
          prepare + of([](auto* r) {
            SetTxn(r->mutable_wound()->mutable_txn(), 2);
            r->mutable_wound()->set_commit_start_us(txn::kEpoch);
          }),
          of([](auto* r) {
            r->mutable_split()->set_key("am");
            r->mutable_split()->set_new_group(100);
          }),
          of([](auto* r) { r->mutable_promise()->set_t_us(txn::kEpoch); }),
          of([](auto* r) { AddSpan(r->mutable_safe_time()->add_spans(), "a", "b"); }),
          of([](auto* r) { r->mutable_freeze()->set_owner(1); }),
          of([](auto* r) { r->mutable_merge()->set_right(2); }),
          of([](auto* r) { r->mutable_replicas()->mutable_replica()->set_node(2); }),
          of([](auto* r) { r->mutable_transfer()->set_to(2); })};
}

}  // namespace isochron::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  isochron::fuzz::Check(isochron::fuzz::Input(data, size));
  return 0;
}
