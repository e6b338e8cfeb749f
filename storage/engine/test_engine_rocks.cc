// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include <filesystem>
#include <string>

#include "common/check.h"
#include "gtest/gtest.h"
#include "storage/engine/rocks_engine.h"
#include "storage/engine/test_engine.h"

namespace isochron::storage {
namespace {

class RocksTestEngine : public TestEngine::Impl {
 public:
  RocksTestEngine() {
    folder_ = testing::TempDir() + "/storeXXXXXX";
    ISO_CHECK(mkdtemp(folder_.data()) != nullptr, "no temporary folder");
    Open();
  }
  ~RocksTestEngine() override {
    engine_.reset();
    std::filesystem::remove_all(folder_);
  }
  Engine* get() override { return engine_.get(); }
  // The destructor does not flush: to the files it is a kill.
  void Crash(Random*) override {
    engine_.reset();
    Open();
  }

 private:
  void Open() {
    RocksOptions options;
    options.write_buffer_bytes = 64 << 10;
    options.block_cache_bytes = 1 << 20;
    auto engine = RocksEngine::Open(folder_, options);
    ISO_CHECK(engine.ok(), engine.status().ToString().c_str());
    engine_ = std::move(*engine);
  }
  std::string folder_;
  std::unique_ptr<RocksEngine> engine_;
};

}  // namespace

TestEngine NewTestEngine() { return TestEngine(std::make_unique<RocksTestEngine>()); }

}  // namespace isochron::storage
