// SPDX-License-Identifier: Apache-2.0
#include "bench/bench_main.h"

#include <iostream>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "bench/experiment.h"
#include "bench/flag_values.h"
#include "bench/runner.h"
#include "bench/workload.h"
#include "common/status_macros.h"

namespace isochron::bench {
namespace {

std::vector<shell::FlagSpec> Specs() {
  return {
      {"target",
       false,
       "localhost:9010",
       "HOST:PORT of nodes' Spanner API, separated by commas",
       't',
       {}},
      {"clients", false, "16", "client threads, each with a connection", 'c', {}},
      {"rate",
       false,
       "0",
       "operations a second, kept however late answers are (0: as they come)",
       0,
       {}},
      {"seconds", false, "10", "how long", 's', {}},
      {"json", true, "", "print one JSON object", 0, {}},
      {"seed", false, "1", "of the random choices", 0, {}},
      {"groups", false, "3", "groups that the table is cut into", 0, {}},
      {"accounts", false, "900", "bank: how many", 0, {}},
      {"keys", false, "10000", "rows of the table (not bank)", 0, {}},
      {"value-size", false, "100", "bytes of a value (ycsb: 1000 unless given)", 0, {}},
      {"value-bytes", false, "100", "the same as --value-size", 0, {}},
      {"read-share", false, "50", "kv: reads, percent of the operations", 0, {}},
      {"read-percent", false, "50", "the same as --read-share", 0, {}},
      {"batch", false, "1", "kv, snapshot: consecutive rows an operation", 0, {}},
      {"skew", false, "0", "exponent of Zipf's law over the keys, 0 to 0.999 (ycsb: 0.99)", 0, {}},
      {"staleness-ms", false, "10000", "snapshot: how old the rows read may be", 0, {}},
      {"bound",
       false,
       "exact",
       "snapshot: the kind of timestamp bound",
       0,
       {"exact", "max", "min", "at", "strong"}},
      {"history", false, "", "append, register: file to write what clients did and saw", 0, {}},
      {"timeout-ms",
       false,
       "60000",
       "of each call to a node, and of one transaction's tries",
       0,
       {}},
      {"clock", false, "fixed:1ms", "table3, table4, floors: the nodes' clock", 0, {}},
      {"replicas", false, "1D,1,3,5", "table3: which rows", 0, {}},
      {"participants", false, "1,2,5,10,25,50,100,200", "table4: which rows", 0, {}},
      {"help", true, "", "this", 'h', {}},
  };
}

int Usage(const std::string& why) {
  if (!why.empty()) std::cerr << "isochron bench: " << why << "\n\n";
  (why.empty() ? std::cout : std::cerr)
      << "usage: isochron bench WORKLOAD [FLAGS]\n\n"
      << "  kv          upserts and strong reads of random keys\n"
      << "  bank        transfers over accounts in several groups, checked while they run and "
         "after\n"
      << "  append      lists that grow, register: rows that are overwritten; with --history "
         "for\n"
         "              isochron sim --check-history\n"
      << "  snapshot    reads in the past, without locks\n"
      << "  ycsb-a..f   the six mixes of the Yahoo! Cloud Serving Benchmark\n\n"
      << "These start universes of their own on this machine; --seconds is of each measurement:\n\n"
      << "  table3      Spanner's paper: writes and reads with 1, 3 and 5 replicas\n"
      << "  table4      Spanner's paper: two-phase commit over 1 to 200 groups\n"
      << "  floors      latencies between regions: what distance allows, and what was measured\n\n"
      << shell::FlagHelp(Specs());
  return why.empty() ? 0 : 2;
}

void Print(const std::string& name, const Json& report, bool json) {
  if (json) {
    std::cout << report.dump() << std::endl;
    return;
  }
  std::cout << name << "\n";
  for (const auto& [key, value] : report.items()) {
    std::cout << absl::StrFormat("  %-28s ", key) << value.dump() << "\n";
  }
  std::cout.flush();
}

absl::StatusOr<LoadOptions> ReadOptions(const shell::Flags& flags) {
  LoadOptions o;
  o.targets = absl::StrSplit(flags.Text("target"), ',', absl::SkipEmpty());
  if (o.targets.empty()) return absl::InvalidArgumentError("--target names no node");
  ISO_ASSIGN_OR_RETURN(o.clients, flags.Number("clients", 1, 4096));
  ISO_ASSIGN_OR_RETURN(o.rate, flags.Number("rate", 0, 1'000'000));
  ISO_ASSIGN_OR_RETURN(o.seconds, flags.Number("seconds", 1, 86'400));
  ISO_ASSIGN_OR_RETURN(o.seed, flags.Number("seed", 0, INT64_MAX));
  ISO_ASSIGN_OR_RETURN(o.timeout_ms, flags.Number("timeout-ms", 1, 3'600'000));
  ISO_RETURN_IF_ERROR(CheckFlags(flags));
  return o;
}

std::unique_ptr<Workload> Make(const std::string& name, const shell::Flags& flags) {
  if (name == "kv") return MakeKv(flags);
  if (name == "bank") return MakeBank(flags);
  if (name == "append") return MakeAppend(flags);
  if (name == "register") return MakeRegister(flags);
  if (name == "snapshot") return MakeSnapshot(flags);
  if (name.size() == 6 && name.starts_with("ycsb-") && name[5] >= 'a' && name[5] <= 'f') {
    return MakeYcsb(name[5], flags);
  }
  return nullptr;
}

// nullopt: it is not an experiment.
std::optional<absl::Status> RunExperiment(const std::string& name, const LoadOptions& load,
                                          const shell::Flags& flags) {
  ExperimentOptions o;
  o.seconds = flags.Given("seconds") ? load.seconds : o.seconds;
  o.clients = flags.Given("clients") ? load.clients : o.clients;
  o.seed = load.seed;
  o.groups = NumberOr(flags, "groups", o.groups);
  o.batch = NumberOr(flags, "batch", o.batch);
  o.value_bytes = ValueSize(flags, name == "table3" ? 4096 : 100);
  o.clock = flags.Text("clock");
  o.replicas = absl::StrSplit(flags.Text("replicas"), ',', absl::SkipEmpty());
  for (const auto& n : absl::StrSplit(flags.Text("participants"), ',', absl::SkipEmpty())) {
    int64_t number = 0;
    if (absl::SimpleAtoi(n, &number)) o.participants.push_back(number);
  }
  const bool json = flags.On("json");
  if (name == "table3") return RunTable3(o, json);
  if (name == "table4") return RunTable4(o, json);
  if (name == "floors") return RunFloors(o, json);
  return std::nullopt;
}

int Exit(const absl::Status& status) {
  if (status.ok()) return 0;
  std::cerr << "isochron bench: " << status.message() << "\n";
  return absl::IsInvalidArgument(status) ? 2 : 1;
}

absl::Status Run(const std::string& name, const LoadOptions& options, Workload* workload,
                 bool json) {
  ISO_ASSIGN_OR_RETURN(std::unique_ptr<client::Client> client, Connect(options, 0));
  ISO_RETURN_IF_ERROR(workload->Setup(client.get()));
  ISO_RETURN_IF_ERROR(AwaitSpread(client.get()));
  ISO_ASSIGN_OR_RETURN(const LoadResult result, RunLoad(name, options, workload));
  Print(name, result.report, json);
  for (const auto& [kind, n] : result.error_kinds) std::cerr << n << " times: " << kind << "\n";
  return result.finding;
}

}  // namespace

int RunBench(const std::vector<std::string>& args) {
  absl::StatusOr<shell::Flags> flags = shell::Flags::Parse(Specs(), args);
  if (!flags.ok()) return Usage(std::string(flags.status().message()));
  if (flags->On("help")) return Usage("");
  if (flags->arguments().size() != 1) return Usage("name one workload");
  const std::string name = flags->arguments()[0];
  absl::StatusOr<LoadOptions> options = ReadOptions(*flags);
  if (!options.ok()) return Usage(std::string(options.status().message()));
  if (const auto done = RunExperiment(name, *options, *flags); done.has_value()) return Exit(*done);
  const std::unique_ptr<Workload> workload = Make(name, *flags);
  if (workload == nullptr) return Usage(absl::StrCat("unknown workload \"", name, "\""));
  const absl::Status status = Run(name, *options, workload.get(), flags->On("json"));
  return Exit(absl::IsInvalidArgument(status) ? absl::InternalError(status.message()) : status);
}

}  // namespace isochron::bench
