// SPDX-License-Identifier: Apache-2.0
//
// What only RocksEngine has: a folder, and files that a kill or a flipped bit can meet.
#include "storage/engine/rocks_engine.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/coding.h"
#include "gtest/gtest.h"
#include "rocksdb/db.h"
#include "storage/engine/key_space.h"
#include "storage/engine/test_engine.h"

namespace isochron::storage {
namespace {

namespace fs = std::filesystem;

std::string NewFolder() {
  std::string folder = testing::TempDir() + "/rocksXXXXXX";
  EXPECT_NE(mkdtemp(folder.data()), nullptr);
  return folder;
}

std::unique_ptr<RocksEngine> MustOpen(const std::string& folder, const RocksOptions& options = {}) {
  auto engine = RocksEngine::Open(folder, options);
  EXPECT_TRUE(engine.ok()) << engine.status();
  return engine.ok() ? std::move(*engine) : nullptr;
}

absl::Status OpenStatus(const std::string& folder) { return RocksEngine::Open(folder).status(); }

TEST(RocksEngine, OpensNewFoldersAndOldOnes) {
  const std::string folder = NewFolder() + "/deep/store";
  {
    auto engine = MustOpen(folder);
    WriteBatch batch;
    batch.Put(MetaKey("x"), "kept");
    ASSERT_TRUE(engine->Write(std::move(batch)).ok());
    ASSERT_TRUE(engine->Flush().ok());
    WriteBatch lost;
    lost.Put(MetaKey("x"), "not flushed");
    ASSERT_TRUE(engine->Write(std::move(lost)).ok());
  }
  auto engine = MustOpen(folder);
  std::string value;
  EXPECT_TRUE(*engine->Get(MetaKey("x"), &value, nullptr));
  EXPECT_EQ(value, "kept");
}

TEST(RocksEngine, RefusesAFolderThatIsOpenElsewhere) {
  const std::string folder = NewFolder();
  auto engine = MustOpen(folder);
  const absl::Status s = OpenStatus(folder);
  EXPECT_EQ(s.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(absl::StrContains(s.message(), "open in another process")) << s;
}

TEST(RocksEngine, RefusesAForeignFolderAndLeavesItAlone) {
  const std::string folder = NewFolder();
  std::ofstream(folder + "/letters.txt") << "mine";
  const absl::Status s = OpenStatus(folder);
  EXPECT_EQ(s.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(absl::StrContains(s.message(), "letters.txt")) << s;
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 1);
}

TEST(RocksEngine, RefusesAnotherProgramsDatabase) {
  const std::string folder = NewFolder();
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* db = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(options, folder, &db).ok());
  ASSERT_TRUE(db->Put(rocksdb::WriteOptions(), "theirs", "1").ok());
  delete db;
  const absl::Status s = OpenStatus(folder);
  EXPECT_EQ(s.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(absl::StrContains(s.message(), "another program")) << s;
}

TEST(RocksEngine, RefusesAnotherFormat) {
  const std::string folder = NewFolder();
  {
    auto engine = MustOpen(folder);
    WriteBatch batch;
    batch.Put(MetaKey("store.format"), "isochron store 99");
    ASSERT_TRUE(engine->Write(std::move(batch)).ok());
    ASSERT_TRUE(engine->Flush().ok());
  }
  const absl::Status s = OpenStatus(folder);
  EXPECT_EQ(s.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(absl::StrContains(s.message(), "isochron store 99")) << s;
}

TEST(RocksEngine, RefusesAFolderThatCannotBeMade) {
  const std::string file = NewFolder() + "/file";
  std::ofstream(file) << "x";
  for (const std::string& folder : {file, file + "/store", std::string("/proc/isochron/store")}) {
    const absl::Status s = OpenStatus(folder);
    EXPECT_EQ(s.code(), absl::StatusCode::kPermissionDenied) << s;
    EXPECT_TRUE(absl::StrContains(s.message(), folder)) << s;
  }
}

TEST(RocksEngine, FinishesACreationThatWasInterrupted) {
  const std::string folder = NewFolder();
  std::ofstream(folder + "/LOG") << "";
  std::ofstream(folder + "/LOCK") << "";
  EXPECT_NE(MustOpen(folder), nullptr);
}

TEST(RocksEngine, AFlippedBitIsDataLoss) {
  const std::string folder = NewFolder();
  {
    auto engine = MustOpen(folder);
    WriteBatch batch;
    for (int i = 0; i < 2000; ++i) batch.Put(MetaKey(absl::StrCat("k", i)), std::string(50, 'v'));
    ASSERT_TRUE(engine->Write(std::move(batch)).ok());
    ASSERT_TRUE(engine->Flush().ok());
  }
  fs::path biggest;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".sst" &&
        (biggest.empty() || entry.file_size() > fs::file_size(biggest))) {
      biggest = entry.path();
    }
  }
  std::fstream file(biggest, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(20000);
  const char c = static_cast<char>(file.get());
  file.seekp(20000);
  file.put(static_cast<char>(c ^ 0x10));
  file.close();
  auto engine = MustOpen(folder);
  auto it = engine->NewIterator("m", "n", nullptr);
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
  }
  EXPECT_EQ(it->status().code(), absl::StatusCode::kDataLoss) << it->status();
}

// Rule 34: after a flush that failed nothing more is taken or promised.
TEST(RocksEngine, AFailedFlushIsFinal) {
  const std::string folder = NewFolder();
  auto engine = MustOpen(folder + "/store");
  auto put = [&] {
    WriteBatch batch;
    batch.Put(MetaKey("x"), "1");
    return engine->Write(std::move(batch));
  };
  TestExecutor executor;
  auto flush = [&] {
    std::optional<absl::Status> answer;
    engine->FlushAsync(&executor, [&](absl::Status s) { answer = s; });
    executor.RunUntil([&] { return answer.has_value(); });
    return *answer;
  };
  ASSERT_TRUE(put().ok());
  fs::rename(folder + "/store", folder + "/moved");  // no file can be made any more
  EXPECT_FALSE(flush().ok());
  fs::rename(folder + "/moved", folder + "/store");
  EXPECT_FALSE(put().ok());
  EXPECT_FALSE(flush().ok());
  EXPECT_FALSE(engine->Flush().ok());
}

TEST(RocksEngine, ReadersRunBesideTheWriter) {
  RocksOptions options;
  options.write_buffer_bytes = 64 << 10;
  auto engine = MustOpen(NewFolder(), options);
  auto key = [](int i) {
    std::string k = absl::StrCat("dkey", i % 50, absl::string_view("\0\1", 2));
    AppendBigEndian64(&k, 1'000'000 - i);
    return k;
  };
  std::atomic<int> written{0};
  std::vector<std::thread> readers;
  for (int r = 0; r < 3; ++r) {
    readers.emplace_back([&] {
      int n;
      while ((n = written.load()) < 20000) {
        if (n < 50) continue;
        uint64_t inverted = 0;
        std::string value;
        auto found = engine->SeekVersion(key(n), &inverted, &value);
        ASSERT_TRUE(found.ok() && *found);
        ASSERT_EQ(inverted, 1'000'000u - n);
        ASSERT_EQ(value, absl::StrCat(n));
      }
    });
  }
  for (int i = 1; i <= 20000; ++i) {
    WriteBatch batch;
    batch.Put(key(i), absl::StrCat(i));
    ASSERT_TRUE(engine->Write(std::move(batch)).ok());
    written.store(i);
  }
  for (std::thread& t : readers) t.join();
  EXPECT_GT(engine->Stats().flushes, 3u);
}

// Files may not grow beyond this while it lives: what a full disk is to a program.
class SmallFiles {
 public:
  explicit SmallFiles(rlim_t bytes) {
    signal(SIGXFSZ, SIG_IGN);
    EXPECT_EQ(getrlimit(RLIMIT_FSIZE, &before_), 0);
    const rlimit small{bytes, before_.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  }
  ~SmallFiles() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

// RocksDB keeps what it knows of where to insert by prefix, for keys and for deleted ranges alike.
TEST(RocksEngine, RangesOfMetadataAreDeletedBesideItsInserts) {
  auto engine = MustOpen(NewFolder(), {});
  const std::string group = absl::StrCat("g", std::string(8, '\1'));
  const std::string from = MetaKey(absl::StrCat(group, "c")),
                    to = MetaKey(absl::StrCat(group, "d"));
  for (int i = 0; i < 200; ++i) {
    WriteBatch batch;
    batch.DeleteRange(from, to);
    for (int row = 0; row < 5; ++row) batch.Put(absl::StrCat(from, i, ".", row), "covered");
    batch.Put(MetaKey(absl::StrCat(group, "a")), absl::StrCat(i));
    ASSERT_TRUE(engine->Write(std::move(batch)).ok());
  }
  auto it = engine->NewIterator(from, to, nullptr);
  int rows = 0;
  for (it->SeekToFirst(); it->Valid(); it->Next()) ++rows;
  EXPECT_EQ(rows, 5);
}

TEST(RocksEngine, AWriteThatFailedInTheBackgroundIsToldAndFinal) {
  std::mutex mu;
  std::vector<absl::Status> told;
  RocksOptions options;
  options.on_failure = [&](const absl::Status& s) {
    std::lock_guard<std::mutex> lock(mu);
    told.push_back(s);
  };
  const std::string folder = NewFolder();
  auto engine = MustOpen(folder, options);
  TestExecutor executor;
  const auto flush = [&] {
    std::optional<absl::Status> answer;
    engine->FlushAsync(&executor, [&](absl::Status s) { answer = s; });
    executor.RunUntil([&] { return answer.has_value(); });
    return *answer;
  };
  for (int i = 0; i < 64; ++i) {
    WriteBatch batch;
    batch.Put(MetaKey(absl::StrCat("row", i)),
              std::string(32 << 10, static_cast<char>('a' + i % 26)));
    ASSERT_TRUE(engine->Write(std::move(batch)).ok());
  }
  {
    SmallFiles full(256 << 10);
    EXPECT_FALSE(flush().ok());
  }
  EXPECT_FALSE(flush().ok()) << "a store that could not write takes no more";
  engine.reset();
  ASSERT_FALSE(told.empty());
  // At the write itself: RocksDB goes on with the file for a while, and may abort over it.
  EXPECT_TRUE(absl::StrContains(told[0].message(), "the store cannot write")) << told[0];
  EXPECT_TRUE(absl::StrContains(told[0].message(), ".sst: ")) << told[0];
  EXPECT_NE(MustOpen(folder), nullptr);
}

// The killed process: writes batch after batch, and says on the pipe what a completed flush covers.
int KillChild(const std::string& folder, int out) {
  RocksOptions options;
  options.write_buffer_bytes = 64 << 10;
  auto opened = RocksEngine::Open(folder, options);
  if (!opened.ok()) return 1;
  Engine* engine = opened->get();
  std::string value;
  int n = 0;
  if (*engine->Get(MetaKey("applied"), &value)) n = std::stoi(value);
  TestExecutor executor;
  while (true) {
    WriteBatch batch;
    ++n;
    batch.Put(MetaKey(absl::StrCat("row", n)), std::string(100, 'x'));
    batch.Put(MetaKey("applied"), absl::StrCat(n));
    if (!engine->Write(std::move(batch)).ok()) return 1;
    if (n % 97 == 0) {
      bool done = false;
      engine->FlushAsync(&executor, [&](absl::Status s) { done = s.ok(); });
      executor.RunUntil([&] { return done; });
      if (write(out, &n, sizeof(n)) != sizeof(n)) return 1;
    }
  }
}

TEST(RocksEngine, AKilledProcessLeavesAPrefix) {
  const std::string folder = NewFolder();
  int flushed = 0;
  for (int life = 0; life < 6; ++life) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t pid = fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      // A fresh program: RocksDB's threads do not survive a fork.
      const std::string fd = absl::StrCat(ends[1]);
      execl("/proc/self/exe", "kill-child", "--kill-child", folder.c_str(), fd.c_str(), nullptr);
      _exit(127);
    }
    close(ends[1]);
    for (int i = 0; i < 3 + life * 4; ++i) {
      ASSERT_EQ(read(ends[0], &flushed, sizeof(flushed)), static_cast<ssize_t>(sizeof(flushed)));
    }
    kill(pid, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_TRUE(WIFSIGNALED(status));
    for (int n; read(ends[0], &n, sizeof(n)) == static_cast<ssize_t>(sizeof(n));) flushed = n;
    close(ends[0]);

    auto engine = MustOpen(folder);
    ASSERT_NE(engine, nullptr);
    std::string value;
    ASSERT_TRUE(*engine->Get(MetaKey("applied"), &value, nullptr));
    int applied = 0;
    ASSERT_TRUE(absl::SimpleAtoi(value, &applied));
    EXPECT_GE(applied, flushed);
    int rows = 0;
    auto it = engine->NewIterator("mrow", "mrox", nullptr);
    for (it->SeekToFirst(); it->Valid(); it->Next()) ++rows;
    EXPECT_EQ(rows, applied);
    EXPECT_TRUE(*engine->Get(MetaKey(absl::StrCat("row", applied)), &value, nullptr));
  }
}

// Engine key of a version of a row.
std::string VersionOf(absl::string_view row, uint64_t t) {
  std::string key = absl::StrCat("d", row, absl::string_view("\0\1", 2));
  AppendBigEndian64(&key, ~t);
  return key;
}

TEST(RocksEngine, ACompactionGivesBackWhatTheHorizonLetsGo) {
  const std::string folder = NewFolder();
  auto engine = MustOpen(folder);
  const std::string value(1000, 'v');
  std::string noise = value;
  for (uint64_t t = 1; t <= 20; ++t) {
    WriteBatch batch;
    for (int row = 0; row < 200; ++row) {
      for (char& c : noise) c = static_cast<char>((static_cast<uint64_t>(c) * 131 + t + 7) & 0xff);
      batch.Put(VersionOf(absl::StrCat("row", 1000 + row), t), noise);
    }
    ASSERT_TRUE(engine->Write(std::move(batch)).ok());
    if (t % 5 == 0) ASSERT_TRUE(engine->Flush().ok());
  }
  const uint64_t before = engine->Stats().disk_bytes;
  EXPECT_GT(before, 3'000'000u);
  engine->SetHorizons({{"d", "e", 18}});
  engine->CompactAsync("d", "e");
  while (engine->Stats().disk_bytes * 4 > before) std::this_thread::yield();
  EXPECT_EQ(engine->Stats().versions_dropped, 200u * 17);
  std::string found;
  uint64_t inverted = 0;
  ASSERT_TRUE(*engine->SeekVersion(VersionOf("row1007", 18), &inverted, &found));
  EXPECT_EQ(~inverted, 18u);
  EXPECT_FALSE(*engine->SeekVersion(VersionOf("row1007", 17), &inverted, &found));
  ASSERT_TRUE(*engine->SeekVersion(VersionOf("row1007", 99), &inverted, &found));
  EXPECT_EQ(~inverted, 20u);
}

}  // namespace
}  // namespace isochron::storage

int main(int argc, char** argv) {
  if (argc == 4 && std::string(argv[1]) == "--kill-child") {
    return isochron::storage::KillChild(argv[2], std::stoi(argv[3]));
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
