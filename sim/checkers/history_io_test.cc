// SPDX-License-Identifier: Apache-2.0
#include "sim/checkers/history_io.h"

#include <gtest/gtest.h>

#include <fstream>

#include "absl/strings/match.h"

namespace isochron::sim {
namespace {

std::string TempFile(const std::string& text) {
  const std::string path = testing::TempDir() + "/history.jsonl";
  std::ofstream(path) << text;
  return path;
}

TEST(HistoryIoTest, EveryMemberSurvives) {
  Operation op;
  op.client = 3;
  op.kind = OpKind::kReadOnly;
  op.outcome = Outcome::kUnknown;
  op.strong = false;
  op.local = true;
  op.not_before = Timestamp(7);
  op.ts = Timestamp(15);
  op.invoke_seq = 1;
  op.complete_seq = 2;
  op.invoke_us = 10;
  op.complete_us = 20;
  op.reads = {{"x", "1"}, {"y", std::nullopt}};
  op.writes = {{"x", std::nullopt}, {"z", "a\"b\n"}};
  op.lists = {{"l", {"1", "2"}}, {"m", {}}};
  op.appends = {{"l", "3"}};
  op.note = "why";
  auto back = DecodeOperation(EncodeOperation(op));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(ToString(*back), ToString(op));
  EXPECT_EQ(back->strong, op.strong);
  EXPECT_EQ(back->local, op.local);
  EXPECT_EQ(back->not_before, op.not_before);
  EXPECT_EQ(back->invoke_seq, op.invoke_seq);
  EXPECT_EQ(back->complete_seq, op.complete_seq);
}

TEST(HistoryIoTest, TimesOrderWhatHasNoNumbers) {
  auto history = ReadHistory(
      TempFile("{\"kind\":\"rw\",\"outcome\":\"committed\",\"invoke_us\":20,\"complete_us\":30}\n\n"
               "{\"kind\":\"rw\",\"outcome\":\"open\",\"invoke_us\":5}\n"
               "{\"kind\":\"rw\",\"outcome\":\"committed\",\"invoke_us\":1,\"complete_us\":20}\n"));
  ASSERT_TRUE(history.ok()) << history.status();
  const auto& ops = history->operations();
  ASSERT_EQ(ops.size(), 3u);
  EXPECT_EQ(ops[2].invoke_seq, 1u);
  EXPECT_EQ(ops[1].invoke_seq, 2u);
  EXPECT_EQ(ops[1].complete_seq, 0u);
  EXPECT_LT(ops[0].invoke_seq, ops[2].complete_seq);  // in the same microsecond: concurrent
}

TEST(HistoryIoTest, AFileSurvives) {
  History history;
  Operation& op = history.Invoke(OpKind::kReadWrite, 1, 10);
  op.writes = {{"x", "1"}};
  history.Complete(op, Outcome::kCommitted, 20);
  const std::string path = TempFile("");
  ASSERT_TRUE(WriteHistory(history, path).ok());
  auto back = ReadHistory(path);
  ASSERT_TRUE(back.ok()) << back.status();
  ASSERT_EQ(back->operations().size(), 1u);
  EXPECT_EQ(ToString(back->operations()[0]), ToString(op));
}

TEST(HistoryIoTest, ErrorsNameTheLineAndTheMember) {
  const auto problem = [](const std::string& line) {
    return std::string(ReadHistory(TempFile("\n" + line)).status().message());
  };
  EXPECT_TRUE(absl::StrContains(problem("[1]"), "line 2: not a JSON object"));
  EXPECT_TRUE(absl::StrContains(problem("{\"kind\":\"w\"}"), "\"kind\" must be"));
  EXPECT_TRUE(absl::StrContains(problem("{\"kind\":\"rw\",\"outcome\":\"ok\"}"), "\"outcome\""));
  EXPECT_TRUE(
      absl::StrContains(problem("{\"kind\":\"rw\",\"outcome\":\"committed\",\"invoke_us\":1}"),
                        "\"complete_us\" must be given"));
  EXPECT_TRUE(absl::StrContains(
      problem("{\"kind\":\"rw\",\"outcome\":\"open\",\"invoke_us\":1,\"reads\":[[\"x\",1]]}"),
      "\"reads\" must be an array of [key, value or null]"));
  EXPECT_EQ(ReadHistory("/nowhere/at/all").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace isochron::sim
