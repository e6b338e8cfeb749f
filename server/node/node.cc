// SPDX-License-Identifier: Apache-2.0
#include "server/node/node.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "paxos/lease/incarnation.h"
#include "server/node/initial_groups.h"
#include "tablet/group/applied_state.h"
#include "tablet/group/membership.h"
#include "txn/api/descriptor.h"
#include "txn/api/system_keys.h"

namespace isochron::server {
namespace {

constexpr char kIncarnationFile[] = "incarnation";
constexpr Micros kSilentAfterUs = 1'500'000;

std::vector<GroupDescriptor> ToDescriptors(const std::vector<peer::GroupDescriptor>& in) {
  std::vector<GroupDescriptor> out;
  for (const auto& d : in) out.push_back(txn::ToDescriptor(d));
  return out;
}

bool MayVoteFirst(const Node::Options& options, NodeId node) {
  const std::vector<NodeId> voters = InitialVoters(options.universe, options.initial_replicas);
  return std::find(voters.begin(), voters.end(), node) != voters.end();
}

absl::Status EmptyFolder() {
  return absl::FailedPreconditionError(
      "the data folder holds no universe; a replica that lost its folder must not vote again. To "
      "make a new universe, start every node with --bootstrap; to come back to one with an empty "
      "folder, start with --join and have replicas added");
}

}  // namespace

Micros NodeDistances::To(NodeId node) const {
  if (node == self_) return 0;
  const Micros heard = host_->promises()->HeardAt(node);
  if (heard == 0) return kUnknown;
  if (executor_->MonotonicNow() - heard > kSilentAfterUs) return kSilent;
  const Micros measured = host_->promises()->RoundTrip(node);
  return measured == 0 ? kUnknown : measured;
}

absl::StatusOr<std::unique_ptr<Node>> Node::Open(Env env, Options options) {
  // A universe's first replicas are in folders that count from 1; all other folders count from the
  // time of their making, so that what a lost folder gave out is never given out again (rule 28).
  const bool votes = MayVoteFirst(options, env.transport->self());
  if (votes && !options.bootstrap && !options.join &&
      absl::IsNotFound(env.disk->Open(kIncarnationFile, /*create=*/false).status())) {
    return EmptyFolder();
  }
  uint64_t first = 1;
  if (!votes || !options.bootstrap || options.join) {
    auto now = env.truetime->Now();
    first = now.ok() ? static_cast<uint64_t>(now->latest.us) / 1000 : 0;
  }
  ISO_ASSIGN_OR_RETURN(paxos::Incarnation incarnation,
                       paxos::RaiseIncarnation(env.disk, kIncarnationFile, first));
  std::unique_ptr<Node> node(new Node(std::move(env), std::move(options), incarnation));
  ISO_RETURN_IF_ERROR(node->Init());
  return node;
}

Node::Node(Env env, Options options, paxos::Incarnation incarnation)
    : env_(std::move(env)),
      options_(std::move(options)),
      self_(env_.transport->self()),
      incarnation_(incarnation.now),
      first_incarnation_(incarnation.first),
      random_(options_.seed ^ (incarnation.now * 0x9e3779b97f4a7c15ull)),
      rpc_(env_.executor, env_.transport, env_.observer, incarnation.now, {}),
      admission_({.self = self_,
                  .executor = env_.executor,
                  .rpc = &rpc_,
                  .engine = env_.engine,
                  .voters = InitialVoters(options_.universe, options_.initial_replicas),
                  .original = incarnation.first == 1 && MayVoteFirst(options_, self_),
                  .heard = [this](NodeId n) { return host_ && host_->promises()->HeardAt(n) != 0; },
                  .tell = options_.tell}),
      space_({env_.executor, env_.disk, env_.engine, &rpc_, env_.observer}, options_.space),
      map_(env_.executor,
           ToDescriptors(InitialGroups(options_.universe, options_.initial_groups,
                                       options_.initial_replicas, options_.initial_witnesses))),
      caller_(&rpc_, &map_, env_.observer, random_.Fork()),
      transactions_(txn::GroupService::Env{
          .self = self_,
          .executor = env_.executor,
          .observer = env_.observer,
          .caller = &caller_,
          .sabotage = options_.sabotage,
          .options = options_.server,
          .find_group = [this](GroupId g) { return host_ ? host_->Find(g) : nullptr; },
          .change_replica =
              [this](Ctx ctx, GroupId g, peer::ReplicasRequest request) {
                return host_->ChangeReplica(std::move(ctx), g, std::move(request));
              },
          .transfer = [this](GroupId g, NodeId to) { return host_->Transfer(g, to); },
          .find_absorber = [this](GroupId g) { return host_ ? host_->Absorber(g) : nullptr; },
          .check_writes = [this] { return space_.CheckWrites(); },
          .close_to_stall = [this] { return space_.CloseToStall(); },
          .index_prefix = options_.index_prefix,
          .programs = options_.programs}) {
  map_.SetCaller(&caller_);
}

absl::Status Node::Init() {
  tablet::GroupHost::Options host;
  host.incarnation = incarnation_;
  host.first_incarnation = first_incarnation_;
  host.seed = random_.Next() % 1'000'000;
  host.lease_us = options_.lease_us;
  host.log_segment_bytes = options_.log_segment_bytes;
  host.log_limit_bytes = options_.log_limit_bytes;
  host.checkpoint_entries = options_.checkpoint_entries;
  host.keep_entries = options_.keep_entries;
  host.max_campaigns = options_.max_campaigns;
  host.gc = options_.gc;
  host.gc.wait_to_be_told = true;
  host.sabotage = options_.sabotage;
  for (const PeerInfo& p : options_.universe) host.nodes.push_back(p.id);
  ISO_ASSIGN_OR_RETURN(
      host_,
      tablet::GroupHost::Open({.executor = env_.executor,
                               .truetime = env_.truetime,
                               .transport = env_.transport,
                               .rpc = &rpc_,
                               .disk = env_.disk,
                               .engine = env_.engine,
                               .observer = env_.observer,
                               .listener = this,
                               .on_fatal = env_.on_fatal,
                               .call_leader =
                                   [this](Ctx ctx, GroupId group, peer::GroupRequest request) {
                                     return caller_.Call(std::move(ctx), group, std::move(request));
                                   },
                               .preferred_leader = placement::PreferredLeader,
                               .may_append = [this] { return space_.MayAppend(); }},
                              host));
  const std::vector<peer::GroupDescriptor> initial =
      InitialGroups(options_.universe, options_.initial_groups, options_.initial_replicas,
                    options_.initial_witnesses);
  // A folder that counts from 1 and holds nothing was made by a first start that did not get far.
  ISO_RETURN_IF_ERROR(admission_.Load());
  if (host_->fresh() && first_incarnation_ == 1 && MayVoteFirst(options_, self_)) {
    if (!options_.bootstrap) return EmptyFolder();
    ISO_RETURN_IF_ERROR(admission_.Begin(random_.Next() | 1));
    ISO_RETURN_IF_ERROR(host_->Bootstrap(initial));
  }
  for (tablet::Group* g : host_->Groups()) {
    if (g->initialised()) map_.Learn(txn::ToDescriptor(g->descriptor()));
  }
  distances_ = std::make_unique<NodeDistances>(host_.get(), env_.executor, self_);
  store_ = std::make_unique<txn::GatewayStore>(txn::GatewayEnv{.executor = env_.executor,
                                                               .truetime = env_.truetime,
                                                               .groups = &caller_,
                                                               .router = &map_,
                                                               .observer = env_.observer,
                                                               .sabotage = options_.sabotage,
                                                               .self = self_,
                                                               .incarnation = incarnation_,
                                                               .limits = options_.gateway,
                                                               .distances = distances_.get()},
                                               random_.Fork());
  host_->promises()->SetOldestRead([this] { return store_->OldestRead(); });
  InitPlacement();
  retention_ = std::make_unique<RetentionWatcher>(
      store_.get(), host_->gc(), env_.observer,
      RetentionWatcher::Options{options_.gc.retention_us, options_.retention_look_us});
  repair_ = std::make_unique<SelfRepair>(
      SelfRepair::Env{.self = self_,
                      .executor = env_.executor,
                      .observer = env_.observer,
                      .engine = env_.engine,
                      .host = host_.get(),
                      .store = store_.get(),
                      .call_leader =
                          [this](Ctx ctx, GroupId group, peer::GroupRequest request) {
                            return caller_.Call(std::move(ctx), group, std::move(request));
                          },
                      .random = random_.Fork(),
                      .kind = [this](GroupId g) { return KindOfDamaged(g); },
                      .tell = options_.tell,
                      .on_fatal = env_.on_fatal},
      options_.self_repair);
  return absl::OkStatus();
}

void Node::InitPlacement() {
  host_groups_ = std::make_unique<placement::HostGroups>(
      host_.get(), env_.truetime, [this](GroupId g, NodeId to) { return space_.MayLead(g, to); },
      [this](GroupId g) { return transactions_.InLongUse(g); });
  publisher_ = std::make_unique<placement::Publisher>(store_.get(), env_.observer, random_.Fork());
  balancer_ = std::make_unique<placement::Balancer>(host_groups_.get(), store_.get(), env_.observer,
                                                    random_.Fork(), options_.placement);
  options_.merging.below_bytes = options_.placement.split_bytes / placement::kMergeShare;
  small_groups_ = std::make_unique<placement::SmallGroups>(
      host_groups_.get(), store_.get(), env_.observer, random_.Fork(), options_.merging);
  std::vector<placement::MissingVoters::Place> places;
  for (const PeerInfo& p : options_.universe) places.push_back({p.id, p.region});
  options_.voters.least = std::min(
      options_.voters.least, InitialVoters(options_.universe, options_.initial_replicas).size());
  if (!options_.self_repair) options_.voters.least = 0;
  missing_voters_ = std::make_unique<placement::MissingVoters>(
      host_groups_.get(), store_.get(), env_.observer, random_.Fork(), std::move(places),
      [this](NodeId n) {
        const Micros heard = n == self_ ? 0 : host_->promises()->HeardAt(n);
        return heard != 0 && env_.executor->MonotonicNow() - heard <= kSilentAfterUs;
      },
      options_.voters);
}

// What this node's replica of a damaged group was: its own descriptor tells, if that is whole.
txn::ReplicaChange Node::KindOfDamaged(GroupId group) const {
  const auto state = tablet::AppliedState::Load(env_.engine, group);
  if (state.ok() && state->initialised()) {
    const paxos::Member* m = tablet::ConfigOf(state->descriptor()).Find(self_);
    if (m == nullptr) return txn::ReplicaChange::kVoter;
    if (!HoldsRows(m->kind)) return txn::ReplicaChange::kWitness;
    return m->kind == paxos::ReplicaKind::kReadOnly ? txn::ReplicaChange::kReadOnly
                                                    : txn::ReplicaChange::kVoter;
  }
  const auto has = [this](const std::vector<NodeId>& nodes) {
    return std::find(nodes.begin(), nodes.end(), self_) != nodes.end();
  };
  if (has(map_.Witnesses(group))) return txn::ReplicaChange::kWitness;
  return has(map_.Readers(group)) && !has(map_.Voters(group)) ? txn::ReplicaChange::kReadOnly
                                                              : txn::ReplicaChange::kVoter;
}

size_t Node::Unrepaired() const {
  return std::max(host_->quarantined().size(), repair_->under_way());
}

Node::~Node() { space_.Stop(); }

void Node::Start() {
  rpc_.Register(rpc::Method::kNodeInfo, [this](Ctx, NodeId, std::string) { return ServeInfo(); });
  admission_.Serve();
  if (admission_.pending() && !options_.sabotage.Is(Sabotage::kAmnesiacVoter)) {
    scope_.Spawn(AskAndWork());
  } else {
    Work();
  }
}

// An empty folder says nothing to any group before the others have noted that it is the first.
Task<void> Node::AskAndWork() {
  const absl::Status admitted = co_await admission_.Ask();
  if (!admitted.ok()) {
    env_.observer->Reached("node.not_admitted");
    env_.on_fatal(admitted);
    co_return;
  }
  Work();
}

void Node::Work() {
  caller_.Serve([this](Ctx ctx, NodeId from, peer::GroupRequest request) {
    return transactions_.Handle(std::move(ctx), from, std::move(request));
  });
  host_->Start();
  space_.Start(host_.get());
  balancer_->Start();
  small_groups_->Start();
  missing_voters_->Start();
  retention_->Start();
  repair_->Start();
}

Task<void> Node::Drain(Micros deadline_us) { co_await host_->Drain(deadline_us); }

// ---- listening to the groups ----

void Node::OnLead(tablet::Group* group) {
  map_.ReportLeader(group->id(), self_);
  transactions_.OnLead(group);
  publisher_->Publish(txn::ToDescriptor(group->descriptor()));
}

void Node::OnStopLeading(tablet::Group* group) { transactions_.OnStopLeading(group); }

void Node::OnApplied(tablet::Group* group, const peer::Command& command) {
  transactions_.OnApplied(group, command);
}

void Node::OnDescriptor(tablet::Group* group) {
  map_.Learn(txn::ToDescriptor(group->descriptor()));
  for (const auto& child : group->state().group_state().children()) {
    map_.Learn(txn::ToDescriptor(child));
  }
  transactions_.OnDescriptor(group);
  if (group->IsServing()) publisher_->Publish(txn::ToDescriptor(group->descriptor()));
}

// ---- what this node tells of itself ----

peer::NodeInfo Node::LocalInfo() {
  peer::NodeInfo info;
  info.set_node(self_.value);
  for (const PeerInfo& p : options_.universe) {
    if (p.id != self_) continue;
    info.set_region(p.region);
    info.set_zone(p.zone);
    info.set_address(p.address);
  }
  auto now = env_.truetime->Now();
  info.mutable_clock()->set_state(now.ok() ? "ok" : std::string(now.status().message()));
  if (now.ok()) {
    info.mutable_clock()->set_earliest_us(now->earliest.us);
    info.mutable_clock()->set_latest_us(now->latest.us);
  }
  FillReplicas(&info);
  FillLocks(&info);
  FillHotRanges(&info);
  if (info_hook_) info_hook_(&info);
  return info;
}

void Node::FillReplicas(peer::NodeInfo* info) {
  const auto now = env_.truetime->Now();
  for (tablet::Group* g : host_->Groups()) {
    peer::ReplicaInfo* r = info->add_replicas();
    auto leading = g->Leading();
    r->set_group(g->id().value);
    r->set_leader(leading.ok());
    r->set_ballot_round(g->replica()->ballot().round);
    r->set_ballot_node(g->replica()->ballot().node.value);
    if (leading.ok()) r->set_lease_end_us(leading->lease_end.us);
    r->set_applied(g->state().index());
    r->set_start(g->range().start);
    r->set_end(g->range().end);
    r->set_last_ts_us(g->state().last_ts().us);
    r->set_initialised(g->initialised());
    r->set_prepared(g->prepared().size());
    r->set_life(g->replica()->id());
    if (const paxos::Member* m = g->replica()->config().Find(self_)) {
      r->set_member(m->id == g->replica()->id());
      r->set_kind(static_cast<uint32_t>(m->kind));
    }
    const bool readable = g->initialised() && !g->state().rowless();
    const absl::StatusOr<Timestamp> safe = readable ? g->SafeFor({g->range()}) : Timestamp();
    if (safe.ok()) {
      r->set_safe_us(safe->us);
      r->set_safe_lag_us(now.ok() ? std::max<Micros>(now->latest.us - safe->us, 0) : -1);
    }
    // A witness's state may be ahead of its log.
    r->set_lag(std::max(g->replica()->chosen_index(), g->state().index()) - g->state().index());
  }
  for (const auto& [id, why] : host_->quarantined()) {
    peer::ReplicaInfo* r = info->add_replicas();
    r->set_group(id.value);
    const std::string progress = repair_->Progress(id);
    r->set_damage(progress.empty() ? why : absl::StrCat(why, "; ", progress));
  }
}

void Node::FillLocks(peer::NodeInfo* info) {
  for (GroupId id : transactions_.Led()) {
    for (const txn::LockInfo& l : transactions_.DescribeLocks(id)) {
      peer::LockInfo* out = info->add_locks();
      out->set_group(id.value);
      out->set_start(l.span.range.start);
      out->set_end(l.span.range.end);
      out->set_exclusive(l.span.mode == txn::LockMode::kExclusive);
      out->set_granted(l.granted);
      out->set_pinned(l.pinned);
      out->set_transaction(ToString(l.attempt));
    }
  }
}

void Node::FillHotRanges(peer::NodeInfo* info) {
  for (GroupId id : transactions_.Led()) {
    const std::optional<txn::HotRange> hot = transactions_.Hot(id);
    if (!hot) continue;
    peer::HotRangeInfo* out = info->add_hot_ranges();
    out->set_group(id.value);
    out->set_prefix(hot->prefix);
    out->set_last_key(hot->last_key);
    out->set_descending(hot->descending);
    out->set_writes_per_s(hot->writes_per_s);
    out->set_share(hot->share);
  }
}

Task<absl::StatusOr<std::string>> Node::ServeInfo() { co_return LocalInfo().SerializeAsString(); }

Task<absl::StatusOr<peer::NodeInfo>> Node::InfoOf(Ctx ctx, NodeId node) {
  if (node == self_) co_return LocalInfo();
  auto answer = co_await rpc_.Call(std::move(ctx), node, rpc::Method::kNodeInfo, "");
  ISO_CO_RETURN_IF_ERROR(answer.status());
  peer::NodeInfo info;
  if (!info.ParseFromString(*answer)) {
    co_return absl::InternalError(absl::StrCat("node ", node.value, " sent what cannot be read"));
  }
  co_return info;
}

}  // namespace isochron::server
