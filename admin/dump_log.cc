// SPDX-License-Identifier: Apache-2.0
#include "admin/dump_log.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "admin/command_summary.h"
#include "admin/overlay_disk.h"
#include "common/coding.h"
#include "common/status_macros.h"
#include "paxos/log/format.h"
#include "paxos/log/scan.h"
#include "paxos/log/segment_name.h"

namespace isochron::admin {
namespace {

namespace format = paxos::format;
using Json = nlohmann::ordered_json;

constexpr char kFolder[] = "log";

class Dump {
 public:
  Dump(OverlayDisk* disk, std::optional<GroupId> group, Report* report)
      : disk_(disk), group_(group), report_(report) {}

  absl::Status Run() {
    ISO_ASSIGN_OR_RETURN(const std::vector<std::string> names, disk_->List(kFolder));
    std::vector<uint64_t> sequences;
    for (const std::string& name : names) {
      if (auto s = paxos::SegmentSequence(name)) sequences.push_back(*s);
    }
    std::sort(sequences.begin(), sequences.end());
    if (sequences.empty()) return absl::NotFoundError("there is no log segment in it");
    for (uint64_t s : sequences) ISO_RETURN_IF_ERROR(ReadHeader(s));
    for (size_t i = 0; i < sequences.size(); ++i) {
      if (i > 0 && sequences[i] != sequences[i - 1] + 1) {
        const std::string path = paxos::SegmentPath(kFolder, sequences[i - 1] + 1);
        report_->Finding({{"file", path}}, absl::StrCat(path, ": missing"));
      }
      ISO_RETURN_IF_ERROR(Segment(sequences[i], i + 1 == sequences.size()));
    }
    return absl::OkStatus();
  }

 private:
  absl::Status ReadHeader(uint64_t sequence) {
    ISO_ASSIGN_OR_RETURN(const std::string data,
                         disk_->Read(paxos::SegmentPath(kFolder, sequence)));
    format::SegmentHeader header;
    if (format::Decode(data, &header) && header.sequence == sequence) headers_[sequence] = header;
    return absl::OkStatus();
  }

  bool Wanted(GroupId group) const { return !group_ || *group_ == group; }

  void Damaged(const std::string& path, uint64_t offset, absl::string_view what,
               std::optional<GroupId> group) {
    Json j = {{"file", path}, {"offset", offset}, {"what", std::string(what)}};
    if (group) j["group"] = group->value;
    report_->Finding(std::move(j), absl::StrCat(path, ": DAMAGE at offset ", offset, ": ", what));
  }

  absl::Status Segment(uint64_t sequence, bool last) {
    const std::string path = paxos::SegmentPath(kFolder, sequence);
    ISO_ASSIGN_OR_RETURN(const std::string data, disk_->Read(path));
    auto own = headers_.find(sequence);
    if (own == headers_.end()) {
      Damaged(path, 0, "segment header", std::nullopt);
    } else {
      const format::SegmentHeader& h = own->second;
      report_->Line({{"kind", "segment"},
                     {"file", path},
                     {"sequence", sequence},
                     {"format", h.version},
                     {"previous_end", h.previous_end},
                     {"bytes", data.size()}},
                    absl::StrCat(path, ": segment ", sequence, ", format ", h.version,
                                 ", previous end ", h.previous_end, ", ", data.size(), " bytes"));
    }
    auto next = headers_.find(sequence + 1);
    std::optional<uint64_t> sealed;
    if (!last && next != headers_.end()) sealed = next->second.previous_end;
    Batches(sequence, path, data, sealed);
    return absl::OkStatus();
  }

  void Batches(uint64_t sequence, const std::string& path, const std::string& data,
               std::optional<uint64_t> sealed) {
    uint64_t at = format::kBlock;
    while (at < sealed.value_or(data.size())) {
      const format::ScannedBatch batch = format::ScanBatch(data, sequence, at);
      if (batch.header_whole) {
        Batch(path, batch);
        if (!batch.whole()) WholeOrTorn(sequence, path, data, sealed, batch);
        at = batch.end;
        continue;
      }
      if (!WholeOrTorn(sequence, path, data, sealed, batch)) break;
      // The next batch that can be found.
      for (at += format::kBlock; at < data.size(); at += format::kBlock) {
        format::BatchHeader header;
        if (format::Decode(absl::string_view(data).substr(at), sequence, at, &header)) break;
      }
    }
    report_->Line(
        {{"kind", "end"}, {"file", path}, {"offset", std::min<uint64_t>(at, data.size())}},
        absl::StrCat("  end at ", std::min<uint64_t>(at, data.size())));
  }

  // Says what is wrong with `batch`. False when nothing is: the log ends here, or a write was torn.
  bool WholeOrTorn(uint64_t sequence, const std::string& path, absl::string_view data,
                   std::optional<uint64_t> sealed, const format::ScannedBatch& batch) {
    const absl::string_view block = data.substr(batch.offset, format::kBlock);
    const bool synced = sealed || format::SyncedBeyond(data, sequence, batch.offset).has_value();
    if (!synced && block.find_first_not_of('\0') == block.npos) return false;
    if (!synced && format::LooksTorn(data.substr(batch.offset), sequence, batch.offset)) {
      report_->Line({{"kind", "torn"}, {"file", path}, {"offset", batch.offset}},
                    absl::StrCat("  torn write at ", batch.offset, ", never acknowledged"));
      return false;
    }
    std::optional<GroupId> group;
    for (const auto& r : batch.records) {
      if (!r.whole && !group) group = r.header.group;
    }
    Damaged(path, batch.DamagedAt(), batch.Damage(), group);
    return true;
  }

