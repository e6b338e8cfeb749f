// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_MAIN_DEMO_LAYOUT_H_
#define ISOCHRON_SERVER_MAIN_DEMO_LAYOUT_H_

// Which nodes a demo has, how each is started, and the file that remembers them
// (FOLDER/demo.json: the JSON object that `demo --detach` prints).

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace isochron::server {

struct DemoNode {
  int node = 0;
  std::string region;
  std::string zone;
  int pid = 0;        // 0: not running
  std::string peers;  // host:port
  std::string grpc;   // host:port
  std::string pg;     // host:port
  std::string data;   // folder
};

struct DemoLayout {
  std::vector<DemoNode> nodes;
  bool wan = true;
  std::string clock = "fixed:1ms";
  int64_t initial_groups = 1;  // while it is not bootstrapped
  // It was ready once. From then on a node whose folder is gone is not made anew: it would have
  // forgotten what it promised (rule 28).
  bool bootstrapped = false;
};

// Nodes 1, 2, ... region by region; zones a, b, ... within one. INVALID_ARGUMENT for numbers that
// are out of range.
absl::StatusOr<DemoLayout> MakeLayout(const std::string& folder, int regions, int nodes_per_region,
                                      bool wan);
// Gives every node free ports on the loopback interface.
absl::Status ChoosePorts(DemoLayout* layout);

// The arguments that start one node, after the program's name.
std::vector<std::string> StartArguments(const DemoLayout& layout, const DemoNode& node,
                                        bool detached);

std::string LayoutToJson(const DemoLayout& layout);
// DATA_LOSS when it is not such a file's content.
absl::StatusOr<DemoLayout> LayoutFromJson(absl::string_view text);

// NOT_FOUND when the folder has none.
absl::StatusOr<DemoLayout> ReadLayout(const std::string& folder);
absl::Status WriteLayout(const std::string& folder, const DemoLayout& layout);

}  // namespace isochron::server

#endif  // ISOCHRON_SERVER_MAIN_DEMO_LAYOUT_H_
