// SPDX-License-Identifier: Apache-2.0
#include "admin/live_verify.h"

#include <chrono>
#include <iostream>
#include <map>
#include <set>
#include <thread>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/status_macros.h"
#include "shell/options.h"

namespace isochron::admin {
namespace {

using client::Client;
using client::Result;
using Json = nlohmann::ordered_json;

// So far in the past no replica that works has to wait for its safe time for long.
constexpr int64_t kBehindUs = 1'000'000;
constexpr int64_t kProbeRows = 16;
// How often a page is asked for again before what differs is told.
constexpr int kTries = 3;

void PauseMs(int64_t ms) {
  std::this_thread::sleep_for(  // lint: allow(sleep): keeps to the rate that was asked for
      std::chrono::milliseconds(ms));
}

// Keys are bytes; most are short, and long ones are cut.
std::string ShowKey(const std::string& hex) {
  if (hex.empty()) return "the end";
  return hex.size() <= 48 ? hex : absl::StrCat(hex.substr(0, 48), "...");
}

struct Page {
  int64_t rows = 0;
  int64_t checksum = 0;
  std::string from, to;  // hexadecimal
  bool more = false;
};

using Nodes = std::map<int64_t, std::vector<int64_t>>;  // by group
using Pages = std::map<int64_t, absl::StatusOr<Page>>;  // by node

class Verifier {
 public:
  Verifier(std::vector<std::unique_ptr<Client>> clients, const LiveVerifyOptions& options,
           Report* report)
      : clients_(std::move(clients)), options_(options), report_(report) {}

  absl::Status Replicas() {
    ISO_ASSIGN_OR_RETURN(t_, ChooseTimestamp());
    int64_t groups = 0;
    for (int pass = 1; pass <= kTries; ++pass) {
      merged_ = false;
      rows_ = pages_ = 0;
      ISO_ASSIGN_OR_RETURN(groups, AllGroups());
      if (!merged_) break;
    }
    if (merged_) {
      report_->Finding({{"check", "replicas"}},
                       "replicas: groups were merged all the while, and not all was compared; "
                       "run it again");
    }
    report_->Line({{"kind", "replicas"},
                   {"timestamp", ToString(t_)},
                   {"groups", groups},
                   {"pages", pages_},
                   {"rows", rows_}},
                  absl::StrCat("replicas: ", groups, " groups, ", rows_, " rows in ", pages_,
                               " pages compared at ", client::Value(t_).ToText()));
    return absl::OkStatus();
  }

  absl::Status Probe() {
    if (options_.probes == 0) return absl::OkStatus();
    ISO_RETURN_IF_ERROR(clients_[0]
                            ->Execute("CREATE TABLE IF NOT EXISTS isochron_verify (k bigint "
                                      "PRIMARY KEY, v bigint NOT NULL)")
                            .status());
    for (int64_t i = 0; i < options_.probes; ++i) {
      ProbeOnce(i);
      PauseMs(1000 / options_.probes_per_second);
    }
    if (answered_ == 0) {
      report_->Finding({{"check", "probe"}},
                       absl::StrCat("probe: no write was acknowledged: ", last_error_));
    }
    report_->Line({{"kind", "probe"},
                   {"targets", clients_.size()},
                   {"acknowledged", answered_},
                   {"failed", failed_}},
                  absl::StrCat("probe: ", answered_, " writes acknowledged and read again through ",
                               clients_.size(), clients_.size() == 1 ? " target" : " targets", ", ",
                               failed_, " operations failed"));
    return absl::OkStatus();
  }

 private:
  // Compares each, and says how many there were. A split makes groups while this runs; what they
  // hold is asked for once more.
  absl::StatusOr<int64_t> AllGroups() {
    std::set<int64_t> done;
    for (bool found = true; found;) {
      found = false;
      ISO_ASSIGN_OR_RETURN(const Nodes holders, Holders());
      for (const auto& [group, nodes] : holders) {
        if (!done.insert(group).second) continue;
        found = true;
        CompareGroup(group, nodes);
      }
    }
    return static_cast<int64_t>(done.size());
  }

