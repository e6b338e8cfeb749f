// SPDX-License-Identifier: Apache-2.0
#include "common/sabotage.h"

#include "absl/base/macros.h"

namespace isochron {
namespace {

constexpr absl::string_view kNames[] = {
    "none",
    "clock-lies-forward",
    "clock-lies-back",
    "clockless-gateway",
    "lease-from-receipt",
    "forget-vote",
    "cached-lease-check",
    "resume-own-lease",
    "transfer-without-smax",
    "start-from-earliest",
    "no-commit-wait",
    "no-follower-gate",
    "skip-wait-after-failover",
    "commit-below-prepare",
    "ignore-prepared",
    "lastts-ignores-2pc",
    "fastpath-ignores-reads",
    "ack-before-sync",
    "truncate-at-memtable",
    "truncate-any-bad-record",
    "drop-prepared-locks",
    "epoch-only-check",
    "volatile-presumed-abort",
    "no-dedupe-one-round",
    "abort-on-notleader",
    "forget-served-read",
    "no-wound-forward",
    "fifo-queue",
    "serve-before-recovered",
    "release-ignores-attempt",
    "no-gap-locks",
    "promise-without-index",
    "volatile-horizon",
    "drop-tombstone",
    "amnesiac-voter",
    "overlapping-changes",
    "witness-truncates-early",
    "snapshot-without-prepared",
    "split-drops-prepared",
    "merge-without-smax",
    "renegotiate-mid-read",
    "forget-finished",
    "read-vote-unbounded",
    "no-sync-on-open",
    "unheard-retention",
    "unbounded-elections",
    "unregistered-group",
    "backfill-overwrites-delete",
    "foreign-key-unlocked",
    "skip-locked-unchecked",
    "advisory-renews-late",
    "fence-at-once",
    "deferred-forgotten",
    "schema-unheld",
    "missing-schema-remembered",
    "young-fence",
    "snapshot-before-member",
};
static_assert(ABSL_ARRAYSIZE(kNames) == static_cast<size_t>(Sabotage::kCount));

}  // namespace

absl::string_view SabotageName(Sabotage s) { return kNames[static_cast<int>(s)]; }

std::optional<Sabotage> SabotageFromName(absl::string_view name) {
  for (int i = 1; i < static_cast<int>(Sabotage::kCount); ++i) {
    if (kNames[i] == name) return static_cast<Sabotage>(i);
  }
  return std::nullopt;
}

std::vector<Sabotage> AllSabotages() {
  std::vector<Sabotage> all;
  for (int i = 1; i < static_cast<int>(Sabotage::kCount); ++i) {
    all.push_back(static_cast<Sabotage>(i));
  }
  return all;
}

}  // namespace isochron
