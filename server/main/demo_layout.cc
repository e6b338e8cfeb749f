// SPDX-License-Identifier: Apache-2.0
#include "server/main/demo_layout.h"

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status_macros.h"
#include "server/runtime/address.h"
#include "server/runtime/wan.h"

namespace isochron::server {
namespace {

using nlohmann::json;

constexpr int kMaxNodesPerRegion = 9;

std::string PathOf(const std::string& folder) { return absl::StrCat(folder, "/demo.json"); }

}  // namespace

absl::StatusOr<DemoLayout> MakeLayout(const std::string& folder, int regions, int nodes_per_region,
                                      bool wan) {
  const std::vector<std::string>& names = runtime::TypicalRegions();
  if (regions < 1 || regions > static_cast<int>(names.size())) {
    return absl::InvalidArgumentError(absl::StrCat("--regions: 1 to ", names.size()));
  }
  if (nodes_per_region < 1 || nodes_per_region > kMaxNodesPerRegion) {
    return absl::InvalidArgumentError(
        absl::StrCat("--nodes-per-region: 1 to ", kMaxNodesPerRegion));
  }
  DemoLayout layout;
  layout.wan = wan;
  for (int r = 0; r < regions; ++r) {
    for (int i = 0; i < nodes_per_region; ++i) {
      DemoNode n;
      n.node = static_cast<int>(layout.nodes.size()) + 1;
      n.region = names[r];
      n.zone = absl::StrCat(names[r], "-", std::string(1, static_cast<char>('a' + i)));
      n.data = absl::StrCat(folder, "/node-", n.node);
      layout.nodes.push_back(std::move(n));
    }
  }
  return layout;
}

absl::Status ChoosePorts(DemoLayout* layout) {
  // All stay open until all are chosen, so that none is chosen twice.
  std::vector<runtime::Listener> held;
  absl::Status status;
  const auto choose = [&]() -> std::string {
    absl::StatusOr<runtime::Listener> l = runtime::Listen({"127.0.0.1", 0});
    if (!l.ok()) {
      status = l.status();
      return "";
    }
    held.push_back(*l);
    return l->address.ToString();
  };
  for (DemoNode& n : layout->nodes) {
    n.peers = choose();
    n.grpc = choose();
    n.pg = choose();
  }
  for (const runtime::Listener& l : held) runtime::CloseListener(l);
  return status;
}

std::vector<std::string> StartArguments(const DemoLayout& layout, const DemoNode& node,
                                        bool detached) {
  std::vector<std::string> peers;
  for (const DemoNode& n : layout.nodes) {
    peers.push_back(absl::StrCat(n.node, "=", n.peers, "/", n.region, "/", n.zone));
  }
  std::vector<std::string> args = {
      "start", "--data", node.data, "--node", absl::StrCat(node.node), "--peers",
      absl::StrJoin(peers, ","), "--listen-peers", node.peers, "--listen-grpc", node.grpc,
      "--listen-pg", node.pg,
      // Sound here and nowhere else: all nodes share one kernel's clock.
      "--clock", layout.clock, "--wan", layout.wan ? "typical" : "none"};
  if (!layout.bootstrapped) args.push_back("--bootstrap");
  if (!layout.bootstrapped && layout.initial_groups != 1) {
    args.insert(args.end(), {"--initial-groups", absl::StrCat(layout.initial_groups)});
  }
  if (!detached) args.push_back("--die-with-parent");
  return args;
}

std::string LayoutToJson(const DemoLayout& layout) {
  json nodes = json::array();
  for (const DemoNode& n : layout.nodes) {
    nodes.push_back({{"region", n.region},
                     {"zone", n.zone},
                     {"node", n.node},
                     {"pid", n.pid},
                     {"peers", n.peers},
                     {"grpc", n.grpc},
                     {"pg", n.pg},
                     {"data", n.data}});
  }
  return json{{"nodes", nodes},
              {"wan", layout.wan},
              {"clock", layout.clock},
              {"bootstrapped", layout.bootstrapped}}
      .dump();
}

absl::StatusOr<DemoLayout> LayoutFromJson(absl::string_view text) {
  const json root = json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  const absl::Status bad = absl::DataLossError("not a demo's description");
  if (!root.is_object() || !root.contains("nodes") || !root["nodes"].is_array()) return bad;
  DemoLayout layout;
  for (const auto& [key, field] : {std::pair<const char*, bool*>{"wan", &layout.wan},
                                   {"bootstrapped", &layout.bootstrapped}}) {
    if (root.contains(key) && root[key].is_boolean()) *field = root[key].get<bool>();
  }
  if (root.contains("clock") && root["clock"].is_string()) {
    layout.clock = root["clock"].get<std::string>();
  }
  for (const json& entry : root["nodes"]) {
    DemoNode n;
    for (const auto& [key, field] : {std::pair<const char*, std::string*>{"region", &n.region},
                                     {"zone", &n.zone},
                                     {"peers", &n.peers},
                                     {"grpc", &n.grpc},
                                     {"data", &n.data}}) {
      if (!entry.contains(key) || !entry[key].is_string()) return bad;
      *field = entry[key].get<std::string>();
    }
    // Absent in a file from before this door.
    if (entry.contains("pg") && entry["pg"].is_string()) n.pg = entry["pg"].get<std::string>();
    if (!entry.contains("node") || !entry["node"].is_number_integer()) return bad;
    if (!entry.contains("pid") || !entry["pid"].is_number_integer()) return bad;
    n.node = entry["node"].get<int>();
    n.pid = entry["pid"].get<int>();
    layout.nodes.push_back(std::move(n));
  }
  if (layout.nodes.empty()) return bad;
  return layout;
}

absl::StatusOr<DemoLayout> ReadLayout(const std::string& folder) {
  std::ifstream in(PathOf(folder));
  if (!in) return absl::NotFoundError(absl::StrCat("there is no demo in the folder ", folder));
  std::stringstream content;
  content << in.rdbuf();
  absl::StatusOr<DemoLayout> layout = LayoutFromJson(content.str());
  if (!layout.ok()) {
    return absl::DataLossError(absl::StrCat(PathOf(folder), ": ", layout.status().message()));
  }
  return layout;
}

absl::Status WriteLayout(const std::string& folder, const DemoLayout& layout) {
  const std::string temporary = absl::StrCat(PathOf(folder), ".new");
  {
    std::ofstream out(temporary);
    out << LayoutToJson(layout) << "\n";
    out.close();
    if (!out) return absl::UnavailableError(absl::StrCat("cannot write ", temporary));
  }
  if (std::rename(temporary.c_str(), PathOf(folder).c_str()) != 0) {
    return absl::UnavailableError(absl::StrCat("cannot rename ", temporary));
  }
  return absl::OkStatus();
}

}  // namespace isochron::server