  // A little before the clock that is furthest behind.
  absl::StatusOr<Timestamp> ChooseTimestamp() {
    ISO_ASSIGN_OR_RETURN(const Result result,
                         clients_[0]->Execute("SELECT earliest FROM isochron.clocks"));
    Timestamp least = Timestamp::Max();
    for (const client::Row& row : result.rows) {
      ISO_ASSIGN_OR_RETURN(const auto t, row.Get<std::optional<Timestamp>>(0));
      if (t.has_value()) least = std::min(least, *t);
    }
    if (least == Timestamp::Max()) {
      return absl::UnavailableError("no node has a clock with a bound: see isochron.clocks");
    }
    return Timestamp(least.us - kBehindUs);
  }

  // The nodes that hold each group's rows. Damaged replicas are findings.
  absl::StatusOr<Nodes> Holders() {
    ISO_ASSIGN_OR_RETURN(
        const Result result,
        clients_[0]->Execute("SELECT group_id, node, kind, damage FROM isochron.replicas"));
    Nodes holders;
    for (const client::Row& row : result.rows) {
      using Text = std::optional<std::string>;
      ISO_ASSIGN_OR_RETURN(const auto found, (row.As<int64_t, int64_t, std::string, Text>()));
      const auto& [group, node, kind, damage] = found;
      if (kind == "damaged" && told_.insert({group, node}).second) {
        report_->Finding({{"check", "replicas"}, {"group", group}, {"node", node}},
                         absl::StrCat("group ", group, ": the replica on node ", node,
                                      " is damaged: ", damage.value_or("")));
      }
      if (kind == "voter" || kind == "read-only") holders[group].push_back(node);
    }
    return holders;
  }

  absl::StatusOr<Page> Ask(int64_t group, int64_t node, const std::string& from,
                           const std::string& to) {
    ISO_ASSIGN_OR_RETURN(const Result result,
                         clients_[0]->Execute("SELECT isochron.checksum($1, $2, $3, $4, $5)",
                                              {group, node, t_, from, to}));
    if (result.rows.size() != 1) return absl::InternalError("isochron.checksum gave no row");
    Page page;
    ISO_ASSIGN_OR_RETURN(auto told,
                         (result.rows[0].As<int64_t, int64_t, std::string, std::string, bool>()));
    std::tie(page.rows, page.checksum, page.from, page.to, page.more) = std::move(told);
    return page;
  }

  void CompareGroup(int64_t group, const std::vector<int64_t>& nodes) {
    std::string from;
    for (;;) {
      PauseMs(1000 / options_.pages_per_second);
      std::optional<Page> page = ComparePage(group, nodes, from);
      if (!page.has_value()) return;
      ++pages_;
      rows_ += page->rows;
      if (!page->more) return;
      from = page->to;
    }
  }

  // The page as the first replica that answers has it; nothing when the group is done with.
  std::optional<Page> ComparePage(int64_t group, const std::vector<int64_t>& nodes,
                                  const std::string& from) {
    for (int tries = 1;; ++tries) {
      Pages pages;
      std::optional<Page> first;
      for (const int64_t node : nodes) {
        absl::StatusOr<Page> page = Ask(group, node, from, first.has_value() ? first->to : "");
        if (page.ok() && !first.has_value()) first = *page;
        pages.emplace(node, std::move(page));
      }
      bool equal = first.has_value();
      for (const auto& [node, page] : pages) {
        // Those after the first are asked for exactly its part, and have no more than that.
        equal &= page.ok() && page->rows == first->rows && page->checksum == first->checksum &&
                 page->to == first->to && page->from == first->from;
      }
      if (equal) return first;
      if (tries < kTries) {
        PauseMs(200);
        continue;
      }
      DropMoved(group, &pages);
      Tell(group, pages);
      return first;
    }
  }

  // A refusal is no finding where the rows are another group's by now, or other nodes'.
  void DropMoved(int64_t group, Pages* pages) {
    const absl::StatusOr<Nodes> now = Holders();
    if (now.ok() && !now->contains(group)) merged_ = true;
    std::erase_if(*pages, [&](const auto& asked) {
      if (asked.second.ok() || !now.ok()) return false;
      if (absl::IsOutOfRange(asked.second.status())) return true;
      const auto holders = now->find(group);
      return holders == now->end() || !absl::c_linear_search(holders->second, asked.first);
    });
  }

