// SPDX-License-Identifier: Apache-2.0
#include "paxos/core/membership.h"

#include <algorithm>
#include <utility>

#include "common/check.h"
#include "common/coding.h"

namespace isochron::paxos {
namespace {

constexpr uint8_t kVersion = 1;

}  // namespace

std::string EncodeConfig(const Config& config) {
  std::string out;
  Writer w(&out);
  w.Byte(kVersion);
  w.Varint(config.members.size());
  for (const Member& m : config.members) {
    w.Varint(m.node.value);
    w.Byte(static_cast<uint8_t>(m.kind));
    w.Varint(m.id);
  }
  return out;
}

absl::StatusOr<Config> DecodeConfig(absl::string_view payload) {
  Reader r(payload);
  uint8_t version = 0;
  uint64_t n = 0;
  bool good = r.Byte(&version) && version == kVersion && r.Varint(&n) && n <= payload.size();
  Config config;
  for (uint64_t i = 0; good && i < n; ++i) {
    Member m;
    uint8_t kind = 0;
    good = r.Varint32(&m.node.value) && r.Byte(&kind) && kind <= 4 && r.Varint(&m.id);
    m.kind = static_cast<ReplicaKind>(kind);
    config.members.push_back(m);
  }
  if (!good || !r.AtEnd()) return absl::InvalidArgumentError("a configuration cannot be read");
  return config;
}

absl::Status CheckChange(const Config& from, const Config& to) {
  size_t changes = 0;
  for (const Member& m : to.members) {
    if (m.id == 0 || std::count_if(to.members.begin(), to.members.end(),
                                   [&](const Member& o) { return o.node == m.node; }) > 1) {
      return absl::InvalidArgumentError("a configuration names each node once, with its life");
    }
    const Member* old = from.Find(m.node);
    if (old != nullptr && old->id != m.id) {
      return absl::InvalidArgumentError("a replica is removed before its node gets another");
    }
    if (old != nullptr && HoldsRows(m.kind) != HoldsRows(old->kind)) {
      return absl::InvalidArgumentError("a replica is a witness, without rows, all its life");
    }
    changes += old == nullptr || *old != m ? 1 : 0;
  }
  for (const Member& m : from.members) changes += to.Find(m.node) == nullptr ? 1 : 0;
  if (changes != 1) {
    return absl::InvalidArgumentError("a change of membership concerns exactly one replica");
  }
  if (std::none_of(to.members.begin(), to.members.end(),
                   [](const Member& m) { return m.kind == ReplicaKind::kVoter; })) {
    return absl::InvalidArgumentError("the last replica that can lead stays");
  }
  if (to.Count(ReplicaKind::kWitness) > to.Count(ReplicaKind::kVoter)) {
    return absl::InvalidArgumentError(
        "a group has no more witnesses than voters that hold rows: or a quorum might hold none");
  }
  return absl::OkStatus();
}

void ConfigHistory::Reset(LogIndex index, Config config) {
  std::erase_if(all_, [&](const At& at) { return at.index <= index; });
  all_.insert(all_.begin(), At{index, std::move(config)});
}

void ConfigHistory::Put(const Entry& entry) {
  if (all_.back().index >= entry.index) {
    // What comes behind a replaced entry is no longer known to follow from it.
    std::erase_if(all_, [&](const At& at) { return at.index >= entry.index; });
    ISO_CHECK(!all_.empty(), "a chosen configuration is never replaced");
  }
  if (entry.kind != EntryKind::kConfig) return;
  auto config = DecodeConfig(*entry.payload);
  ISO_CHECK(config.ok(), "a configuration in the log can be read");
  all_.push_back(At{entry.index, *std::move(config)});
}

void ConfigHistory::DropAfter(LogIndex index) {
  std::erase_if(all_, [&](const At& at) { return at.index > index; });
}

bool ConfigHistory::Settle(LogIndex chosen) {
  bool settled = false;
  while (all_.size() > 1 && all_[1].index <= chosen) {
    all_.erase(all_.begin());
    settled = true;
  }
  return settled;
}

std::vector<Member> ConfigHistory::Members() const {
  std::vector<Member> members = all_.back().config.members;
  for (const At& at : all_) {
    for (const Member& m : at.config.members) {
      if (std::none_of(members.begin(), members.end(),
                       [&](const Member& o) { return o.node == m.node; })) {
        members.push_back(m);
      }
    }
  }
  return members;
}

bool ConfigHistory::HasWitness() const {
  return std::any_of(all_.begin(), all_.end(), [](const At& at) {
    return std::any_of(at.config.members.begin(), at.config.members.end(),
                       [](const Member& m) { return !HoldsRows(m.kind); });
  });
}

bool ConfigHistory::Has(NodeId node, uint64_t id) const {
  return std::any_of(all_.begin(), all_.end(),
                     [&](const At& at) { return at.config.Has(node, id); });
}

}  // namespace isochron::paxos
