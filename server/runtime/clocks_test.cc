// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/clocks.h"

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"

namespace isochron::runtime {
namespace {

TEST(RunProgramTest, OutputFailureAndTimeout) {
  EXPECT_EQ(*RunProgram({"echo", "a"}, 5000), "a\n");
  EXPECT_TRUE(absl::StrContains(
      RunProgram({"sh", "-c", "echo why; exit 3"}, 5000).status().message(), "why"));
  EXPECT_TRUE(absl::IsUnavailable(RunProgram({"no-such-program-here"}, 5000).status()));
  EXPECT_TRUE(
      absl::StrContains(RunProgram({"cat", "/dev/zero"}, 50).status().message(), "did not answer"));
}

TEST(MakeNodeClockTest, FixedIsThereAtOnce) {
  auto clock = MakeNodeClock({truetime::ClockSpec::Kind::kFixed, 1000}, 0);
  ASSERT_TRUE(clock.ok());
  const Micros before = absl::ToUnixMicros(absl::Now());
  auto now = (*clock)->truetime()->Now();
  ASSERT_TRUE(now.ok());
  EXPECT_LE(now->earliest.us, absl::ToUnixMicros(absl::Now()));
  EXPECT_GE(now->latest.us, before);
  EXPECT_EQ(now->latest.us - now->earliest.us, 2000);
}

TEST(ChronyPollerTest, FeedsTheClock) {
  PosixSystemClock system;
  truetime::ChronyClock clock(&system, {});
  ChronyPoller poller(&clock, &system, 10,
                      {"echo", "A,b,1,0.0,0.00001,0,0,0,0,0,0.0002,0.0001,16.0,Normal"});
  const Micros end = system.BoottimeUs() + 20'000'000;
  while (!clock.Now().ok() && system.BoottimeUs() < end) {
  }
  EXPECT_TRUE(clock.Now().ok());
}

TEST(ChronyPollerTest, SaysWhyThereIsNoReport) {
  PosixSystemClock system;
  truetime::ChronyClock clock(&system, {});
  ChronyPoller poller(&clock, &system, 10, {"sh", "-c", "echo 506 Cannot talk to daemon; exit 1"});
  const Micros end = system.BoottimeUs() + 20'000'000;
  while (!absl::StrContains(clock.Now().status().message(), "506") && system.BoottimeUs() < end) {
  }
  EXPECT_TRUE(absl::StrContains(clock.Now().status().message(), "506 Cannot talk"));
}

}  // namespace
}  // namespace isochron::runtime