  void Batch(const std::string& path, const format::ScannedBatch& batch) {
    report_->Line(
        {{"kind", "batch"},
         {"file", path},
         {"offset", batch.offset},
         {"records", batch.header.records},
         {"bytes", batch.header.bytes},
         {"synced", batch.header.synced},
         {"whole", batch.whole()}},
        absl::StrCat("  batch at ", batch.offset, ": ", batch.header.records, " records, ",
                     batch.header.bytes, " bytes, synced below ", batch.header.synced));
    for (const format::ScannedRecord& r : batch.records) {
      if (Wanted(r.header.group)) Record(path, r);
    }
  }

  void Record(const std::string& path, const format::ScannedRecord& r) {
    Json j = {{"kind", "record"},        {"file", path},
              {"offset", r.offset},      {"group", r.header.group.value},
              {"bytes", r.header.bytes}, {"checksum", r.whole ? "good" : "bad"}};
    std::string text = absl::StrCat("    ", r.offset, "  ", ToString(r.header.group), "  ");
    switch (r.header.type) {
      case format::RecordType::kEntries:
        j["type"] = "entries";
        j["first"] = r.header.first;
        j["count"] = r.header.count;
        absl::StrAppend(&text, "entries ", r.header.first, "..",
                        r.header.first + r.header.count - 1);
        break;
      case format::RecordType::kHardState: {
        j["type"] = "hard state";
        paxos::HardState s;
        const bool good = r.whole && format::DecodeHardState(r.body, &s);
        if (good) {
          j["promised"] = ToString(s.promised);
          j["holder"] = s.holder.value;
          j["holder_incarnation"] = s.holder_incarnation;
          j["chosen"] = s.chosen;
        }
        absl::StrAppend(
            &text, "hard state",
            good ? absl::StrCat("  promised ", ToString(s.promised), " holder ", s.holder.value,
                                "/", s.holder_incarnation, " chosen ", s.chosen)
                 : "");
        break;
      }
      case format::RecordType::kMark: {
        j["type"] = "mark";
        paxos::LogMark m;
        const bool good = r.whole && format::DecodeMark(r.body, &m);
        if (good) {
          j["index"] = m.index;
          j["origin"] = ToString(m.origin);
        }
        absl::StrAppend(
            &text, "mark",
            good ? absl::StrCat("  truncated to ", m.index, " origin ", ToString(m.origin)) : "");
        break;
      }
      case format::RecordType::kRemoved:
        j["type"] = "removed";
        absl::StrAppend(&text, "removed");
        break;
      default:
        j["type"] = static_cast<int>(r.header.type);
        absl::StrAppend(&text, "record of type ", static_cast<int>(r.header.type));
    }
    absl::StrAppend(&text, "  ", r.header.bytes, " bytes", r.whole ? "" : "  BAD CHECKSUM");
    if (r.whole && r.header.type == format::RecordType::kEntries) {
      Entries(r, &j, &text);
    }
    report_->Line(j, text);
  }

  static void Entries(const format::ScannedRecord& r, Json* j, std::string* text) {
    absl::string_view body = r.body;
    (*j)["entries"] = Json::array();
    for (uint32_t i = 0; i < r.header.count; ++i) {
      uint32_t length = 0;
      paxos::Entry e;
      Reader reader(body);
      if (!reader.Fixed32(&length) || length > reader.rest().size() ||
          !format::DecodeEntry(reader.rest().substr(0, length), &e)) {
        absl::StrAppend(text, "\n      ", r.header.first + i, "  cannot be read");
        return;
      }
      const std::string what = e.payload                           ? SummarizeCommand(*e.payload)
                               : e.kind == paxos::EntryKind::kNoop ? "no-op"
                                                                   : "other";
      (*j)["entries"].push_back({{"index", r.header.first + i},
                                 {"ballot", ToString(e.ballot)},
                                 {"origin", ToString(e.origin)},
                                 {"kind", static_cast<int>(e.kind)},
                                 {"bytes", length},
                                 {"command", what}});
      absl::StrAppend(text, "\n      ", r.header.first + i, "  ballot ", ToString(e.ballot),
                      " origin ", ToString(e.origin), "  ", length, " bytes  ", what);
      body.remove_prefix(4 + length);
    }
  }

  OverlayDisk* const disk_;
  const std::optional<GroupId> group_;
  Report* const report_;
  std::map<uint64_t, format::SegmentHeader> headers_;
};

}  // namespace

absl::Status DumpLog(const std::string& data, std::optional<GroupId> group, Report* report) {
  OverlayDisk disk(data);
  return Dump(&disk, group, report).Run();
}

}  // namespace isochron::admin
