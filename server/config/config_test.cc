// SPDX-License-Identifier: Apache-2.0
#include "server/config/config.h"

#include <fstream>

#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace isochron::config {
namespace {

std::vector<Setting> Table() {
  return {{"config", Kind::kText, "", "file"},
          {"data", Kind::kText, "", "folder"},
          {"listen_grpc", Kind::kText, "127.0.0.1:9010", "address"},
          {"lease", Kind::kDuration, "3s", "length"},
          {"cache_size", Kind::kSize, "64MiB", "size"},
          {"nodes", Kind::kInteger, "1", "count"},
          {"wan", Kind::kBool, "true", "emulate"},
          {"execute", Kind::kText, "", "statement", 'e'}};
}

std::string File(const std::string& content) {
  const std::string path = testing::TempDir() + "/config.yaml";
  std::ofstream(path) << content;
  return path;
}

TEST(ConfigTest, Precedence) {
  const std::string file = File("data: from-file\nlease: 1s\nnodes: 5\n");
  Settings s(Table());
  ASSERT_TRUE(s.Load({"--config", file, "--data=from-flag"},
                     {{"ISOCHRON_DATA", "from-env"}, {"ISOCHRON_LEASE", "2s"}})
                  .ok());
  EXPECT_EQ(s.Text("data"), "from-flag");
  EXPECT_EQ(s.DurationUs("lease"), 2'000'000);
  EXPECT_EQ(s.Integer("nodes"), 5);
  EXPECT_EQ(s.SizeBytes("cache_size"), 64 << 20);
  EXPECT_TRUE(s.Given("nodes"));
  EXPECT_FALSE(s.Given("cache_size"));
}

TEST(ConfigTest, Flags) {
  Settings s(Table());
  ASSERT_TRUE(
      s.Load({"one", "--no-wan", "-e", "SELECT 1", "--nodes", "-3", "two", "--", "--data"}, {})
          .ok());
  EXPECT_FALSE(s.Bool("wan"));
  EXPECT_EQ(s.Text("execute"), "SELECT 1");
  EXPECT_EQ(s.Integer("nodes"), -3);
  EXPECT_EQ(s.positional(), (std::vector<std::string>{"one", "two", "--data"}));
  EXPECT_TRUE(absl::StrContains(s.Help(), "--listen-grpc"));
}

TEST(ConfigTest, UnknownNamesTheNearest) {
  const auto message = [](const std::vector<std::string>& args) {
    return std::string(Settings(Table()).Load(args, {}).message());
  };
  EXPECT_TRUE(absl::StrContains(message({"--listen-grcp", "x"}), "did you mean --listen-grpc?"));
  EXPECT_TRUE(absl::StrContains(message({"--dat"}), "did you mean --data?"));
  EXPECT_EQ(message({"--zzzzzzzzzz"}), "unknown flag --zzzzzzzzzz");
  EXPECT_TRUE(absl::StrContains(message({"--data"}), "needs a value"));
  EXPECT_TRUE(absl::StrContains(message({"--nodes", "x"}), "not a whole number"));
  EXPECT_TRUE(absl::StrContains(message({"--lease", "5"}), "--lease: \"5\" is not a duration"));
  EXPECT_TRUE(absl::StrContains(message({"--config", File("leese: 3s\n")}), "did you mean lease?"));
  EXPECT_TRUE(absl::StrContains(message({"--config", "/nowhere"}), "cannot read"));
}

TEST(ConfigTest, Yaml) {
  auto got = ParseYaml("# comment\na: 1\nb: 'two words'\nc: [x, y]\nd:\n  - p\n  - q\n", "f");
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ((*got)["b"], "two words");
  EXPECT_EQ((*got)["c"], "x,y");
  EXPECT_EQ((*got)["d"], "p,q");
  EXPECT_TRUE(ParseYaml("", "f").ok());
  EXPECT_TRUE(ParseYaml("# nothing\n", "f").ok());
  for (const char* bad : {"a: {b: c}", "- a", "just words", "a: 1\na: 2", "a: [", "a: 'x"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseYaml(bad, "f").status())) << bad;
  }
  EXPECT_TRUE(absl::StrContains(ParseYaml("a: 1\nb: {}\n", "f").status().message(), "f, line 2"));
}

TEST(ConfigTest, SizesAndDurations) {
  EXPECT_EQ(*ParseSizeBytes("4096"), 4096);
  EXPECT_EQ(*ParseSizeBytes("1.5KiB"), 1536);
  EXPECT_EQ(*ParseSizeBytes("2GB"), 2'000'000'000);
  EXPECT_FALSE(ParseSizeBytes("-1").ok());
  EXPECT_FALSE(ParseSizeBytes("1 parsec").ok());
  EXPECT_EQ(*ParseDurationUs("1m30s"), 90'000'000);
  EXPECT_EQ(*ParseDurationUs("0"), 0);
  EXPECT_FALSE(ParseDurationUs("-1s").ok());
}

}  // namespace
}  // namespace isochron::config
