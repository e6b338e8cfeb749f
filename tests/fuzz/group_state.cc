// SPDX-License-Identifier: Apache-2.0
//
// A group's durable state: the store's metadata rows, stored versions, pieces of snapshots on their
// way, and the descriptors that nodes tell each other.
#include "common/check.h"
#include "common/coding.h"
#include "common/crc32c.h"
#include "placement/tablet_map.h"
#include "sql/testing/fake_universe.h"
#include "storage/engine/key_space.h"
#include "storage/engine/mem_engine.h"
#include "storage/mvcc/mvcc.h"
#include "storage/mvcc/version_key.h"
#include "tablet/group/applied_state.h"
#include "tablet/group/convert.h"
#include "tablet/group/membership.h"
#include "tablet/group/salvage.h"
#include "tablet/group/snapshot_transfer.h"
#include "tests/fuzz/target.h"
#include "txn/api/descriptor.h"

namespace isochron::fuzz {
namespace {

using storage::MemEngine;
using storage::MvccStore;
using storage::WriteBatch;
using tablet::AppliedState;

bool IsDamage(const absl::Status& status) {
  return absl::IsDataLoss(status) || absl::IsNotFound(status);
}

// A group that can be loaded is loaded again as it was saved.
void CheckGroup(MemEngine* engine, GroupId id) {
  auto state = AppliedState::Load(engine, id);
  if (!state.ok()) {
    ISO_CHECK(IsDamage(state.status()), "what cannot be loaded is damaged");
    return;
  }
  ISO_CHECK(state->id() == id, "a group is loaded under its number");
  (void)tablet::ConfigOf(state->descriptor());
  MemEngine copy;
  WriteBatch batch;
  state->SaveAll(&batch);
  ISO_CHECK(copy.Write(std::move(batch)).ok(), "the engine works");
  auto again = AppliedState::Load(&copy, id);
  ISO_CHECK(again.ok() && again->index() == state->index() &&
                again->prepared().size() == state->prepared().size() &&
                again->decisions().size() == state->decisions().size(),
            "a state is loaded as it was saved");
}

void CheckStore(Input in) {
  MemEngine engine;
  WriteBatch batch;
  while (!in.empty()) {
    const uint8_t group = in.Byte();
    // The greatest group has no next one.
    const GroupId id(group == 0xff ? ~uint64_t{0} : group % 4);
    std::string key = group == 0xfe ? storage::MetaKey("g") : tablet::MetaPrefix(id);
    key += std::string(in.Raw(in.Byte() % 64));
    batch.Put(key, in.Piece());
  }
  ISO_CHECK(engine.Write(std::move(batch)).ok(), "the engine works");
  auto groups = AppliedState::ListGroups(&engine);
  if (!groups.ok()) {
    ISO_CHECK(IsDamage(groups.status()), "what cannot be listed is damaged");
    return;
  }
  for (GroupId g : *groups) CheckGroup(&engine, g);
  auto hurt = tablet::FindHurtGroups(&engine);
  if (!hurt.ok()) return;
  MemEngine salvaged;
  ISO_CHECK(tablet::Salvage(&engine, *hurt, &salvaged).ok(), "what is whole is saved");
  auto left = tablet::FindHurtGroups(&salvaged);
  ISO_CHECK(left.ok() && left->size() == hurt->size(), "what is hurt stays known");
}

// Reads everything in every way; only damage is an error.
void ReadAll(MemEngine* engine, const KeyRange& range, absl::string_view key) {
  MvccStore store(engine);
  const Timestamp t(5);
  auto ok = [](const absl::Status& s) {
    ISO_CHECK(s.ok() || IsDamage(s), "what cannot be read is damaged");
    return s.ok();
  };
  (void)ok(store.Get(key, t).status());
  (void)ok(store.NewestVersion(key).status());
  (void)ok(store.MiddleKey(range).status());
  (void)ok(store.Digest(range, t).status());
  for (bool reverse : {false, true}) {
    storage::ScanOptions options;
    options.limit_rows = 2;
    options.reverse = reverse;
    KeyRange left = range;
    for (int pages = 0; pages < 8 && !left.Empty(); ++pages) {
      auto page = store.Scan(left, t, options);
      if (!ok(page.status()) || !page->resume_key) break;
      (reverse ? left.end : left.start) = *page->resume_key;
    }
  }
  std::string cursor;
  for (int steps = 0; steps < 8; ++steps) {
    WriteBatch batch;
    auto step = store.CollectGarbage(range, cursor, {.horizon = t, .max_examined = 3}, &batch);
    if (!ok(step.status()) || !engine->Write(std::move(batch)).ok() || !step->next) break;
    cursor = *step->next;
  }
}

void CheckVersions(Input in) {
  MemEngine engine;
  WriteBatch batch;
  std::string last;
  for (int i = 0; i < 32 && !in.empty(); ++i) {
    const uint8_t kind = in.Byte();
    const absl::string_view key = in.Raw(kind % 8);
    last = std::string(key);
    if ((kind & 0x80) != 0) {
      batch.Put(std::string("d") + std::string(key), in.Raw(in.Byte() % 16));
    } else {
      batch.Put(storage::VersionKey(key, Timestamp(in.Byte() % 16)), in.Raw(in.Byte() % 16));
    }
  }
  ISO_CHECK(engine.Write(std::move(batch)).ok(), "the engine works");
  const KeyRange range{std::string(in.Raw(2)), std::string(in.Raw(2))};
  ReadAll(&engine, range, last);
  MvccStore store(&engine);
  auto chunk = store.ExportChunk(range, "", 64);
  WriteBatch imported;
  if (chunk.ok()) (void)MvccStore::ImportChunk(&imported, range, chunk->bytes);
}

// Installs as GroupHost does, short of the log.
class Target final : public tablet::SnapshotTarget {
 public:
  absl::Status InstallSnapshot(const peer::GroupSnapshotHeader& header,
                               std::vector<std::string> chunks) override {
    const KeyRange range = tablet::FromProto(header.state().group_descriptor().range());
    WriteBatch batch;
    MvccStore::ClearRange(&batch, range);
    for (const std::string& chunk : chunks) {
      if (absl::Status s = MvccStore::ImportChunk(&batch, range, chunk); !s.ok()) return s;
    }
    AppliedState state = AppliedState::FromSnapshot(header);
    state.SaveAll(&batch);
    MemEngine engine;
    ISO_CHECK(engine.Write(std::move(batch)).ok(), "the engine works");
    CheckGroup(&engine, state.id());
    MvccStore store(&engine);
    ISO_CHECK(store.Scan(range, Timestamp::Max(), {}).ok(), "rows that were taken in can be read");
    return absl::OkStatus();
  }
};

void CheckSnapshot(Input in) {
  sql::testing::FakeExecutor executor;
  Target target;
  tablet::SnapshotReceiver receiver(&target, &executor);
  size_t given = 0;
  while (!in.empty()) {
    const uint8_t how = in.Byte();
    const absl::string_view bytes = in.Piece();
    std::string piece(bytes);
    peer::SnapshotPiece parsed;
    // With a right checksum around its chunk.
    if ((how & 1) != 0 && parsed.ParseFromString(piece)) {
      Writer(parsed.mutable_chunk()).Fixed32(Crc32c(parsed.chunk()));
      piece = parsed.SerializeAsString();
    }
    given += piece.size();
    (void)receiver.OnPiece(NodeId(1 + (how >> 1 & 1)), piece);
    ISO_CHECK(receiver.bytes() <= 2 * given, "what is kept was given");
    if ((how & 4) != 0) executor.Advance(tablet::kSnapshotIdleUs / 2);
  }
}

void CheckMap(Input in) {
  sql::testing::FakeExecutor executor;
  GroupDescriptor all;
  all.group = GroupId(1);
  placement::TabletMap map(&executor, {all});
  while (!in.empty()) {
    peer::GroupDescriptor d;
    const absl::string_view bytes = in.Piece();
    if (bytes.empty()) {
      d.set_group(in.Byte() % 8);
      d.mutable_range()->set_start(std::string(in.Raw(1)));
      d.mutable_range()->set_end(std::string(in.Raw(1)));
      d.set_generation(in.Byte() % 8);
    } else if (!d.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      continue;
    }
    map.Learn(txn::ToDescriptor(d));
    (void)map.Find(d.range().start());
    (void)map.FindBefore(d.range().end());
    (void)map.Readers(GroupId(d.group()));
  }
  (void)map.Entries();
}

peer::GroupSnapshotHeader SeedHeader() {
  peer::GroupSnapshotHeader header;
  header.set_index(20);
  header.set_ballot_round(3);
  header.set_ballot_node(1);
  auto* state = header.mutable_state();
  state->set_last_ts_us(9);
  state->set_format_version(1);
  auto* d = state->mutable_group_descriptor();
  d->set_group(3);
  d->mutable_range()->set_start("a");
  d->mutable_range()->set_end("c");
  d->add_voters(1);
  auto* prepare = header.add_prepared();
  prepare->mutable_txn()->set_start_us(5);
  prepare->set_s_prepare(6);
  auto* write = prepare->add_writes();
  write->set_key("b");
  write->set_value("v");
  header.add_decisions()->mutable_txn()->set_start_us(7);
  auto* finished = header.mutable_finished()->add_attempts();
  finished->mutable_txn()->set_start_us(8);
  finished->set_commit(true);
  finished->set_s(9);
  return header;
}

// The bytes of a literal, NULs too, without the one that ends it.
template <size_t N>
std::string Bytes(const char (&literal)[N]) {
  return std::string(literal, N - 1);
}

}  // namespace

std::vector<std::string> Seeds() {
  const AppliedState state = AppliedState::FromSnapshot(SeedHeader());
  AppliedState saved = state;
  WriteBatch batch;
  saved.SaveAll(&batch);
  saved.SaveFinished(&batch);
  MemEngine engine;
  MvccStore::PutVersion(&batch, "b", Timestamp(4), "value");
  MvccStore::PutTombstone(&batch, "bb", Timestamp(5));
  ISO_CHECK(engine.Write(std::move(batch)).ok(), "the engine works");
  std::string rows("\x00", 1);
  const std::string prefix = tablet::MetaPrefix(GroupId(3));
  auto it = engine.NewIterator(prefix, tablet::MetaPrefix(GroupId(4)), nullptr);
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    const absl::string_view kind = it->key().substr(prefix.size());
    rows += std::string("\x03") + static_cast<char>(kind.size()) + std::string(kind) +
            Piece(it->value());
  }
  MvccStore store(&engine);
  tablet::SnapshotSource source(1, SeedHeader(), &store, &engine);
  std::string pieces("\x02", 1);
  for (auto piece = source.Next(); piece.ok() && piece->has_value(); piece = source.Next()) {
    peer::SnapshotPiece parsed;
    ISO_CHECK(parsed.ParseFromString(**piece), "a piece can be parsed");
    parsed.mutable_chunk()->resize(parsed.chunk().size() - 4);
    pieces += "\x01" + Piece(parsed.SerializeAsString());
  }
  const std::string empty = Piece("");
  return {rows, pieces,
          Bytes("\x01\x01"
                "b\x04\x03\x01xy\x02"
                "bb\x05\x01\x00\x01"
                "b\x02\x02\x01za\0c\0"),
          std::string("\x03", 1) + empty +
              "\x02"
              "am\x01" +
              empty +
              "\x03"
              "mz\x02" +
              empty +
              "\x02"
              "ac\x03" +
              Piece(SeedHeader().state().group_descriptor().SerializeAsString())};
}

}  // namespace isochron::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace isochron::fuzz;
  Input in(data, size);
  switch (in.Byte() % 4) {
    case 0:
      CheckStore(in);
      break;
    case 1:
      CheckVersions(in);
      break;
    case 2:
      CheckSnapshot(in);
      break;
    default:
      CheckMap(in);
  }
  return 0;
}
