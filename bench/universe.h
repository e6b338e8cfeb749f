// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_BENCH_UNIVERSE_H_
#define ISOCHRON_BENCH_UNIVERSE_H_

// A universe of its own for an experiment: `isochron demo` of this very program in a temporary
// folder. It ends with this object, and with this process in any case: the demo's shell reads from
// a pipe that is held open here.

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace isochron::bench {

class Universe {
 public:
  struct Options {
    int regions = 3;  // one node in each
    bool wan = false;
    std::string clock = "fixed:1ms";
  };
  struct Node {
    std::string region;
    std::string target;  // host:port of its Spanner API
  };
  // Ready to serve. UNAVAILABLE with what the demo said.
  static absl::StatusOr<std::unique_ptr<Universe>> Start(const Options& options);
  ~Universe();
  Universe(const Universe&) = delete;
  Universe& operator=(const Universe&) = delete;

  const std::vector<Node>& nodes() const { return nodes_; }
  std::vector<std::string> Targets() const;

 private:
  Universe() = default;
  absl::Status Spawn(const Options& options);
  absl::Status AwaitReady();
  // True once the demo wrote where its nodes are and that they serve.
  bool ReadNodes();

  std::string folder_;
  pid_t pid_ = 0;
  int shell_input_ = -1;
  std::vector<Node> nodes_;
};

}  // namespace isochron::bench

#endif  // ISOCHRON_BENCH_UNIVERSE_H_
