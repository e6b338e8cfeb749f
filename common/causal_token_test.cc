// SPDX-License-Identifier: Apache-2.0
#include "common/causal_token.h"

#include <gtest/gtest.h>

#include <string>

namespace isochron {
namespace {

TEST(CausalTokenTest, ComesBackAsItWas) {
  for (int64_t us : {int64_t{1}, int64_t{1'704'067'200'123'456}, Timestamp::Max().us}) {
    auto back = DecodeCausalToken(EncodeCausalToken(Timestamp(us)));
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(back->us, us);
  }
}

TEST(CausalTokenTest, RefusesWhatItDidNotMake) {
  const std::string good = EncodeCausalToken(Timestamp(1'704'067'200'123'456));
  EXPECT_FALSE(DecodeCausalToken("").ok());
  EXPECT_FALSE(DecodeCausalToken("hello").ok());
  EXPECT_FALSE(DecodeCausalToken(good + "0").ok());
  EXPECT_FALSE(DecodeCausalToken("x" + good.substr(1)).ok());
  for (size_t i = 1; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = bad[i] == '7' ? '8' : '7';
    EXPECT_FALSE(DecodeCausalToken(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace isochron