  void Tell(int64_t group, const Pages& pages) {
    std::map<std::string, std::vector<int64_t>> by_content;
    std::string from, to;
    for (const auto& [node, page] : pages) {
      if (page.ok()) {
        by_content[absl::StrCat(page->rows, " rows, checksum ", absl::Hex(page->checksum), ", to ",
                                ShowKey(page->to))]
            .push_back(node);
        from = page->from;
        to = page->to;
        continue;
      }
      if (!told_.insert({group, node}).second) continue;
      report_->Finding({{"check", "replicas"}, {"group", group}, {"node", node}},
                       absl::StrCat("group ", group, ": the replica on node ", node,
                                    " could not be compared: ", page.status().message()));
    }
    if (by_content.size() < 2) return;
    std::string text = absl::StrCat("group ", group, ": replicas differ between the keys ",
                                    ShowKey(from), " and ", ShowKey(to), ":");
    Json contents = Json::array();
    for (const auto& [content, nodes] : by_content) {
      absl::StrAppend(&text, contents.empty() ? " " : "; ", "node ", absl::StrJoin(nodes, ", "),
                      " has ", content);
      contents.push_back({{"nodes", nodes}, {"content", content}});
    }
    report_->Finding({{"check", "replicas"},
                      {"group", group},
                      {"from", from},
                      {"to", to},
                      {"contents", contents}},
                     text);
  }

  void ProbeFailed(const absl::Status& status) {
    ++failed_;
    last_error_ = std::string(status.message());
  }

  // Raises a row through one target, and reads it through the next.
  void ProbeOnce(int64_t i) {
    const auto targets = static_cast<int64_t>(clients_.size());
    Client* writer = clients_[static_cast<size_t>(i % targets)].get();
    Client* reader = clients_[static_cast<size_t>((i + 1) % targets)].get();
    const int64_t key = i % kProbeRows;
    int64_t written = 0;
    const absl::StatusOr<client::CommitInfo> commit =
        writer->ReadWrite([&](client::Transaction& txn) -> absl::Status {
          ISO_ASSIGN_OR_RETURN(
              const Result old,
              txn.Execute("SELECT v FROM isochron_verify WHERE k = $1 FOR UPDATE", {key}));
          written = 1;
          if (!old.rows.empty()) {
            ISO_ASSIGN_OR_RETURN(written, old.rows[0].Get<int64_t>(0));
            ++written;
          }
          return txn
              .Execute(
                  "INSERT INTO isochron_verify VALUES ($1, $2) ON CONFLICT (k) DO UPDATE SET "
                  "v = excluded.v",
                  {key, written})
              .status();
        });
    if (!commit.ok()) return ProbeFailed(commit.status());
    ++answered_;
    const Timestamp s = commit->commit_timestamp;
    if (s <= greatest_) {
      report_->Finding(
          {{"check", "probe"}},
          absl::StrCat("probe: a transaction that began after timestamp ",
                       client::Value(greatest_).ToText(), " had been acknowledged committed at ",
                       client::Value(s).ToText()));
    }
    greatest_ = std::max(greatest_, s);
    CheckRead(reader, key, written, s);
  }

  void CheckRead(Client* reader, int64_t key, int64_t written, Timestamp s) {
    google::spanner::v1::TransactionOptions::ReadOnly strong;
    strong.set_strong(true);
    strong.set_return_read_timestamp(true);
    const absl::StatusOr<Result> read =
        reader->ReadOnce(strong, "SELECT v FROM isochron_verify WHERE k = $1", {key});
    if (!read.ok()) return ProbeFailed(read.status());
    int64_t seen = 0;
    if (!read->rows.empty()) seen = read->rows[0].Get<int64_t>(0).value_or(0);
    // Another verification may have raised it since.
    if (seen < written) {
      report_->Finding({{"check", "probe"}},
                       absl::StrCat("probe: a strong read saw ", seen, " after ", written,
                                    " had been acknowledged at ", client::Value(s).ToText()));
    }
    const Timestamp t = read->read_timestamp.value_or(Timestamp());
    if (t < s) {
      report_->Finding({{"check", "probe"}},
                       absl::StrCat("probe: a strong read at ", client::Value(t).ToText(),
                                    " began after the row's commit at ", client::Value(s).ToText(),
                                    " had been acknowledged"));
    }
  }

