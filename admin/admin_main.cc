// SPDX-License-Identifier: Apache-2.0
#include "admin/admin_main.h"

#include <iostream>
#include <limits>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "admin/dump_log.h"
#include "admin/live.h"
#include "admin/report.h"
#include "admin/verify.h"
#include "shell/options.h"

namespace isochron::admin {
namespace {

using shell::Flags;
using shell::FlagSpec;

constexpr int64_t kMaxId = std::numeric_limits<int64_t>::max();

// A failed check is 1 without a message of its own: the findings are printed already.
absl::StatusOr<int> ExitOf(const absl::Status& status, const Report& report) {
  if (!status.ok()) return status;
  return report.findings() == 0 ? 0 : 1;
}

// ---- offline: --data ----

absl::StatusOr<int> RunDumpLog(const Flags& flags) {
  std::optional<GroupId> group;
  if (flags.Given("group")) {
    absl::StatusOr<int64_t> id = flags.Number("group", 1, kMaxId);
    if (!id.ok()) return id.status();
    group = GroupId(static_cast<uint64_t>(*id));
  }
  Report report(flags.On("json"), &std::cout);
  return ExitOf(DumpLog(flags.Text("data"), group, &report), report);
}

absl::StatusOr<int> RunVerify(const Flags& flags) {
  Report report(flags.On("json"), &std::cout);
  return ExitOf(Verify(flags.Text("data"), &report), report);
}

// ---- live: --target ----

absl::StatusOr<LiveOptions> LiveOf(const Flags& flags) {
  LiveOptions options;
  options.target = flags.Text("target");
  options.json = flags.On("json");
  absl::StatusOr<int64_t> timeout = flags.Number("timeout", 1, 3600);
  if (!timeout.ok()) return timeout.status();
  options.timeout_s = *timeout;
  return options;
}

absl::StatusOr<int> Sql(const Flags& flags, const std::vector<std::string>& statements) {
  absl::StatusOr<LiveOptions> options = LiveOf(flags);
  if (!options.ok()) return options.status();
  absl::Status status = RunSql(*options, statements);
  if (!status.ok()) return status;
  return 0;
}

absl::StatusOr<int> RunRepair(const Flags& flags) {
  absl::StatusOr<LiveOptions> options = LiveOf(flags);
  if (!options.ok()) return options.status();
  if (!flags.Given("node")) return absl::InvalidArgumentError("--node names no node");
  absl::StatusOr<int64_t> node = flags.Number("node", 1, std::numeric_limits<uint32_t>::max());
  if (!node.ok()) return node.status();
  std::optional<uint64_t> group;
  if (flags.Given("group")) {
    absl::StatusOr<int64_t> id = flags.Number("group", 1, kMaxId);
    if (!id.ok()) return id.status();
    group = static_cast<uint64_t>(*id);
  }
  absl::Status status = Repair(*options, static_cast<uint32_t>(*node), group);
  if (!status.ok()) return status;
  return 0;
}

absl::StatusOr<int> RunGroups(const Flags& f) { return Sql(f, {"SELECT * FROM isochron.groups"}); }
absl::StatusOr<int> RunNodes(const Flags& f) { return Sql(f, {"SELECT * FROM isochron.nodes"}); }
absl::StatusOr<int> RunReplicas(const Flags& f) {
  return Sql(f, {"SELECT * FROM isochron.replicas"});
}

// ---- the table ----

enum class Where { kData, kTarget };

struct Command {
  const char* name;
  const char* help;
  Where where;
  std::vector<FlagSpec> flags;
  absl::StatusOr<int> (*run)(const Flags& flags);
};

const std::vector<Command>& Commands() {
  static const auto* commands = new std::vector<Command>{
      {"dump-log",
       "every record of a node's log, and where it is damaged",
       Where::kData,
       {{"group", false, "", "only this group's records", 'g', {}}},
       RunDumpLog},
      {"verify", "whether a stopped node's data is whole", Where::kData, {}, RunVerify},
      {"nodes", "the nodes of a universe", Where::kTarget, {}, RunNodes},
      {"groups", "its groups and their leaders", Where::kTarget, {}, RunGroups},
      {"repair",
       "have a node replace its damaged replicas now, and wait",
       Where::kTarget,
       {{"node", false, "", "the node", 'n', {}},
        {"group", false, "", "only its replica of this group", 'g', {}}},
       RunRepair},
      {"replicas", "every replica of every group, and its state", Where::kTarget, {}, RunReplicas},
  };
  return *commands;
}

std::vector<FlagSpec> SpecsOf(const Command& command) {
  std::vector<FlagSpec> specs = command.flags;
  if (command.where == Where::kData) {
    specs.push_back({"data", false, "", "the node's data folder", 'd', {}});
  } else {
    specs.push_back(
        {"target", false, "localhost:9010", "HOST:PORT of a node's Spanner API", 't', {}});
    specs.push_back({"timeout", false, "60", "seconds that the command may take", 0, {}});
  }
  specs.push_back({"json", true, "", "one JSON object a line", 0, {}});
  specs.push_back({"help", true, "", "this", 'h', {}});
  return specs;
}

int Usage(const std::string& problem) {
  std::ostream& out = problem.empty() ? std::cout : std::cerr;
  if (!problem.empty()) out << "isochron admin: " << problem << "\n\n";
  out << "usage: isochron admin COMMAND [FLAGS]; `isochron admin COMMAND --help` lists the "
         "flags\n\n";
  for (const Command& c : Commands()) {
    const std::string name = c.name;
    out << "  " << name << std::string(name.size() < 12 ? 12 - name.size() : 1, ' ') << c.help
        << (c.where == Where::kData ? " (--data FOLDER)" : "") << "\n";
  }
  return problem.empty() ? 0 : 2;
}

int RunCommand(const Command& command, const std::vector<std::string>& args) {
  const auto fail = [&command](absl::string_view message, int status) {
    std::cerr << "isochron admin " << command.name << ": " << message << "\n";
    return status;
  };
  const std::vector<FlagSpec> specs = SpecsOf(command);
  absl::StatusOr<Flags> flags = Flags::Parse(specs, args);
  if (!flags.ok()) return fail(flags.status().message(), 2);
  if (flags->On("help")) {
    std::cout << "usage: isochron admin " << command.name << " [FLAGS]: " << command.help << "\n\n"
              << shell::FlagHelp(specs);
    return 0;
  }
  if (!flags->arguments().empty()) {
    return fail(absl::StrCat("what is \"", flags->arguments()[0], "\"? it takes flags only"), 2);
  }
  if (command.where == Where::kData && flags->Text("data").empty()) {
    return fail("--data names no folder", 2);
  }
  const absl::StatusOr<int> done = command.run(*flags);
  if (done.ok()) return *done;
  return fail(done.status().message(), absl::IsInvalidArgument(done.status()) ? 2 : 1);
}

}  // namespace

int RunAdmin(const std::vector<std::string>& args) {
  if (args.empty()) return Usage("name a command");
  if (args[0] == "--help" || args[0] == "-h" || args[0] == "help") return Usage("");
  for (const Command& c : Commands()) {
    if (args[0] == c.name) return RunCommand(c, {args.begin() + 1, args.end()});
  }
  return Usage(absl::StrCat("unknown command \"", args[0], "\""));
}

}  // namespace isochron::admin
