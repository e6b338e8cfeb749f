// SPDX-License-Identifier: Apache-2.0
#include "truetime/clocks.h"

#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "truetime/clock_spec.h"

namespace isochron::truetime {
namespace {

class FakeClock : public SystemClock {
 public:
  Micros RealtimeUs() override { return realtime + offset; }
  Micros BoottimeUs() override { return realtime - 1'000'000'000; }
  void Advance(Micros us) { realtime += us; }

  Micros realtime = 1'700'000'000'000'000;
  Micros offset = 0;  // steps
};

constexpr char kGood[] =
    "A9FEA97B,169.254.169.123,4,1700000000.1,0.000010000,-0.00001,0.00002,-1.5,0.001,0.02,"
    "0.000400000,0.000100000,16.1,Normal\n";

TEST(FixedBoundClockTest, IntervalAndStep) {
  FakeClock system;
  FixedBoundClock clock(&system, 5000);
  auto now = clock.Now();
  ASSERT_TRUE(now.ok());
  EXPECT_EQ(now->earliest.us, system.realtime - 5000);
  EXPECT_EQ(now->latest.us, system.realtime + 5000);
  system.Advance(86'400'000'000);
  EXPECT_TRUE(clock.Now().ok());
  system.offset = 4000;  // within the bound that the operator vouched for
  EXPECT_TRUE(clock.Now().ok());
  system.offset = -6000;
  EXPECT_TRUE(absl::IsUnavailable(clock.Now().status()));
  system.offset = 0;  // back again: once wrong, nobody vouches any more
  EXPECT_TRUE(absl::StrContains(clock.Now().status().message(), "stepped"));
}

TEST(StepGuardTest, PreemptionIsNoStep) {
  class Preempted : public FakeClock {
   public:
    Micros RealtimeUs() override {
      Advance(delay);
      return FakeClock::RealtimeUs();
    }
    Micros delay = 0;
  };
  Preempted system;
  StepGuard guard(&system, 200);
  guard.Read();
  system.delay = 50'000;
  EXPECT_EQ(guard.Read().stepped_us, 0);
  system.delay = 0;
  EXPECT_EQ(guard.Read().stepped_us, 0);
  system.offset = 1000;
  EXPECT_EQ(guard.Read().stepped_us, 1000);
  guard.Forget();
  EXPECT_EQ(guard.Read().stepped_us, 0);
}

TEST(KernelClockTest, RefusesWhatTheKernelDoesNotVouchFor) {
  FakeClock system;
  KernelTime kernel{.synchronised = false, .max_error_us = 16'000'000};
  KernelClock clock(
      &system, [&] { return kernel; }, 100'000);
  EXPECT_TRUE(absl::StrContains(clock.Now().status().message(), "not synchronised"));
  kernel = {.synchronised = true, .max_error_us = 700};
  EXPECT_EQ(clock.Now()->latest.us - system.realtime, 700);
  kernel.max_error_us = 100'001;
  EXPECT_TRUE(absl::StrContains(clock.Now().status().message(), "beyond the limit"));
  kernel.max_error_us = 700;
  system.offset = 2000;
  EXPECT_FALSE(clock.Now().ok());
  system.Advance(5'000'000);
  EXPECT_FALSE(clock.Now().ok());
  system.Advance(6'000'000);
  EXPECT_TRUE(clock.Now().ok());
}

TEST(ChronyReportTest, Parses) {
  auto report = ParseChronyTracking(kGood);
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->synchronised);
  EXPECT_EQ(report->error_us, 10 + 100 + 200);
  auto lost =
      ParseChronyTracking("00000000,,0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,1.0,1.0,0.0,Not synchronised");
  ASSERT_TRUE(lost.ok());
  EXPECT_FALSE(lost->synchronised);
  for (const char* bad :
       {"", "506 Cannot talk to daemon", "a,b,c,d,e,f,g,h,i,j,k,l,m,Normal",
        "0,0,0,0,nan,0,0,0,0,0,0,0,0,Normal", "0,0,0,0,0,0,0,0,0,0,-1,0,0,Normal"}) {
    EXPECT_FALSE(ParseChronyTracking(bad).ok()) << bad;
  }
}

TEST(ChronyClockTest, BoundGrowsWithTheReportsAge) {
  FakeClock system;
  ChronyClock clock(&system, {.max_bound_us = 2'000, .max_report_age_us = 30'000'000});
  EXPECT_TRUE(absl::StrContains(clock.Now().status().message(), "has not answered"));
  clock.SetReport(*ParseChronyTracking(kGood), system.BoottimeUs());
  EXPECT_EQ(clock.Now()->latest.us - system.realtime, 310);
  system.Advance(5'000'000);
  EXPECT_EQ(clock.Now()->latest.us - system.realtime, 310 + 1000);
  EXPECT_EQ(system.realtime - clock.Now()->earliest.us, 310 + 1000);
  system.Advance(5'000'000);
  EXPECT_TRUE(absl::StrContains(clock.Now().status().message(), "beyond the limit"));
  system.Advance(21'000'000);
  clock.SetFailure("chronyc: 506 Cannot talk to daemon");
  EXPECT_TRUE(absl::StrContains(clock.Now().status().message(), "Cannot talk to daemon"));
}

TEST(ChronyClockTest, LostSynchronisationAndStepsNeedANewReport) {
  FakeClock system;
  ChronyClock clock(&system, {});
  clock.SetReport(*ParseChronyTracking(kGood), system.BoottimeUs());
  ASSERT_TRUE(clock.Now().ok());
  system.Advance(1000);
  system.offset = -1'000'000;
  EXPECT_TRUE(absl::StrContains(clock.Now().status().message(), "stepped"));
  EXPECT_FALSE(clock.Now().ok());
  system.Advance(1'000'000);
  clock.SetReport(*ParseChronyTracking(kGood), system.BoottimeUs());
  EXPECT_TRUE(clock.Now().ok());
  ChronyReport lost = *ParseChronyTracking(kGood);
  lost.synchronised = false;
  clock.SetReport(lost, system.BoottimeUs());
  EXPECT_TRUE(absl::StrContains(clock.Now().status().message(), "not synchronised"));
}

TEST(AccusationsTest, MoreThanHalfOfThePeersFence) {
  FakeClock system;
  FixedBoundClock clock(&system, 1000);
  clock.set_peer_count(2);
  const TTInterval ours = *clock.Now();
  const TTInterval theirs{ours.latest + 5000, ours.latest + 7000};
  clock.Accuse(NodeId(2), theirs, ours);
  clock.Accuse(NodeId(2), theirs, ours);
  EXPECT_TRUE(clock.Now().ok());  // one of two: it may be the liar itself
  system.Advance(11'000'000);
  clock.Accuse(NodeId(3), theirs, ours);  // the other one's was too long ago
  EXPECT_TRUE(clock.Now().ok());
  clock.Accuse(NodeId(2), theirs, ours);
  EXPECT_TRUE(absl::StrContains(clock.Now().status().message(), "2 of 2 peers contradict"));
  system.Advance(59'000'000);
  EXPECT_FALSE(clock.Now().ok());
  system.Advance(2'000'000);
  EXPECT_TRUE(clock.Now().ok());
}

TEST(AccusationsTest, ASinglePeerFences) {
  FakeClock system;
  FixedBoundClock clock(&system, 1000);
  clock.set_peer_count(1);
  clock.Accuse(NodeId(2), {}, {});
  EXPECT_FALSE(clock.Now().ok());
}

TEST(ClockSpecTest, ParsesAndExplains) {
  EXPECT_EQ(ParseClockSpec("chrony")->kind, ClockSpec::Kind::kChrony);
  EXPECT_EQ(ParseClockSpec("kernel")->kind, ClockSpec::Kind::kKernel);
  EXPECT_EQ(ParseClockSpec("fixed:5ms")->bound_us, 5000);
  EXPECT_EQ(ParseClockSpec("fixed:50us")->ToString(), "fixed:50us");
  for (const char* bad :
       {"", "fixed", "fixed:", "fixed:5", "fixed:-1ms", "fixed:1h", "ntp", "fixed:0s"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseClockSpec(bad).status())) << bad;
  }
}

}  // namespace
}  // namespace isochron::truetime
