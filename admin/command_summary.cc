// SPDX-License-Identifier: Apache-2.0
#include "admin/command_summary.h"

#include "absl/strings/str_cat.h"
#include "admin/report.h"
#include "proto/peer.pb.h"

namespace isochron::admin {
namespace {

std::string Txn(const peer::TxnRef& t) {
  return absl::StrCat("txn ", t.start_us(), ".", t.gateway(), ".", t.incarnation(), ".",
                      t.sequence(), "#", t.attempt());
}

}  // namespace

std::string SummarizeCommand(absl::string_view payload) {
  peer::Command command;
  if (!command.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    return "not a command";
  }
  switch (command.kind_case()) {
    case peer::Command::kCommitOneRound: {
      const auto& c = command.commit_one_round();
      return absl::StrCat("commit ", Txn(c.txn()), " at ", c.s(), ", ", c.writes_size(), " writes");
    }
    case peer::Command::kPrepare: {
      const auto& p = command.prepare();
      return absl::StrCat("prepare ", Txn(p.txn()), " at ", p.s_prepare(), " for group ",
                          p.coordinator(), ", ", p.writes_size(), " writes, ", p.locks_size(),
                          " locks");
    }
    case peer::Command::kDecide: {
      const auto& d = command.decide();
      return absl::StrCat("decide ", Txn(d.txn()), d.commit() ? " commit at " : " abort",
                          d.commit() ? absl::StrCat(d.s()) : "", ", ", d.writes_size(), " writes, ",
                          d.participants_size(), " participants");
    }
    case peer::Command::kOutcome: {
      const auto& o = command.outcome();
      return absl::StrCat("outcome ", Txn(o.txn()), o.commit() ? " commit at " : " abort",
                          o.commit() ? absl::StrCat(o.s()) : "");
    }
    case peer::Command::kForget:
      return absl::StrCat("forget ", command.forget().txns_size(), " decisions");
    case peer::Command::kSplit:
      return absl::StrCat("split at \"", Printable(command.split().key()), "\" into group ",
                          command.split().new_group(), " at ", command.split().s());
    case peer::Command::kSetHorizon:
      return absl::StrCat("horizon ", command.set_horizon().horizon_us());
    case peer::Command::kFreeze:
      return absl::StrCat(command.freeze().thaw() ? "thaw" : "freeze", " for group ",
                          command.freeze().owner());
    case peer::Command::kMerge:
      return absl::StrCat("merge of group ", command.merge().right().group(), " at ",
                          command.merge().s());
    default:
      return "a command of another version";
  }
}

}  // namespace isochron::admin
