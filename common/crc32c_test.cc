// SPDX-License-Identifier: Apache-2.0
#include "common/crc32c.h"

#include <string>

#include "common/random.h"
#include "gtest/gtest.h"

namespace isochron {
namespace {

TEST(Crc32c, KnownVectors) {
  // RFC 3720, B.4, and the customary check value.
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(Crc32c(""), 0u);
}

TEST(Crc32c, BothWaysAgreeAndExtend) {
  Random random(1);
  for (int round = 0; round < 200; ++round) {
    std::string data;
    for (uint64_t i = random.Below(100); i > 0; --i)
      data.push_back(static_cast<char>(random.Next()));
    EXPECT_EQ(Crc32c(data), crc32c_internal::ExtendPortable(0, data));
    absl::string_view view = data;
    size_t cut = random.Below(data.size() + 1);
    EXPECT_EQ(Crc32c(data), ExtendCrc32c(Crc32c(view.substr(0, cut)), view.substr(cut)));
  }
}

TEST(Crc32c, SeesEveryFlippedBit) {
  std::string data = "a record of the log, with some bytes in it";
  const uint32_t good = Crc32c(data);
  for (size_t bit = 0; bit < data.size() * 8; ++bit) {
    data[bit / 8] ^= static_cast<char>(1 << (bit % 8));
    EXPECT_NE(Crc32c(data), good) << bit;
    data[bit / 8] ^= static_cast<char>(1 << (bit % 8));
  }
}

}  // namespace
}  // namespace isochron
