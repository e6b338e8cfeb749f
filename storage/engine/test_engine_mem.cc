// SPDX-License-Identifier: Apache-2.0
#include "storage/engine/mem_engine.h"
#include "storage/engine/test_engine.h"

namespace isochron::storage {
namespace {

class MemTestEngine : public TestEngine::Impl {
 public:
  Engine* get() override { return &engine_; }
  void Crash(Random* random) override { engine_.CrashToFlushedPrefix(random); }

 private:
  MemEngine engine_{MemEngineOptions{.write_buffer_bytes = 64 << 10}};
};

}  // namespace

TestEngine NewTestEngine() { return TestEngine(std::make_unique<MemTestEngine>()); }

}  // namespace isochron::storage
