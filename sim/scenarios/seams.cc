// SPDX-License-Identifier: Apache-2.0
#include "sim/scenarios/seams.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/coding.h"
#include "sim/world/scheduler.h"
#include "sim/world/sim_disk.h"
#include "sim/world/sim_executor.h"
#include "sim/world/sim_network.h"

namespace isochron::sim {
namespace {

constexpr NodeId kClient(1), kServer(2);
constexpr Micros kRunUs = 5'000'000;

// Keeps the greatest number it was sent in a file of 8 bytes.
class Server {
 public:
  Server(std::unique_ptr<Transport> transport, std::unique_ptr<Disk> disk, SabotageSet sabotage)
      : transport_(std::move(transport)), disk_(std::move(disk)), sabotage_(sabotage) {
    file_ = std::move(*disk_->Open("number", true));
    // What a former process wrote may still be in the page cache only (rule 34).
    (void)file_->Sync();
    (void)disk_->SyncDir("");
    const std::string bytes = *file_->ReadAt(0, 8);
    if (bytes.size() == 8) number_ = LoadBigEndian64(bytes.data());
    transport_->SetHandler(Channel::kRpc, [this](NodeId from, absl::string_view payload) {
      uint64_t n = 0;
      if (absl::SimpleAtoi(payload, &n)) Store(from, n);
    });
  }
  uint64_t number() const { return number_; }

 private:
  void Store(NodeId from, uint64_t n) {
    number_ = std::max(number_, n);
    std::string bytes;
    AppendBigEndian64(&bytes, number_);
    if (sabotage_.Is(Sabotage::kAckBeforeSync)) Acknowledge(from, number_);
    file_->WriteAndSyncAsync(0, bytes, [this, from, acked = number_](absl::Status s) {
      if (s.ok()) Acknowledge(from, acked);
    });
  }
  void Acknowledge(NodeId to, uint64_t n) { transport_->Send(to, Channel::kRpc, absl::StrCat(n)); }

  std::unique_ptr<Transport> transport_;
  std::unique_ptr<Disk> disk_;
  std::unique_ptr<File> file_;
  SabotageSet sabotage_;
  uint64_t number_ = 0;
};

class SeamsRun {
 public:
  explicit SeamsRun(const RunOptions& options)
      : options_(options),
        random_(options.seed),
        network_(&scheduler_,
                 {.wan_delay_min_us = 500,
                  .wan_delay_max_us = 20'000,
                  .jitter_us = 300,
                  .drop_rate = 0.02,
                  .duplicate_rate = 0.02,
                  .reorder_rate = 0.1,
                  .reorder_max_us = 5000},
                 2, random_.Fork()),
        disk_({.sync_min_us = 200, .sync_max_us = 5000}, random_.Fork()),
        client_executor_(&scheduler_, ++owners_, {}, random_.Fork()) {
    client_ = network_.Attach(kClient, 0, &client_executor_);
    client_->SetHandler(Channel::kRpc, [this](NodeId, absl::string_view payload) {
      uint64_t n = 0;
      if (absl::SimpleAtoi(payload, &n)) acknowledged_ = std::max(acknowledged_, n);
    });
  }

  RunResult Run() {
    StartServer();
    SendNext();
    ScheduleCrash();
    scheduler_.RunUntil(SimScheduler::kStartOfTime + kRunUs);
    Crash(true);
    StartServer();
    RunResult result;
    result.seed = options_.seed;
    result.trace = scheduler_.digest().value();
    result.events = scheduler_.events_run();
    result.virtual_us = kRunUs;
    result.anomalies = std::move(anomalies_);
    result.counts["seams.acknowledged"] = static_cast<int64_t>(acknowledged_);
    result.counts["seams.crashes"] = crashes_;
    return result;
  }

 private:
  void StartServer() {
    executors_.push_back(std::make_unique<SimExecutor>(
        &scheduler_, ++owners_, ExecutorOptions{.monotonic_offset_us = random_.Between(0, 1000)},
        random_.Fork()));
    SimExecutor* executor = executors_.back().get();
    server_ = std::make_unique<Server>(network_.Attach(kServer, 1, executor), disk_.Mount(executor),
                                       SabotageSet(options_.sabotage));
    if (server_->number() < acknowledged_) {
      anomalies_.push_back(Anomaly{"lost-write",
                                   absl::StrCat("acknowledged ", acknowledged_, ", found ",
                                                server_->number(), " after a crash"),
                                   {}});
    }
  }
  void Crash(bool power) {
    ++crashes_;
    executors_.back()->Kill();
    server_.reset();
    if (power) disk_.CrashPower();
  }
  void SendNext() {
    client_->Send(kServer, Channel::kRpc, absl::StrCat(++sent_));
    client_executor_.PostAfter(random_.Between(100, 3000), [this] { SendNext(); });
  }
  void ScheduleCrash() {
    scheduler_.After(random_.Between(50'000, 800'000), 0, [this] {
      Crash(random_.OneIn(0.6));
      scheduler_.After(random_.Between(100, 100'000), 0, [this] {
        StartServer();
        ScheduleCrash();
      });
    });
  }

  const RunOptions options_;
  Random random_;
  SimScheduler scheduler_;
  SimNetwork network_;
  SimDisk disk_;
  SimScheduler::Owner owners_ = 0;
  SimExecutor client_executor_;
  std::vector<std::unique_ptr<SimExecutor>> executors_;
  std::unique_ptr<Transport> client_;
  std::unique_ptr<Server> server_;
  uint64_t sent_ = 0;
  uint64_t acknowledged_ = 0;
  int64_t crashes_ = 0;
  std::vector<Anomaly> anomalies_;
};

}  // namespace

RunResult RunSeams(const RunOptions& options) { return SeamsRun(options).Run(); }

}  // namespace isochron::sim
