// SPDX-License-Identifier: Apache-2.0
#include "paxos/core/recovery.h"

#include <algorithm>

#include "common/check.h"

namespace isochron::paxos {

void Recovery::Add(NodeId voter, const Promise& promise, uint64_t id) {
  auto [it, fresh] = voters_.try_emplace(voter);
  Voter& v = it->second;
  if (fresh) {
    v.id = id;
    v.chosen = promise.chosen;
    v.chosen_origin = promise.chosen_origin;
    v.last = promise.last;
    v.have = from_ - 1;
  }
  for (const Entry& e : promise.entries) {
    if (e.index != v.have + 1) continue;  // a repeated part, or one whose predecessor was lost
    v.have = e.index;
    auto [slot, empty] = best_.try_emplace(e.index, e);
    if (!empty && e.ballot > slot->second.ballot) slot->second = e;
  }
}

LogIndex Recovery::WantedFrom(NodeId voter) const {
  auto it = voters_.find(voter);
  if (it == voters_.end()) return from_;
  return it->second.have < it->second.last ? it->second.have + 1 : 0;
}

size_t Recovery::Complete() const {
  size_t n = 0;
  for (const auto& [node, v] : voters_) n += v.have >= v.last ? 1 : 0;
  return n;
}

bool Recovery::CompleteIn(const Config& config) const {
  size_t n = 0;
  for (const Member& m : config.members) {
    auto it = voters_.find(m.node);
    if (!m.Votes() || it == voters_.end() || it->second.have < it->second.last) continue;
    n += it->second.id == 0 || it->second.id == m.id ? 1 : 0;
  }
  return n >= config.Quorum();
}

LogIndex Recovery::MaxChosen() const {
  LogIndex max = from_ - 1;
  for (const auto& [node, v] : voters_) {
    if (v.have >= v.last) max = std::max(max, v.chosen);
  }
  return max;
}

LogIndex Recovery::ChosenOf(NodeId voter) const {
  auto it = voters_.find(voter);
  return it == voters_.end() ? 0 : it->second.chosen;
}

LogIndex Recovery::LastOf(NodeId voter) const {
  auto it = voters_.find(voter);
  return it == voters_.end() ? 0 : it->second.last;
}

std::vector<Entry> Recovery::Result() const {
  const LogIndex chosen = MaxChosen();
  Ballot newest_origin;
  for (const auto& [node, v] : voters_) newest_origin = std::max(newest_origin, v.chosen_origin);
  std::vector<Entry> out;
  for (LogIndex i = from_;; ++i) {
    auto it = best_.find(i);
    if (it == best_.end()) {
      ISO_CHECK(i > chosen, "a voter that knows a slot to be chosen has its value");
      break;
    }
    if (i > chosen && it->second.ballot < newest_origin) break;
    newest_origin = std::max(newest_origin, it->second.origin);
    out.push_back(it->second);
  }
  return out;
}

}  // namespace isochron::paxos
