// SPDX-License-Identifier: Apache-2.0
#include "shell/options.h"

#include "gtest/gtest.h"

namespace isochron::shell {
namespace {

std::vector<FlagSpec> Specs() {
  return {{"target", false, "here", "", 't', {}},
          {"execute", false, "", "", 'e', {}},
          {"json", true, "", "", 0, {}},
          {"format", false, "csv", "", 0, {"csv", "json"}},
          {"clients", false, "4", "", 0, {}}};
}

TEST(OptionsTest, FormsOfFlags) {
  auto f = Flags::Parse(Specs(), {"-e", "a", "--execute=b=c", "kv", "--json", "--target", "x"});
  ASSERT_TRUE(f.ok()) << f.status();
  EXPECT_EQ(f->All("execute"), (std::vector<std::string>{"a", "b=c"}));
  EXPECT_EQ(f->arguments(), std::vector<std::string>{"kv"});
  EXPECT_TRUE(f->On("json"));
  EXPECT_EQ(f->Text("target"), "x");
  EXPECT_EQ(f->Text("format"), "csv");
  EXPECT_EQ(*f->Number("clients", 1, 10), 4);
  EXPECT_FALSE(f->Number("clients", 5, 10).ok());
  EXPECT_TRUE(f->All("clients").empty());
}

TEST(OptionsTest, MistakesAreNamed) {
  EXPECT_EQ(Flags::Parse(Specs(), {"--tarjet", "x"}).status().message(),
            "unknown flag --tarjet; did you mean --target?");
  EXPECT_EQ(Flags::Parse(Specs(), {"--target"}).status().message(), "--target needs a value");
  EXPECT_EQ(Flags::Parse(Specs(), {"--format", "xml"}).status().message(),
            "--format is one of csv, json, not \"xml\"");
  EXPECT_FALSE(Flags::Parse(Specs(), {"-x"}).ok());
}

}  // namespace
}  // namespace isochron::shell
