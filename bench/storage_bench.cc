// SPDX-License-Identifier: Apache-2.0
//
// CPU time of the store's operations, for choosing RocksDB's settings and for seeing regressions.
// One row is a 16-byte key and 100 bytes; an operation of "apply" is what a replica does for a
// one-row commit: a batch with the row's new version and the group's applied index.

#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "common/check.h"
#include "common/key_encoding.h"
#include "common/random.h"
#include "storage/engine/key_space.h"
#include "storage/engine/mem_engine.h"
#include "storage/engine/rocks_engine.h"
#include "storage/mvcc/mvcc.h"

namespace isochron::storage {
namespace {

constexpr int64_t kRows = 100'000;

std::string Key(int64_t id) {
  std::string key = TablePrefix(TableId(7));
  KeyWriter(&key).Int64(id);
  return key;
}

class Store {
 public:
  explicit Store(bool rocks) {
    if (!rocks) {
      engine_ = std::make_unique<MemEngine>();
      return;
    }
    const char* top = std::getenv("TMPDIR");
    folder_ = absl::StrCat(top ? top : "/tmp", "/storage_benchXXXXXX");
    ISO_CHECK(mkdtemp(folder_.data()) != nullptr, "no temporary folder");
    auto opened = RocksEngine::Open(folder_);
    ISO_CHECK(opened.ok(), opened.status().ToString().c_str());
    engine_ = std::move(*opened);
  }
  ~Store() {
    engine_.reset();
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }
  Engine* engine() { return engine_.get(); }

  // Commits of `rows` rows in one batch, each of another transaction.
  void Apply(int rows) {
    WriteBatch batch;
    for (int i = 0; i < rows; ++i) {
      MvccStore::PutVersion(&batch, Key(random_.Between(0, kRows - 1)), Timestamp(++now_), value_);
    }
    batch.Put(MetaKey("group/1/applied"), absl::StrCat(now_));
    ISO_CHECK(engine_->Write(std::move(batch)).ok(), "write");
  }
  void Fill() {
    for (int64_t id = 0; id < kRows; id += 100) {
      WriteBatch batch;
      for (int64_t i = id; i < id + 100; ++i) {
        MvccStore::PutVersion(&batch, Key(i), Timestamp(++now_), value_);
      }
      ISO_CHECK(engine_->Write(std::move(batch)).ok(), "write");
    }
  }
  Random& random() { return random_; }
  Timestamp now() const { return Timestamp(now_); }

 private:
  std::string folder_;
  std::unique_ptr<Engine> engine_;
  Random random_{1};
  int64_t now_ = 0;
  const std::string value_ = std::string(100, 'v');
};

// Arguments: rocks or memory; rows a batch. Items are rows.
void BM_Apply(benchmark::State& state) {
  Store store(state.range(0) == 1);
  store.Fill();
  for (auto _ : state) store.Apply(static_cast<int>(state.range(1)));
  state.SetItemsProcessed(state.iterations() * state.range(1));
}
BENCHMARK(BM_Apply)->ArgNames({"rocks", "rows"})->ArgsProduct({{0, 1}, {1, 30}});

// Point reads of rows with some history: arguments as above, then whether they were flushed.
void BM_Get(benchmark::State& state) {
  Store store(state.range(0) == 1);
  store.Fill();
  for (int i = 0; i < 1000; ++i) store.Apply(20);
  if (state.range(1) == 1) ISO_CHECK(store.engine()->Flush().ok(), "flush");
  MvccStore mvcc(store.engine());
  for (auto _ : state) {
    auto r = mvcc.Get(Key(store.random().Between(0, kRows - 1)), store.now());
    ISO_CHECK(r.ok() && r->value.has_value(), "a row is missing");
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Get)->ArgNames({"rocks", "flushed"})->Args({0, 0})->Args({1, 0})->Args({1, 1});

// A point read and then a write of the same row, as an update does: the cached iterator sees new
// data.
void BM_GetAndApply(benchmark::State& state) {
  Store store(state.range(0) == 1);
  store.Fill();
  MvccStore mvcc(store.engine());
  for (auto _ : state) {
    auto r = mvcc.Get(Key(store.random().Between(0, kRows - 1)), store.now());
    ISO_CHECK(r.ok() && r->value.has_value(), "a row is missing");
    store.Apply(1);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_GetAndApply)->ArgNames({"rocks"})->Arg(0)->Arg(1);

// Scans of 100 rows. Items are rows.
void BM_Scan(benchmark::State& state) {
  Store store(state.range(0) == 1);
  store.Fill();
  for (int i = 0; i < 1000; ++i) store.Apply(20);
  MvccStore mvcc(store.engine());
  ScanOptions options;
  options.limit_rows = 100;
  options.reverse = state.range(1) == 1;
  for (auto _ : state) {
    const int64_t from = store.random().Between(200, kRows - 200);
    KeyRange range = options.reverse ? KeyRange{"", Key(from)} : KeyRange{Key(from), ""};
    auto r = mvcc.Scan(range, store.now(), options);
    ISO_CHECK(r.ok() && r->rows.size() == 100, "rows are missing");
  }
  state.SetItemsProcessed(state.iterations() * 100);
}
BENCHMARK(BM_Scan)->ArgNames({"rocks", "reverse"})->ArgsProduct({{0, 1}, {0, 1}});

}  // namespace
}  // namespace isochron::storage
