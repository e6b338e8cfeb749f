// SPDX-License-Identifier: Apache-2.0
#include "txn/participant/answers.h"

#include <string>

#include "txn/api/reasons.h"

namespace isochron::txn {
namespace {

peer::GroupResponse Answer(peer::GroupError error, absl::StatusCode code,
                           absl::string_view message) {
  peer::GroupResponse r;
  r.set_error(error);
  r.set_code(static_cast<int>(code));
  r.set_message(std::string(message));
  return r;
}

}  // namespace

peer::GroupResponse ErrorAnswer(const GroupAccess& group, const absl::Status& status) {
  if (IsDiskFull(status)) return Answer(peer::DISK_FULL, status.code(), status.message());
  if (IsLockTimeout(status)) return Answer(peer::LOCK_TIMEOUT, status.code(), status.message());
  switch (status.code()) {
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kUnavailable:
      return NotLeaderAnswer(group.leader_hint(), status.message());
    case absl::StatusCode::kOutOfRange: {
      peer::GroupResponse r = Answer(peer::WRONG_RANGE, status.code(), status.message());
      AddDescriptors(group, &r);
      return r;
    }
    case absl::StatusCode::kAborted:
      return AbortedAnswer(status.message());
    case absl::StatusCode::kUnknown:
      return Answer(peer::TXN_UNKNOWN, status.code(), status.message());
    default:
      return RefusedAnswer(status);
  }
}

peer::GroupResponse NotLeaderAnswer(NodeId hint, absl::string_view message) {
  peer::GroupResponse r = Answer(peer::NOT_LEADER, absl::StatusCode::kUnavailable, message);
  r.set_leader_hint(hint.value);
  return r;
}

peer::GroupResponse UnknownAnswer(absl::string_view message, SabotageSet sabotage) {
  if (sabotage.Is(Sabotage::kAbortOnNotLeader)) return AbortedAnswer(message);
  return Answer(peer::TXN_UNKNOWN, absl::StatusCode::kUnknown, message);
}

peer::GroupResponse AbortedAnswer(absl::string_view message) {
  return Answer(peer::TXN_ABORTED, absl::StatusCode::kAborted, message);
}

peer::GroupResponse RefusedAnswer(const absl::Status& status) {
  if (IsVersionsGone(status)) {
    return Answer(peer::VERSIONS_GONE, status.code(), status.message());
  }
  return Answer(peer::REFUSED, status.code(), status.message());
}

peer::GroupResponse CommittedAnswer(Timestamp s) {
  peer::GroupResponse r;
  r.mutable_commit()->set_s(s.us);
  return r;
}

peer::GroupResponse VoteAnswer(bool decided, bool commit, Timestamp s) {
  peer::GroupResponse r;
  r.mutable_vote()->set_decided(decided);
  r.mutable_vote()->set_commit(commit);
  r.mutable_vote()->set_s(s.us);
  return r;
}

void AddDescriptors(const GroupAccess& group, peer::GroupResponse* response) {
  *response->add_descriptors() = group.group_descriptor();
  for (peer::GroupDescriptor& child : group.children()) {
    *response->add_descriptors() = std::move(child);
  }
}

void SetLatency(const LatencyAccount& account, peer::GroupResponse* response) {
  peer::Latency* l = response->mutable_latency();
  l->set_queue_us(account.queue_us);
  l->set_lock_wait_us(account.lock_wait_us);
  l->set_paxos_us(account.paxos_us);
  l->set_two_pc_us(account.two_pc_us);
  l->set_commit_wait_hidden_us(account.commit_wait_hidden_us);
  l->set_commit_wait_exposed_us(account.commit_wait_exposed_us);
}

}  // namespace isochron::txn
