// SPDX-License-Identifier: Apache-2.0
//
// The examples of docs/internals/data_files.md are what the code writes.

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "admin/overlay_disk.h"
#include "common/crc32c.h"
#include "paxos/lease/incarnation.h"
#include "paxos/log/format.h"
#include "server/runtime/tcp_frame.h"
#include "storage/engine/mem_engine.h"
#include "storage/mvcc/mvcc.h"
#include "storage/mvcc/version_key.h"
#include "tablet/group/applied_state.h"

namespace isochron {
namespace {

namespace format = paxos::format;

// Name -> bytes, of all ```hex blocks. A line is hexadecimal up to the first two spaces.
std::map<std::string, std::string> Examples() {
  std::ifstream in("docs/internals/data_files.md");
  std::map<std::string, std::string> examples;
  std::string line;
  std::string name;
  while (std::getline(in, line)) {
    if (absl::StartsWith(line, "```")) {
      name = absl::StartsWith(line, "```hex ") ? line.substr(7) : "";
    } else if (!name.empty()) {
      const std::string hex = line.substr(0, line.find("  "));
      for (absl::string_view byte : absl::StrSplit(hex, ' ', absl::SkipEmpty())) {
        examples[name] += absl::HexStringToBytes(byte);
      }
    }
  }
  return examples;
}

std::string Record(format::RecordType type, uint64_t first, uint32_t count,
                   const std::string& body) {
  return format::Encode(format::RecordHeader{type, GroupId(5), first, count,
                                             static_cast<uint32_t>(body.size()), Crc32c(body)}) +
         body;
}

std::map<std::string, std::string> Written() {
  std::map<std::string, std::string> out;
  const Ballot ballot{3, NodeId(2)};
  out["segment-header"] = format::Encode(format::SegmentHeader{2, 2, 5120}).substr(0, 32);
  out["head"] = format::Encode(format::Head{3, 7});
  std::string entry;
  format::AppendEntry(paxos::Entry{11, ballot, ballot, paxos::EntryKind::kCommand,
                                   std::make_shared<const std::string>("\x0a\x00", 2)},
                      &entry);
  out["record-entries"] = Record(format::RecordType::kEntries, 11, 1, entry);
  out["record-hard-state"] =
      Record(format::RecordType::kHardState, 0, 0,
             format::EncodeHardState(paxos::HardState{ballot, NodeId(2), 4, 10}));
  out["record-mark"] =
      Record(format::RecordType::kMark, 0, 0, format::EncodeMark(paxos::LogMark{14, ballot}));
  std::string batch = std::string(format::kBatchHeaderBytes, '\0') + out["record-mark"];
  format::BatchHeader header{1, 512, 512, static_cast<uint32_t>(out["record-mark"].size()), 1, 0};
  batch.resize(format::RoundUp(batch.size()));
  header.zero_tail = format::ZeroTail(batch);
  out["batch-header"] = format::Encode(header);

  admin::OverlayDisk disk(testing::TempDir() + "/nothing");
  EXPECT_TRUE(paxos::RaiseIncarnation(&disk, "incarnation", 1).ok());
  out["incarnation"] = *disk.Read("incarnation");

  const Timestamp t(1'700'000'000'000'000);
  const std::string key("\x01\x07\x00\x4a\x01\x2c", 6);
  out["version-key"] = storage::VersionKey(key, t);
  storage::MemEngine engine;
  storage::WriteBatch rows;
  storage::MvccStore::PutVersion(&rows, key, t, "v");
  peer::GroupSnapshotHeader group;
  group.set_index(14);
  group.set_ballot_round(ballot.round);
  group.set_ballot_node(ballot.node.value);
  group.mutable_state()->mutable_group_descriptor()->set_group(5);
  group.mutable_state()->set_last_ts_us(t.us);
  tablet::AppliedState::FromSnapshot(group).SaveAll(&rows);
  EXPECT_TRUE(engine.Write(std::move(rows)).ok());
  EXPECT_TRUE(*engine.Get(out["version-key"], &out["version-value"], nullptr));
  out["applied-key"] = tablet::MetaPrefix(GroupId(5)) + "a";
  EXPECT_TRUE(*engine.Get(out["applied-key"], &out["applied-value"], nullptr));

  std::string& frame = out["peer-frame"];
  const size_t begin = runtime::BeginFrame(&frame);
  runtime::AppendMessage(&frame, Channel::kPaxos, "hi");
  runtime::FinishFrame(&frame, begin, runtime::kFrameMagic);
  return out;
}

TEST(DataFiles, ExamplesAreWhatIsWritten) {
  const std::map<std::string, std::string> examples = Examples();
  const std::map<std::string, std::string> written = Written();
  EXPECT_EQ(examples.size(), written.size());
  for (const auto& [name, bytes] : written) {
    ASSERT_TRUE(examples.contains(name)) << name;
    EXPECT_EQ(absl::BytesToHexString(examples.at(name)), absl::BytesToHexString(bytes)) << name;
  }
}

}  // namespace
}  // namespace isochron
