// SPDX-License-Identifier: Apache-2.0
#include "server/main/demo_layout.h"

#include <filesystem>
#include <fstream>
#include <set>

#include "gtest/gtest.h"
#include "server/main/demo.h"
#include "server/main/start_settings.h"

namespace isochron::server {
namespace {

int NoShell(const std::vector<std::string>&) {
  ADD_FAILURE() << "no shell is to be run";
  return 1;
}

TEST(DemoLayoutTest, RegionsZonesPortsAndBack) {
  auto layout = MakeLayout("/data", 3, 2, true);
  ASSERT_TRUE(layout.ok());
  ASSERT_EQ(layout->nodes.size(), 6u);
  EXPECT_EQ(layout->nodes[0].region, layout->nodes[1].region);
  EXPECT_NE(layout->nodes[0].zone, layout->nodes[1].zone);
  EXPECT_NE(layout->nodes[1].region, layout->nodes[2].region);
  ASSERT_TRUE(ChoosePorts(&*layout).ok());
  std::set<std::string> addresses;
  for (const DemoNode& n : layout->nodes) addresses.insert({n.peers, n.grpc});
  EXPECT_EQ(addresses.size(), 12u);
  layout->nodes[3].pid = 77;
  auto again = LayoutFromJson(LayoutToJson(*layout));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(LayoutToJson(*again), LayoutToJson(*layout));
  for (const char* bad : {"", "{}", "[]", "{\"nodes\":[]}", "{\"nodes\":[{\"node\":1}]}"}) {
    EXPECT_FALSE(LayoutFromJson(bad).ok()) << bad;
  }
  EXPECT_FALSE(MakeLayout("/data", 0, 1, true).ok());
  EXPECT_FALSE(MakeLayout("/data", 3, 100, true).ok());
}

TEST(DemoLayoutTest, StartUnderstandsTheArguments) {
  auto layout = MakeLayout("/data", 3, 1, true);
  ASSERT_TRUE(layout.ok());
  ASSERT_TRUE(ChoosePorts(&*layout).ok());
  for (const DemoNode& n : layout->nodes) {
    std::vector<std::string> args = StartArguments(*layout, n, false);
    ASSERT_EQ(args[0], "start");
    config::Settings settings(StartTable());
    ASSERT_TRUE(settings.Load({args.begin() + 1, args.end()}, {}).ok());
    auto options = MakeStartOptions(settings, true);
    ASSERT_TRUE(options.ok()) << options.status();
    EXPECT_EQ(options->region, n.region);
    EXPECT_EQ(options->listen_pg.ToString(), n.pg);
    EXPECT_TRUE(options->bootstrap);
    EXPECT_TRUE(options->die_with_parent);
    EXPECT_TRUE(options->emulate_wan);
  }
}

TEST(DemoTest, UsageErrors) {
  EXPECT_EQ(RunDemo({"--regoins", "3"}, NoShell), 2);
  EXPECT_EQ(RunDemo({"--detach"}, NoShell), 2);
  EXPECT_EQ(RunDemo({"--stop"}, NoShell), 2);
  EXPECT_EQ(RunDemo({"what"}, NoShell), 2);
  EXPECT_EQ(RunDemo({"--regions", "99"}, NoShell), 2);
  EXPECT_EQ(RunDemo({"--detach", "--data", "x", "-e", "SELECT 1"}, NoShell), 2);
  EXPECT_EQ(RunDemo({"--help"}, NoShell), 0);
}

TEST(DemoTest, StopWhereNothingRuns) {
  const std::string folder = testing::TempDir() + "/nothing";
  std::filesystem::create_directories(folder);
  EXPECT_EQ(RunDemo({"--stop", "--data", folder}, NoShell), 1);
  auto layout = MakeLayout(folder, 1, 1, false);
  layout->nodes[0].pid = 1;  // somebody else's process by now: it is left alone
  ASSERT_TRUE(WriteLayout(folder, *layout).ok());
  EXPECT_EQ(RunDemo({"--stop", "--data", folder}, NoShell), 0);
}

}  // namespace
}  // namespace isochron::server
