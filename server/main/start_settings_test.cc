// SPDX-License-Identifier: Apache-2.0
#include "server/main/start_settings.h"

#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "server/main/pg_users.h"

namespace isochron::server {
namespace {

constexpr char kPeers[] = "1=127.0.0.1:7400/us/a,2=10.0.0.2:7400/eu/a";

absl::StatusOr<StartOptions> Make(std::vector<std::string> args) {
  config::Settings settings(StartTable());
  absl::Status status = settings.Load(args, {});
  if (!status.ok()) return status;
  return MakeStartOptions(settings, true);
}

TEST(StartSettingsTest, Good) {
  auto o = Make({"--data", "d", "--node", "2", "--peers", kPeers, "--clock", "fixed:5ms", "--wan",
                 "typical"});
  ASSERT_TRUE(o.ok()) << o.status();
  EXPECT_EQ(o->region, "eu");
  EXPECT_EQ(o->peers.size(), 2u);
  EXPECT_EQ(o->clock.bound_us, 5000);
  EXPECT_EQ(o->lease_us, 3'000'000);
  EXPECT_EQ(o->version_retention_us, 3'600'000'000);
  EXPECT_EQ(o->split_bytes, 64 << 20);
  EXPECT_EQ(o->merge_after_us, 600'000'000);
  EXPECT_TRUE(o->emulate_wan);
}

TEST(StartSettingsTest, EachMistakeNamesItsFlag) {
  const auto says = [](std::vector<std::string> more, absl::string_view what) {
    std::vector<std::string> args = {"--data", "d", "--node", "1", "--peers", kPeers};
    args.insert(args.end(), more.begin(), more.end());
    const auto o = Make(args);
    EXPECT_TRUE(absl::IsInvalidArgument(o.status())) << what;
    EXPECT_TRUE(absl::StrContains(o.status().message(), what)) << o.status();
  };
  says({"--data="}, "--data");
  says({"--node", "0"}, "--node");
  says({"--node", "3"}, "does not name this node");
  says({"--peers", "1=x"}, "--peers");
  says({"--peers", "1=h:1/us/a,1=h:2/us/b"}, "stands twice");
  says({"--peers", "1=h:0/us/a"}, "not an address");
  says({"--peers="}, "--peers");
  says({"--region", "asia"}, "--region and --zone say asia");
  says({"--listen-grpc", "nine"}, "--listen-grpc");
  says({"--listen-pg", "nine"}, "--listen-pg");
  says({"--max-pg-connections", "0"}, "--max-pg-connections");
  says({"--pg-users", "/nowhere"}, "/nowhere, cannot be read");
  says({"--clock", "fixed"}, "--clock");
  says({"--wan", "/nowhere"}, "--wan");
  says({"--lease", "1ms"}, "--lease");
  says({"--split-size", "1KiB"}, "--split-size");
  says({"--version-retention", "1ms"}, "--version-retention");
  says({"--clcok", "x"}, "did you mean --clock?");
}

TEST(PgUsersTest, WhatIsMadeCanBeRead) {
  std::istringstream password("secret\nmore");
  std::ostringstream line, errors;
  EXPECT_EQ(RunPgUser("o \"me", password, line, errors), 0);
  const std::string file = testing::TempDir() + "/users";
  std::ofstream(file) << "# who\n" << line.str();
  auto users = LoadPgUsers(file);
  ASSERT_TRUE(users.ok()) << users.status();
  EXPECT_EQ((*users)->size(), 1u);
  std::ofstream(file, std::ios::app) << "\"me\" \"secret\"\n";
  EXPECT_NE(LoadPgUsers(file).status().message().find("line 3 has no verifier"), std::string::npos);
  std::istringstream nothing("\n");
  EXPECT_EQ(RunPgUser("me", nothing, line, errors), 2);
}

TEST(ConfigCheckTest, ExitStatus) {
  const std::string good = testing::TempDir() + "/good.yaml";
  std::ofstream(good) << "lease: 5s\nclock: kernel\n";
  const std::string bad = testing::TempDir() + "/bad.yaml";
  std::ofstream(bad) << "leese: 5s\n";
  EXPECT_EQ(RunConfig({"check", good}), 0);
  EXPECT_EQ(RunConfig({"check", bad}), 1);
  EXPECT_EQ(RunConfig({"check"}), 2);
  EXPECT_EQ(RunConfig({}), 2);
}

}  // namespace
}  // namespace isochron::server
