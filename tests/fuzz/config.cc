// SPDX-License-Identifier: Apache-2.0
//
// What people and their machines write: flags, environment, configuration files, the clock's
// report, shell scripts, the simulator's command line and its workers' results.
#include "server/config/config.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/check.h"
#include "server/runtime/address.h"
#include "server/runtime/wan.h"
#include "shell/options.h"
#include "shell/script.h"
#include "sim/runner/flags.h"
#include "sim/runner/run.h"
#include "tests/fuzz/target.h"
#include "truetime/chrony_report.h"
#include "truetime/clock_spec.h"

namespace isochron::fuzz {
namespace {

std::vector<std::string> Words(absl::string_view text) {
  return absl::StrSplit(text, '\n', absl::SkipEmpty());
}

void CheckSettings(Input in) {
  using config::Kind;
  config::Settings settings({{"data", Kind::kText, "", "a folder"},
                             {"node", Kind::kInteger, "1", "a number"},
                             {"lease", Kind::kDuration, "3s", "a time"},
                             {"cache", Kind::kSize, "64MiB", "a size"},
                             {"bootstrap", Kind::kBool, "false", "a switch"},
                             {"execute", Kind::kText, "", "a text", 'e'}});
  std::map<std::string, std::string> environment;
  for (const std::string& word : Words(in.Piece())) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(word, absl::MaxSplits('=', 1));
    environment[absl::StrCat("ISOCHRON_", parts.first)] = parts.second;
  }
  std::vector<std::string> args = Words(in.Rest());
  // It would name a file.
  std::erase_if(args, [](const std::string& a) { return a.find("config") != a.npos; });
  environment.erase("ISOCHRON_CONFIG");
  if (!settings.Load(args, environment).ok()) return;
  (void)settings.Integer("node");
  (void)settings.Bool("bootstrap");
  ISO_CHECK(settings.DurationUs("lease") >= 0, "a time is not negative");
  ISO_CHECK(settings.SizeBytes("cache") >= 0, "a size is not negative");
}

void CheckValues(absl::string_view text) {
  if (auto us = config::ParseDurationUs(text); us.ok()) {
    ISO_CHECK(*us >= 0, "a time is not negative");
  }
  if (auto bytes = config::ParseSizeBytes(text); bytes.ok()) {
    ISO_CHECK(*bytes >= 0, "a size is not negative");
  }
  if (auto spec = truetime::ParseClockSpec(text); spec.ok()) {
    ISO_CHECK(spec->kind != truetime::ClockSpec::Kind::kFixed || spec->bound_us > 0,
              "a fixed bound is positive");
    (void)spec->ToString();
  }
  if (auto address = runtime::ParseHostPort(text); address.ok()) {
    ISO_CHECK(address->port >= 0 && address->port <= 65535, "a port");
    auto again = runtime::ParseHostPort(address->ToString());
    ISO_CHECK(again.ok() && again->host == address->host && again->port == address->port,
              "an address there and back");
  }
  if (auto report = truetime::ParseChronyTracking(text); report.ok()) {
    ISO_CHECK(report->error_us >= 0, "an error is not negative");
  }
}

void CheckWan(absl::string_view text) {
  auto matrix = runtime::WanMatrix::Parse(text);
  if (!matrix.ok()) return;
  const runtime::LinkProfile link = matrix->Link("us-east", "europe-west");
  ISO_CHECK(link.one_way_us >= 0 && link.jitter >= 0 && link.loss >= 0 && link.loss <= 1,
            "a link has a delay and a probability");
}

void CheckScript(const std::string& text) {
  const shell::Script script = shell::CutStatements(text);
  for (const std::string& statement : script.statements) {
    ISO_CHECK(!shell::IsBlank(statement), "no statement is blank");
  }
  ISO_CHECK(shell::WordStart(text) <= text.size(), "the word is in the line");
}

void CheckCommandLines(absl::string_view text) {
  const std::vector<std::string> args = Words(text);
  auto flags = shell::Flags::Parse({{"format", false, "table", "", 'f', {"table", "csv"}},
                                    {"limit", false, "10", "", 0, {}},
                                    {"quiet", true, "false", "", 'q', {}}},
                                   args);
  if (flags.ok()) {
    (void)flags->Number("limit", 0, 100);
    (void)flags->On("quiet");
    (void)flags->All("format");
  }
  auto sim = sim::ParseFlags(args, {{"cycle", "bank"}, {"crash", "partition"}, {"seams"}});
  if (sim.ok()) ISO_CHECK(sim->first <= sim->last, "seeds are a range");
}

void CheckResult(absl::string_view bytes) {
  sim::RunResult result;
  if (!sim::DecodeResult(bytes, &result)) return;
  sim::RunResult again;
  ISO_CHECK(sim::DecodeResult(sim::EncodeResult(result), &again), "a result there and back");
}

}  // namespace

std::vector<std::string> Seeds() {
  sim::RunResult result;
  result.seed = 7;
  result.anomalies.push_back({"name", "what", {1, 2}});
  result.timeline = {"line"};
  result.counts["count"] = 3;
  std::vector<std::string> seeds = {
      "\x01" + Piece("NODE=3\nLEASE=1m30s") + "--data\n/d\n--cache=1GiB\n--no-bootstrap\n-e\nx\n--",
      "\x02node: 3\nlist: [a, b]\n# comment\nlease: '5s'\nmore:\n  - c\n  - \"d\"\n",
      "\x04us-east europe-west 80\nlocal 0.5\ndefault 150\njitter 0.05\nloss 0.001\n",
      "\x05SELECT 'a;''b' ; SELECT $t$;$t$; /* /* ; */ */ -- ;\n E'\\';' ; rest",
      "\x06--format=csv\n-q\n--limit\n5\nword",
      "\x06--seeds\n1..60\n--workloads=cycle,bank\n--faults\ncrash\n--jobs=2\n--sabotage\nnone",
      "\x07" + sim::EncodeResult(result)};
  for (const char* value :
       {"1m30s", "5ms", "64MiB", "10MB", "fixed:5ms", "chrony", "host:7400", "[::1]:7400",
        "A9FEA97B,169.254.169.123,4,1700000000.1,0.000001,0.000002,0.000003,-8.2,0.0,0.02,0.0005,"
        "0.0001,16.2,Normal"}) {
    seeds.push_back(absl::StrCat("\x03", value));
  }
  return seeds;
}

}  // namespace isochron::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace isochron;
  fuzz::Input in(data, size);
  switch (in.Byte()) {
    case 1:
      fuzz::CheckSettings(in);
      break;
    case 2:
      (void)config::ParseYaml(std::string(in.Rest()), "file");
      break;
    case 3:
      fuzz::CheckValues(in.Rest());
      break;
    case 4:
      fuzz::CheckWan(in.Rest());
      break;
    case 5:
      fuzz::CheckScript(std::string(in.Rest()));
      break;
    case 6:
      fuzz::CheckCommandLines(in.Rest());
      break;
    case 7:
      fuzz::CheckResult(in.Rest());
      break;
    default:
      break;
  }
  return 0;
}