  const std::vector<std::unique_ptr<Client>> clients_;
  const LiveVerifyOptions options_;
  Report* const report_;
  Timestamp t_;
  std::set<std::pair<int64_t, int64_t>> told_;  // replicas that could not be compared
  bool merged_ = false;                         // a group went into another one meanwhile
  int64_t pages_ = 0;
  int64_t rows_ = 0;
  Timestamp greatest_;  // committed so far
  int64_t answered_ = 0;
  int64_t failed_ = 0;
  std::string last_error_;
};

std::vector<shell::FlagSpec> Specs() {
  return {
      {"target",
       false,
       "localhost:9010",
       "HOST:PORT of nodes' Spanner API, by commas; the probe goes through all",
       't',
       {}},
      {"probes", false, "20", "writes of the probe; 0: none, and nothing is written", 0, {}},
      {"probes-per-second", false, "20", "at most", 0, {}},
      {"pages-per-second", false, "5", "of each group's rows, at most", 0, {}},
      {"timeout", false, "20", "seconds that one call may take", 0, {}},
      {"json", true, "", "one JSON object a line", 0, {}},
      {"help", true, "", "this", 'h', {}},
  };
}

absl::StatusOr<LiveVerifyOptions> ReadOptions(const shell::Flags& flags) {
  LiveVerifyOptions o;
  o.targets = absl::StrSplit(flags.Text("target"), ',', absl::SkipEmpty());
  if (o.targets.empty()) return absl::InvalidArgumentError("--target names no node");
  ISO_ASSIGN_OR_RETURN(o.probes, flags.Number("probes", 0, 1'000'000));
  ISO_ASSIGN_OR_RETURN(o.probes_per_second, flags.Number("probes-per-second", 1, 1000));
  ISO_ASSIGN_OR_RETURN(o.pages_per_second, flags.Number("pages-per-second", 1, 1000));
  ISO_ASSIGN_OR_RETURN(const int64_t seconds, flags.Number("timeout", 1, 3600));
  o.timeout_ms = seconds * 1000;
  return o;
}

}  // namespace

absl::Status LiveVerify(const LiveVerifyOptions& options, Report* report) {
  std::vector<std::unique_ptr<Client>> clients;
  for (const std::string& target : options.targets) {
    Client::Options o;
    o.session.timeout_ms = options.timeout_ms;
    o.retry_ms = options.timeout_ms;
    ISO_ASSIGN_OR_RETURN(std::unique_ptr<Client> client, Client::Connect({target}, o));
    clients.push_back(std::move(client));
  }
  Verifier verifier(std::move(clients), options, report);
  ISO_RETURN_IF_ERROR(verifier.Replicas());
  return verifier.Probe();
}

int RunLiveVerify(const std::vector<std::string>& args) {
  const auto fail = [](absl::string_view message, int status) {
    std::cerr << "isochron verify: " << message << "\n";
    return status;
  };
  const absl::StatusOr<shell::Flags> flags = shell::Flags::Parse(Specs(), args);
  if (!flags.ok()) return fail(flags.status().message(), 2);
  if (flags->On("help")) {
    std::cout << "usage: isochron verify --target HOST:PORT[,...] [FLAGS]: checks a running "
                 "universe\n\n"
              << shell::FlagHelp(Specs());
    return 0;
  }
  if (!flags->arguments().empty()) {
    return fail(absl::StrCat("what is \"", flags->arguments()[0],
                             "\"? it takes flags only; `"
                             "isochron admin verify --data` is for a stopped node"),
                2);
  }
  const absl::StatusOr<LiveVerifyOptions> options = ReadOptions(*flags);
  if (!options.ok()) return fail(options.status().message(), 2);
  Report report(flags->On("json"), &std::cout);
  const absl::Status status = LiveVerify(*options, &report);
  if (!status.ok()) return fail(status.message(), 1);
  report.Line({{"kind", "end"}, {"findings", report.findings()}},
              report.findings() == 0 ? "nothing wrong was found"
                                     : absl::StrCat(report.findings(), " findings"));
  return report.findings() == 0 ? 0 : 1;
}

}  // namespace isochron::admin
