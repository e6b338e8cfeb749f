// SPDX-License-Identifier: Apache-2.0
#include "server/node/initial_groups.h"

#include <algorithm>
#include <set>
#include <string>

#include "common/key_encoding.h"
#include "sql/catalog/layout.h"
#include "txn/api/system_keys.h"

namespace isochron::server {
namespace {

constexpr size_t kVotersOfOneRegion = 3;
// Far from those that splits count up.
constexpr uint64_t kFirstExtraGroup = 1'000'000'000;

}  // namespace

std::vector<NodeId> InitialVoters(std::vector<PeerInfo> nodes, int64_t replicas) {
  std::sort(nodes.begin(), nodes.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  std::set<std::string> regions;
  std::vector<NodeId> voters;
  for (const PeerInfo& p : nodes) {
    if (regions.insert(p.region).second) voters.push_back(p.id);
  }
  if (regions.size() == 1) {
    voters.clear();
    const size_t wanted = replicas > 0 ? static_cast<size_t>(replicas) : kVotersOfOneRegion;
    for (size_t i = 0; i < std::min(nodes.size(), wanted); ++i) voters.push_back(nodes[i].id);
  }
  if (replicas > 0 && voters.size() > static_cast<size_t>(replicas)) {
    voters.resize(static_cast<size_t>(replicas));
  }
  return voters;
}

namespace {

std::string CutBefore(int64_t group) {
  std::string key = sql::TableDataPrefix(TableId(sql::kFirstTableId));
  KeyWriter(&key).Int64(group * kRowsPerInitialGroup);
  return key;
}

}  // namespace

std::vector<peer::GroupDescriptor> InitialGroups(const std::vector<PeerInfo>& universe,
                                                 int64_t data_groups, int64_t replicas,
                                                 int64_t witnesses) {
  const std::vector<NodeId> voters = InitialVoters(universe, replicas);
  std::vector<peer::GroupDescriptor> groups;
  auto add = [&](GroupId id, const KeyRange& range) {
    peer::GroupDescriptor& d = groups.emplace_back();
    d.set_group(id.value);
    d.mutable_range()->set_start(range.start);
    d.mutable_range()->set_end(range.end);
    d.set_generation(1);
    for (NodeId v : voters) {
      const bool witness = d.replicas_size() >= static_cast<int64_t>(voters.size()) - witnesses;
      if (!witness) d.add_voters(v.value);
      peer::Replica* r = d.add_replicas();
      r->set_node(v.value);
      r->set_kind(witness ? peer::WITNESS : peer::VOTER);
      r->set_id(1);  // the first life (rule 28)
    }
  };
  add(txn::kSystemGroup, txn::SystemRange());
  KeyRange rest = txn::DataRange();
  GroupId id = txn::kFirstDataGroup;
  for (int64_t i = 1; i < data_groups; ++i) {
    const std::string cut = CutBefore(i);
    add(id, KeyRange{rest.start, cut});
    rest.start = cut;
    id = GroupId(kFirstExtraGroup + static_cast<uint64_t>(i));
  }
  add(id, rest);
  return groups;
}

}  // namespace isochron::server
