// SPDX-License-Identifier: Apache-2.0
#include "txn/service/tablet_access.h"

#include <utility>

#include "common/status_macros.h"
#include "storage/mvcc/mvcc.h"
#include "txn/api/reasons.h"

namespace isochron::txn {
namespace {

constexpr uint64_t kMaxKeysExamined = 50'000;  // a page of a scan over tombstones ends, too

bool IsPoint(const KeyRange& span) {
  return span.end.size() == span.start.size() + 1 && span.end.back() == '\0' &&
         span.end.compare(0, span.start.size(), span.start) == 0;
}

class RunRows : public storage::RowVisitor {
 public:
  explicit RunRows(ScanRun* run) : run_(run) {}
  absl::StatusOr<bool> OnRow(absl::string_view key, absl::string_view value) override {
    return run_->Add(key, value);
  }

 private:
  ScanRun* const run_;
};

KeyRange Rest(const KeyRange& span, const std::string& resume_key, bool reverse) {
  return reverse ? KeyRange{span.start, resume_key} : KeyRange{resume_key, span.end};
}

absl::Status CheckRead(const tablet::Group& group, const KeyRange& span, Timestamp t) {
  ISO_RETURN_IF_ERROR(group.CheckUncovered(span));
  const absl::Status kept = group.CheckHorizon(t);
  return kept.ok() ? kept : VersionsGone(kept.message());
}

}  // namespace

std::vector<peer::GroupDescriptor> TabletAccess::children() const {
  const auto& children = group_->state().group_state().children();
  return {children.begin(), children.end()};
}

absl::StatusOr<Leadership> TabletAccess::Leading() {
  ISO_ASSIGN_OR_RETURN(tablet::LeaderView view, group_->Leading());
  return Leadership{view.lease_end, view.now};
}

absl::StatusOr<Proposed> TabletAccess::Propose(peer::Command command, Timestamp min_s,
                                               Timestamp s_max) {
  ISO_ASSIGN_OR_RETURN(tablet::Proposal p, group_->Propose(std::move(command), min_s, s_max));
  return Proposed{p.s, p.applied};
}

Task<absl::StatusOr<Timestamp>> TabletAccess::WaitReadable(Ctx ctx, std::vector<KeyRange> spans,
                                                           Timestamp t) {
  return group_->WaitReadable(std::move(ctx), std::move(spans), t);
}

Task<absl::Status> TabletAccess::WaitAfter(Ctx ctx, Timestamp t) {
  return group_->WaitAfter(std::move(ctx), t);
}

Timestamp TabletAccess::HoldLeadershipUntil(Timestamp t) { return group_->HoldLeadershipUntil(t); }

absl::StatusOr<ReadPage> TabletAccess::Read(const KeyRange& span, Timestamp t, ReadLimits limits) {
  ReadPage page;
  if (IsPoint(span)) {
    ISO_ASSIGN_OR_RETURN(storage::ReadResult r, group_->store()->Get(span.start, t));
    ISO_RETURN_IF_ERROR(CheckRead(*group_, span, t));
    page.max_version = r.version;
    if (r.value) {
      page.rows.emplace_back();
      page.rows.back().set_key(span.start);
      page.rows.back().set_value(*std::move(r.value));
    }
    return page;
  }
  storage::ScanOptions options;
  options.limit_rows = limits.rows;
  options.limit_bytes = limits.bytes;
  options.limit_examined = kMaxKeysExamined;
  options.reverse = limits.reverse;
  ISO_ASSIGN_OR_RETURN(storage::ScanResult scan, group_->store()->Scan(span, t, options));
  ISO_RETURN_IF_ERROR(CheckRead(*group_, span, t));
  page.max_version = scan.max_version_examined;
  page.rows.reserve(scan.rows.size());
  for (storage::Row& row : scan.rows) {
    page.rows.emplace_back();
    page.rows.back().set_key(std::move(row.key));
    page.rows.back().set_value(std::move(row.value));
  }
  if (scan.resume_key) page.rest = Rest(span, *scan.resume_key, limits.reverse);
  return page;
}

absl::StatusOr<RunPage> TabletAccess::Run(const KeyRange& span, Timestamp t, ReadLimits limits,
                                          ScanRun* run) {
  storage::ScanOptions options;
  options.limit_rows = limits.rows;
  options.limit_examined = kMaxKeysExamined;
  options.reverse = limits.reverse;
  RunRows visitor(run);
  ISO_ASSIGN_OR_RETURN(storage::ScanResult scan,
                       group_->store()->Visit(span, t, options, &visitor));
  ISO_RETURN_IF_ERROR(CheckRead(*group_, span, t));
  RunPage page;
  page.max_version = scan.max_version_examined;
  if (scan.resume_key) page.rest = Rest(span, *scan.resume_key, limits.reverse);
  return page;
}

}  // namespace isochron::txn
