// SPDX-License-Identifier: Apache-2.0
#include "server/node/system_tables.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sql/types/error.h"

namespace isochron::server {
namespace {

using sql::Datum;
using sql::Row;

constexpr Micros kPatienceUs = 1'500'000;

// What isochron.replicas calls it.
std::string KindText(const peer::ReplicaInfo& r) {
  if (!r.damage().empty()) return "damaged";
  if (!r.initialised()) return "waiting for a snapshot";
  if (!r.member()) return "learner";
  switch (r.kind()) {
    case 1:
    case 4:
      return "learner";
    case 2:
      return "read-only";
    case 3:
      return "witness";
    default:
      return "voter";
  }
}

Datum Int(uint64_t v) { return Datum::Int(static_cast<int64_t>(v)); }
Datum Text(std::string v) { return Datum::String(std::move(v)); }
Datum TimeOrNull(int64_t us) { return us == 0 ? Datum::Null() : Datum::Int(us); }

}  // namespace

Task<void> NodeSystemTables::Ask(Ctx ctx, Known* known, size_t* left, OneShot<bool> done) {
  auto info = co_await deps_.info_of(ctx, known->peer.id);
  known->alive = info.ok();
  if (info.ok()) known->info = *std::move(info);
  if (--*left == 0) done.Set(true);
}

Task<NodeSystemTables::Universe> NodeSystemTables::Gather(Ctx ctx) {
  const Micros now = deps_.executor->MonotonicNow();
  auto asking = std::make_shared<RequestContext>(std::min(ctx->deadline_us(), now + kPatienceUs));
  // The tasks outlive this coroutine if it is destroyed while they wait.
  struct Shared {
    Universe universe;
    size_t left = 0;
  };
  auto shared = std::make_shared<Shared>();
  for (const PeerInfo& p : deps_.universe) shared->universe.push_back(Known{p, false, {}});
  shared->left = shared->universe.size();
  OneShot<bool> done(deps_.executor);
  struct Hold {
    static Task<void> Run(NodeSystemTables* tables, std::shared_ptr<Shared> s, size_t i, Ctx c,
                          OneShot<bool> d) {
      co_await tables->Ask(std::move(c), &s->universe[i], &s->left, std::move(d));
    }
  };
  for (size_t i = 0; i < shared->universe.size(); ++i) {
    scope_.Spawn(Hold::Run(this, shared, i, asking, done));
  }
  if (shared->left > 0) co_await done;
  co_return std::move(shared->universe);
}

std::string NodeSystemTables::RegionOf(NodeId node) const {
  for (const PeerInfo& p : deps_.universe) {
    if (p.id == node) return p.region;
  }
  return "";
}

Task<absl::StatusOr<std::vector<Row>>> NodeSystemTables::Rows(Ctx ctx, std::string name) {
  Universe u = co_await Gather(ctx);
  if (name == "nodes") co_return Nodes(u);
  if (name == "regions") co_return Regions(u);
  if (name == "clocks") co_return Clocks(u);
  if (name == "groups") co_return Groups(u, false);
  if (name == "splits") co_return Groups(u, true);
  if (name == "replicas") co_return Replicas(u);
  if (name == "hot_ranges") co_return HotRanges(u);
  if (name == "locks") co_return Locks(u);
  if (name == "sessions") co_return Sessions(u, false);
  if (name == "statements") co_return Sessions(u, true);
  if (name == "counters") co_return Counters(u);
  co_return absl::NotFoundError(absl::StrCat("no system table \"", name, "\""));
}

Task<absl::StatusOr<int64_t>> NodeSystemTables::Connections(Ctx ctx, std::string database) {
  const Universe u = co_await Gather(std::move(ctx));
  int64_t count = 0;
  for (const Known& k : u) {
    for (const peer::SessionInfo& s : k.info.sessions()) {
      if (s.connected() && s.database() == database) ++count;
    }
  }
  co_return count;
}

std::vector<Row> NodeSystemTables::Nodes(const Universe& universe) const {
  std::vector<Row> rows;
  for (const Known& k : universe) {
    uint64_t leaders = 0;
    for (const auto& r : k.info.replicas()) leaders += r.leader() ? 1 : 0;
    rows.push_back({Int(k.peer.id.value), Text(k.peer.region), Text(k.peer.zone),
                    Text(k.peer.address), Text(k.alive ? "up" : "down"),
                    Int(k.info.replicas_size()), Int(leaders),
                    Datum::Bool(k.peer.id == deps_.self)});
  }
  return rows;
}

std::vector<Row> NodeSystemTables::Regions(const Universe& universe) const {
  struct Sum {
    uint64_t nodes = 0, live = 0, leaders = 0;
  };
  std::map<std::string, Sum> sums;
  for (const Known& k : universe) {
    Sum& s = sums[k.peer.region];
    ++s.nodes;
    s.live += k.alive ? 1 : 0;
    for (const auto& r : k.info.replicas()) s.leaders += r.leader() ? 1 : 0;
  }
  std::vector<Row> rows;
  for (const auto& [region, s] : sums) {
    rows.push_back({Text(region), Int(s.nodes), Int(s.live), Int(s.leaders)});
  }
  return rows;
}

std::vector<Row> NodeSystemTables::Clocks(const Universe& universe) const {
  std::vector<Row> rows;
  for (const Known& k : universe) {
    const auto& c = k.info.clock();
    rows.push_back(
        {Int(k.peer.id.value), Text(k.alive ? c.source() : ""), Text(k.alive ? c.state() : "down"),
         TimeOrNull(c.earliest_us()), TimeOrNull(c.latest_us()),
         c.latest_us() == 0 ? Datum::Null() : Datum::Int((c.latest_us() - c.earliest_us()) / 2)});
  }
  return rows;
}

std::vector<Row> NodeSystemTables::Groups(const Universe& universe, bool splits) const {
  struct Whole {
    const peer::ReplicaInfo* best = nullptr;  // the leader's, or the furthest applied
    NodeId leader;
    uint64_t replicas = 0;
  };
  std::map<uint64_t, Whole> groups;
  for (const Known& k : universe) {
    for (const auto& r : k.info.replicas()) {
      if (!r.damage().empty()) continue;
      Whole& w = groups[r.group()];
      ++w.replicas;
      const bool leads = r.leader() && (!w.leader || r.lease_end_us() > w.best->lease_end_us());
      if (leads || (!w.leader && (w.best == nullptr || r.applied() > w.best->applied()))) {
        w.best = &r;
      }
      if (leads) w.leader = k.peer.id;
    }
  }
  std::vector<Row> rows;
  for (const auto& [id, w] : groups) {
    const Datum leader = w.leader ? Int(w.leader.value) : Datum::Null();
    const Datum region = w.leader ? Text(RegionOf(w.leader)) : Datum::Null();
    if (splits) {
      rows.push_back({Text(w.best->start()), Text(w.best->end()), Int(id), leader, region});
    } else {
      rows.push_back({Int(id), leader, region,
                      Text(absl::StrCat(w.best->ballot_round(), ".", w.best->ballot_node())),
                      TimeOrNull(w.best->lease_end_us()), Int(w.replicas), Int(w.best->applied()),
                      Text(w.best->start()), Text(w.best->end())});
    }
  }
  if (splits) {
    std::sort(rows.begin(), rows.end(),
              [](const Row& a, const Row& b) { return a[0].string_value() < b[0].string_value(); });
  }
  return rows;
}

std::vector<Row> NodeSystemTables::Replicas(const Universe& universe) const {
  std::vector<Row> rows;
  for (const Known& k : universe) {
    for (const auto& r : k.info.replicas()) {
      rows.push_back(
          {Int(r.group()), Int(k.peer.id.value), Text(k.peer.region), Text(KindText(r)),
           Datum::Bool(r.leader()), Int(r.applied()), TimeOrNull(r.safe_us()),
           r.safe_us() == 0 || r.safe_lag_us() < 0 ? Datum::Null() : Datum::Int(r.safe_lag_us()),
           r.damage().empty() ? Datum::Null() : Text(r.damage())});
    }
  }
  return rows;
}

std::vector<Row> NodeSystemTables::HotRanges(const Universe& universe) const {
  std::vector<Row> rows;
  for (const Known& k : universe) {
    for (const auto& h : k.info.hot_ranges()) {
      rows.push_back({Int(h.group()), Int(k.peer.id.value), Text(h.prefix()), Text(h.last_key()),
                      Text(h.descending() ? "descending" : "ascending"),
                      Datum::Float(h.writes_per_s()), Datum::Float(h.share())});
    }
  }
  return rows;
}

std::vector<Row> NodeSystemTables::Locks(const Universe& universe) const {
  std::vector<Row> rows;
  for (const Known& k : universe) {
    for (const auto& l : k.info.locks()) {
      rows.push_back({Int(l.group()), Text(l.start()), Text(l.end()),
                      Text(l.exclusive() ? "exclusive" : "shared"), Text(l.transaction()),
                      Text(!l.granted() ? "waiting"
                           : l.pinned() ? "prepared"
                                        : "held")});
    }
  }
  return rows;
}

std::vector<Row> NodeSystemTables::Sessions(const Universe& universe, bool statements) const {
  std::vector<Row> rows;
  for (const Known& k : universe) {
    for (const auto& s : k.info.sessions()) {
      if (statements) {
        if (s.statement().empty()) continue;
        rows.push_back({Int(k.peer.id.value), Int(s.session()), Text(s.statement()),
                        Datum::Int(s.elapsed_us()), Text(s.transaction())});
      } else {
        rows.push_back({Int(k.peer.id.value), Int(s.session()), Text(""),
                        Text(s.statement().empty() ? "idle" : "active"), Text(s.transaction()),
                        Text(s.database())});
      }
    }
  }
  return rows;
}

std::vector<Row> NodeSystemTables::Counters(const Universe& universe) const {
  std::vector<Row> rows;
  for (const Known& k : universe) {
    for (const auto& c : k.info.counters()) {
      rows.push_back({Int(k.peer.id.value), Text(c.name()), Datum::Int(c.value())});
    }
  }
  return rows;
}

}  // namespace isochron::server
