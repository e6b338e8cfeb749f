// SPDX-License-Identifier: Apache-2.0
#include "bench/stats.h"

#include <bit>

namespace isochron::bench {

size_t Histogram::BucketOf(int64_t us) {
  const auto v = static_cast<uint64_t>(std::max<int64_t>(us, 0));
  if (v < kSub) return v;
  // The leading bit chooses a row of sixteen, the next four bits the bucket in it.
  const int shift = std::bit_width(v) - 5;
  return static_cast<size_t>(shift + 1) * kSub + ((v >> shift) & (kSub - 1));
}

int64_t Histogram::UpperBound(size_t bucket) {
  if (bucket < kSub) return static_cast<int64_t>(bucket);
  const size_t shift = bucket / kSub - 1;
  return static_cast<int64_t>(((kSub + bucket % kSub + 1) << shift) - 1);
}

void Histogram::Add(int64_t us) {
  const size_t b = BucketOf(us);
  if (b >= buckets_.size()) buckets_.resize(b + 1);
  ++buckets_[b];
  ++count_;
  sum_us_ += us;
}

void Histogram::Add(const Histogram& o) {
  if (o.buckets_.size() > buckets_.size()) buckets_.resize(o.buckets_.size());
  for (size_t i = 0; i < o.buckets_.size(); ++i) buckets_[i] += o.buckets_[i];
  count_ += o.count_;
  sum_us_ += o.sum_us_;
}

double Histogram::MeanMs() const {
  return count_ == 0 ? 0 : static_cast<double>(sum_us_) / static_cast<double>(count_) / 1000;
}

double Histogram::PercentileMs(double p) const {
  const auto wanted = static_cast<int64_t>(p / 100 * static_cast<double>(count_) + 0.5);
  int64_t seen = 0;
  for (size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen > 0 && seen >= wanted) return static_cast<double>(UpperBound(i)) / 1000;
  }
  return 0;
}

void Stats::Succeeded(int64_t began_us, int64_t now_us, const client::Latency& l) {
  latency.Add(now_us - began_us);
  if (last_success_us != 0) longest_gap_us = std::max(longest_gap_us, now_us - last_success_us);
  last_success_us = now_us;
  account.queue += l.queue;
  account.lock_wait += l.lock_wait;
  account.paxos += l.paxos;
  account.two_pc += l.two_pc;
  account.commit_wait_hidden += l.commit_wait_hidden;
  account.commit_wait_exposed += l.commit_wait_exposed;
}

void Stats::Failed(const absl::Status& status) {
  if (absl::IsUnknown(status)) {
    ++unknown;
  } else {
    ++errors;
  }
  const std::string kind(status.message().substr(0, 80));
  if (error_kinds.size() < 20 || error_kinds.contains(kind)) ++error_kinds[kind];
}

void Stats::Add(const Stats& o) {
  latency.Add(o.latency);
  since_due.Add(o.since_due);
  aborts += o.aborts;
  errors += o.errors;
  unknown += o.unknown;
  multi_group += o.multi_group;
  account.queue += o.account.queue;
  account.lock_wait += o.account.lock_wait;
  account.paxos += o.account.paxos;
  account.two_pc += o.account.two_pc;
  account.commit_wait_hidden += o.account.commit_wait_hidden;
  account.commit_wait_exposed += o.account.commit_wait_exposed;
  for (const auto& [kind, n] : o.error_kinds) error_kinds[kind] += n;
  longest_gap_us = std::max(longest_gap_us, o.longest_gap_us);
}

namespace {

std::vector<int64_t> Growths(const Counters& before, const Counters& after,
                             const std::string& name) {
  std::vector<int64_t> growths;
  auto now = after.find(name);
  if (now == after.end()) return growths;
  for (const auto& [node, value] : now->second) {
    int64_t was = 0;
    if (auto b = before.find(name); b != before.end()) {
      if (auto n = b->second.find(node); n != b->second.end()) was = n->second;
    }
    // A node that was started anew counts from zero.
    growths.push_back(value >= was ? value - was : value);
  }
  return growths;
}

}  // namespace

int64_t Growth(const Counters& before, const Counters& after, const std::string& name) {
  int64_t sum = 0;
  for (int64_t g : Growths(before, after, name)) sum += g;
  return sum;
}

int64_t GreatestGrowth(const Counters& before, const Counters& after, const std::string& name) {
  int64_t most = 0;
  for (int64_t g : Growths(before, after, name)) most = std::max(most, g);
  return most;
}

}  // namespace isochron::bench
