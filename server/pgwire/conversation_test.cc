// SPDX-License-Identifier: Apache-2.0
//
// The protocol over a real SQL engine on a store in memory: what is answered, message by message.
#include "server/pgwire/conversation.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sql/testing/fake_universe.h"

namespace isochron::pgwire {
namespace {

std::string Int16(int v) { return {static_cast<char>(v >> 8), static_cast<char>(v)}; }
std::string Int32(int64_t v) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(v >> shift));
  return out;
}
std::string Z(const std::string& text) { return text + '\0'; }

// Each message as one word: its type, and what tells most of its body.
std::string Describe(const Message& m) {
  BodyReader in(m.body);
  std::string out(1, m.type);
  switch (m.type) {
    case 'E':
    case 'N':
      for (char field = static_cast<char>(in.Byte()); field != 0;
           field = static_cast<char>(in.Byte())) {
        const std::string value(in.CString());
        if (field == 'C') absl::StrAppend(&out, ":", value);
        if (field == 'P') absl::StrAppend(&out, "@", value);
      }
      return out;
    case 'C':
      return absl::StrCat(out, ":", in.CString());
    case 'Z':
      return absl::StrCat(out, ":", in.Rest());
    case 'D': {
      const int count = in.Int16();
      for (int i = 0; i < count; ++i) {
        const int32_t size = in.Int32();
        absl::StrAppend(&out, i == 0 ? ":" : ",", size < 0 ? "null" : in.Bytes(size));
      }
      return out;
    }
    case 'T': {
      const int count = in.Int16();
      for (int i = 0; i < count; ++i) {
        absl::StrAppend(&out, i == 0 ? ":" : ",", in.CString());
        (void)in.Bytes(6);
        absl::StrAppend(&out, "/", in.Int32());
        (void)in.Bytes(8);
      }
      return out;
    }
    case 't': {
      const int count = in.Int16();
      for (int i = 0; i < count; ++i) absl::StrAppend(&out, i == 0 ? ":" : ",", in.Int32());
      return out;
    }
    default:
      return out;
  }
}

class FakeOutlet final : public Outlet {
 public:
  explicit FakeOutlet(Executor* executor) : executor_(executor) {}
  void Flush() override { ++flushes; }
  Task<bool> Drain(Ctx ctx) override {
    ++drains;
    while (stuck && ctx->Check(executor_->MonotonicNow()).ok()) co_await SleepFor(executor_, 1000);
    co_return !stuck;
  }
  int flushes = 0;
  int drains = 0;
  bool stuck = false;

 private:
  Executor* const executor_;
};

class ConversationTest : public testing::Test {
 protected:
  ConversationTest()
      : engine_(sql::Engine::Create({&u_.store, &u_.executor, &u_.truetime, nullptr}, {})),
        admission_(&u_.executor, nullptr, {}),
        outlet_(&u_.executor) {
    Start({{"user", "me"}, {"database", "isochron"}});
  }
  void Connect() {
    conversation_ = std::make_unique<Conversation>(Conversation::Deps{.executor = &u_.executor,
                                                                      .admission = &admission_,
                                                                      .outlet = &outlet_,
                                                                      .out = &out_,
                                                                      .engine = engine_.get()},
                                                   engine_->NewSession());
  }
  std::string Start(Conversation::Options options) {
    Connect();
    u_.Run(Wait(conversation_->Start(std::move(options), 7, 9)));
    return Answers();
  }
  static Task<bool> Wait(Task<void> task) {
    co_await std::move(task);
    co_return true;
  }
  std::string Answers() {
    MessageReader reader(64 << 20);
    reader.Started();
    // What a server says has types of its own: cut by hand.
    const std::string bytes = out_.Take();
    std::string words;
    for (size_t at = 0; at + 5 <= bytes.size();) {
      BodyReader length(absl::string_view(bytes).substr(at + 1, 4));
      const size_t size = static_cast<size_t>(length.Int32());
      absl::StrAppend(&words, words.empty() ? "" : " ",
                      Describe({bytes[at], bytes.substr(at + 5, size - 4)}));
      at += 1 + size;
    }
    return words;
  }
  // Handles messages in one go, as if they had come together.
  std::string Send(const std::vector<Message>& messages) {
    for (size_t i = 0; i < messages.size(); ++i) {
      const bool sync = i + 1 < messages.size() && messages[i + 1].type == 'S';
      u_.Run(Wait(conversation_->Handle(messages[i], sync)));
    }
    return Answers();
  }
  std::string Query(const std::string& sql) { return Send({{'Q', Z(sql)}}); }

  static Message Parse(const std::string& name, const std::string& sql,
                       const std::vector<int>& oids = {}) {
    std::string body = Z(name) + Z(sql) + Int16(static_cast<int>(oids.size()));
    for (int oid : oids) body += Int32(oid);
    return {'P', body};
  }
  static Message Bind(const std::string& portal, const std::string& name,
                      const std::vector<std::string>& values = {}) {
    std::string body = Z(portal) + Z(name) + Int16(0) + Int16(static_cast<int>(values.size()));
    for (const std::string& v : values) {
      body += v == "NULL" ? Int32(-1) : Int32(static_cast<int64_t>(v.size())) + v;
    }
    return {'B', body + Int16(0)};
  }
  static Message Execute(const std::string& portal, int limit = 0) {
    return {'E', Z(portal) + Int32(limit)};
  }
  static Message DescribeIt(char kind, const std::string& name) { return {'D', kind + Z(name)}; }
  static Message CloseIt(char kind, const std::string& name) { return {'C', kind + Z(name)}; }
  static Message Sync() { return {'S', ""}; }
  void Table() {
    ASSERT_EQ(Query("create table t (id bigint primary key, v text)"), "C:CREATE TABLE Z:I");
    ASSERT_EQ(Query("insert into t values (1, 'a'), (2, 'b'), (3, null)"), "C:INSERT 0 3 Z:I");
  }

  sql::testing::FakeUniverse u_;
  std::unique_ptr<sql::Engine> engine_;
  admission::Admission admission_;
  FakeOutlet outlet_;
  MessageWriter out_;
  std::unique_ptr<Conversation> conversation_;
};

TEST_F(ConversationTest, StartingTellsTheSettingsAndRefusesWhatIsNotThere) {
  const std::string good = Start({{"user", "me"},
                                  {"database", "isochron"},
                                  {"application_name", "x"},
                                  {"options", "-c statement_timeout=5s --lock-timeout=1s"}});
  EXPECT_EQ(good.substr(0, 1), "R");
  EXPECT_EQ(good.substr(good.size() - 5), "K Z:I");
  EXPECT_EQ(Query("show statement_timeout"), "T:statement_timeout/25 D:5s C:SHOW Z:I");
  EXPECT_EQ(Query("show application_name"), "T:application_name/25 D:x C:SHOW Z:I");
  EXPECT_EQ(Start({{"user", "me"}}), "E:3D000");
  EXPECT_TRUE(conversation_->ended());
  EXPECT_EQ(Start({{"database", "isochron"}}), "E:28000");
  EXPECT_EQ(Start({{"user", "me"}, {"database", "isochron"}, {"nonsense", "1"}}), "E:42704");
  EXPECT_EQ(Start({{"user", "me"}, {"database", "isochron"}, {"x'; drop", "1"}}), "E:42704");
  EXPECT_EQ(Start({{"user", "me"}, {"database", "isochron"}, {"options", "-d 5"}}), "E:0A000");
  EXPECT_EQ(Start({{"user", "me"}, {"database", "isochron"}, {"replication", "on"}}), "E:0A000");
  EXPECT_EQ(Start({{"user", "\xff"}, {"database", "isochron"}}), "E:22021");
  EXPECT_EQ(Start({{"user", "me"}, {"database", "isochron"}, {"\xff", "1"}}), "E:22021");
}

TEST_F(ConversationTest, SimpleQueries) {
  Table();
  EXPECT_EQ(Query("select id, v from t order by id"),
            "T:id/20,v/25 D:1,a D:2,b D:3,null C:SELECT 3 Z:I");
  EXPECT_EQ(Query(""), "I Z:I");
  EXPECT_EQ(Query(" ; "), "I Z:I");
  EXPECT_EQ(Query("select nope from t"), "E:42703@8 Z:I");
  EXPECT_EQ(Query("selec 1"), "E:42601@1 Z:I");
  EXPECT_EQ(Query("select '\xff'"), "E:22021 Z:I");
  EXPECT_EQ(Send({{'Q', "no end"}}), "E:08P01 Z:I");
  EXPECT_EQ(Query("drop table if exists nope"), "N:00000 C:DROP TABLE Z:I");
  EXPECT_EQ(Query("commit"), "N:25P01 C:COMMIT Z:I");
  EXPECT_EQ(Query("set application_name = 'y'"), "C:SET S Z:I");
}

TEST_F(ConversationTest, ABlockAndItsFailure) {
  Table();
  EXPECT_EQ(Query("begin"), "C:BEGIN Z:T");
  EXPECT_EQ(Query("insert into t values (4, 'd')"), "C:INSERT 0 1 Z:T");
  EXPECT_EQ(Query("select nope"), "E:42703@8 Z:E");
  EXPECT_EQ(Query("select 1"), "E:25P02 Z:E");
  EXPECT_EQ(Query("commit"), "C:ROLLBACK Z:I");
  EXPECT_EQ(Query("select count(*) from t"), "T:count/20 D:3 C:SELECT 1 Z:I");
  // A message that never became a statement fails the block as well.
  EXPECT_EQ(Query("begin"), "C:BEGIN Z:T");
  EXPECT_EQ(Send({Bind("", "nope"), Sync()}), "E:26000 Z:E");
  EXPECT_EQ(Query("rollback"), "C:ROLLBACK Z:I");
}

TEST_F(ConversationTest, AStringOfStatementsIsOneTransaction) {
  Table();
  EXPECT_EQ(Query("insert into t values (4, 'd'); insert into t values (1, 'x')"),
            "C:INSERT 0 1 E:23505 Z:I");
  EXPECT_EQ(Query("select count(*) from t"), "T:count/20 D:3 C:SELECT 1 Z:I");
  EXPECT_EQ(Query("insert into t values (4, 'd'); select count(*) from t; show lock_timeout"),
            "C:INSERT 0 1 T:count/20 D:4 C:SELECT 1 T:lock_timeout/25 D:0 C:SHOW Z:I");
  // A COMMIT in the middle keeps what was before it.
  EXPECT_EQ(Query("insert into t values (5, 'e'); commit; insert into t values (1, 'x')"),
            "C:INSERT 0 1 N:25P01 C:COMMIT E:23505 Z:I");
  EXPECT_EQ(Query("select count(*) from t"), "T:count/20 D:5 C:SELECT 1 Z:I");
  // A BEGIN makes a block of it all.
  EXPECT_EQ(Query("insert into t values (6, 'f'); begin; insert into t values (7, 'g')"),
            "C:INSERT 0 1 C:BEGIN C:INSERT 0 1 Z:T");
  EXPECT_EQ(Query("rollback"), "C:ROLLBACK Z:I");
  EXPECT_EQ(Query("select count(*) from t"), "T:count/20 D:5 C:SELECT 1 Z:I");
  EXPECT_EQ(Query("create table a (i int primary key); create table b (i int primary key)"),
            "C:CREATE TABLE C:CREATE TABLE Z:I");
  EXPECT_EQ(Query("insert into a values (1); create table c (i int primary key)"),
            "C:INSERT 0 1 C:CREATE TABLE Z:I");
  EXPECT_EQ(Query("select * from a"), "T:i/23 D:1 C:SELECT 1 Z:I");
}

TEST_F(ConversationTest, ExtendedQueries) {
  Table();
  EXPECT_EQ(Send({Parse("s", "select v from t where id = $1"), DescribeIt('S', "s"),
                  Bind("", "s", {"2"}), DescribeIt('P', ""), Execute(""), Sync()}),
            "1 t:20 T:v/25 2 T:v/25 D:b C:SELECT 1 Z:I");
  EXPECT_EQ(Send({Bind("", "s", {"NULL"}), Execute(""), Sync()}), "2 C:SELECT 0 Z:I");
  EXPECT_EQ(Send({Bind("", "s", {"x"}), Execute(""), Sync()}), "E:22P02 Z:I");
  EXPECT_EQ(Send({Bind("", "s"), Execute(""), Sync()}), "E:08P01 Z:I");
  EXPECT_EQ(Send({Bind("", "s", {"1", "2"}), Execute(""), Sync()}), "E:08P01 Z:I");
  EXPECT_EQ(Send({Parse("s", "select 1"), Sync()}), "E:42P05 Z:I");
  EXPECT_EQ(Send({CloseIt('S', "s"), CloseIt('S', "s"), Sync()}), "3 3 Z:I");
  EXPECT_EQ(Send({Bind("", "s", {"1"}), Sync()}), "E:26000 Z:I");
  EXPECT_EQ(Send({Execute("nope"), Sync()}), "E:34000 Z:I");
  EXPECT_EQ(Send({DescribeIt('X', ""), Sync()}), "E:08P01 Z:I");
  EXPECT_EQ(Send({Parse("", ""), Bind("", ""), DescribeIt('P', ""), Execute(""), Sync()}),
            "1 2 n I Z:I");
  EXPECT_EQ(Send({Parse("", "select 1; select 2"), Sync()}), "E:42601 Z:I");
  EXPECT_EQ(Send({Parse("", "insert into t values ($1, $2)"), Bind("", "", {"9", "z"}),
                  DescribeIt('P', ""), Execute(""), Sync()}),
            "1 2 n C:INSERT 0 1 Z:I");
  EXPECT_EQ(Send({{'F', ""}}), "E:0A000 Z:I");
}

TEST_F(ConversationTest, AnErrorSkipsToTheSyncAndUndoesWhatRanBefore) {
  Table();
  EXPECT_EQ(Send({Parse("", "insert into t values (8, 'h')"),
                  Bind("", ""),
                  Execute(""),
                  Parse("", "insert into t values (1, 'x')"),
                  Bind("", ""),
                  Execute(""),
                  Parse("", "select 1"),
                  Bind("", ""),
                  Execute(""),
                  {'Q', Z("select 1")},
                  Sync()}),
            "1 2 C:INSERT 0 1 1 2 E:23505 Z:I");
  EXPECT_EQ(Query("select count(*) from t"), "T:count/20 D:3 C:SELECT 1 Z:I");
  EXPECT_EQ(Send({Parse("", "insert into t values (8, 'h')"), Bind("", ""), Execute(""),
                  Parse("", "insert into t values (9, 'i')"), Bind("", ""), Execute(""), Sync()}),
            "1 2 C:INSERT 0 1 1 2 C:INSERT 0 1 Z:I");
  // BEGIN in a pipeline, as JDBC sends it.
  EXPECT_EQ(Send({Parse("", "begin"), Bind("", ""), Execute(""),
                  Parse("", "delete from t where id = 8"), Bind("", ""), Execute(""), Sync()}),
            "1 2 C:BEGIN 1 2 C:DELETE 1 Z:T");
  EXPECT_EQ(Query("rollback"), "C:ROLLBACK Z:I");
  EXPECT_EQ(Query("select count(*) from t"), "T:count/20 D:5 C:SELECT 1 Z:I");
}

TEST_F(ConversationTest, ASimpleQueryEndsWhatHadNoSyncYet) {
  Table();
  EXPECT_EQ(Send({Parse("", "insert into t values (8, 'h')"), Bind("", ""), Execute("")}),
            "1 2 C:INSERT 0 1");
  EXPECT_TRUE(conversation_->in_transaction());
  EXPECT_EQ(Query("show lock_timeout"), "T:lock_timeout/25 D:0 C:SHOW Z:I");
  EXPECT_FALSE(conversation_->in_transaction());
  EXPECT_EQ(Send({Parse("", "insert into t values (9, 'i')"), Bind("", ""), Execute("")}),
            "1 2 C:INSERT 0 1");
  EXPECT_EQ(Query("select nope"), "E:42703@8 Z:I");
  EXPECT_EQ(
      Send({Parse("", "insert into t values (9, 'i')"), Bind("", ""), Execute(""), {'F', ""}}),
      "1 2 C:INSERT 0 1 E:0A000 Z:I");
  EXPECT_EQ(Query("select count(*) from t"), "T:count/20 D:4 C:SELECT 1 Z:I");
}

TEST_F(ConversationTest, ExtendedQueriesInAFailedBlock) {
  Table();
  EXPECT_EQ(Send({Parse("s", "select v from t where id = $1"), Parse("r", "rollback"), Sync()}),
            "1 1 Z:I");
  EXPECT_EQ(Query("begin; select nope"), "C:BEGIN E:42703@15 Z:E");
  EXPECT_EQ(Send({Bind("", "s", {"1"}), Execute(""), Sync()}), "2 E:25P02 Z:E");
  EXPECT_EQ(Send({Parse("", "copy t from stdin"), Bind("", ""), Execute(""), Sync()}),
            "1 2 E:25P02 Z:E");
  EXPECT_EQ(Send({Bind("", "r"), Execute(""), Sync()}), "2 C:ROLLBACK Z:I");
}

TEST_F(ConversationTest, WhatIsKeptByNameIsBounded) {
  const std::string mib(1 << 20, 'x');
  std::vector<Message> binds = {Parse("s", "select $1")};
  for (int i = 0; i < 66; ++i) binds.push_back(Bind(absl::StrCat("p", i), "s", {mib}));
  binds.push_back(Sync());
  const std::string answer = Send(binds);
  EXPECT_EQ(answer.substr(answer.size() - 15), "2 2 E:54000 Z:I");
  EXPECT_LT(conversation_->held_bytes(), 4096u);
  // The last one always has room, and gives it to the next.
  for (int i = 0; i < 66; ++i) binds[1 + i] = Bind("", "s", {mib});
  EXPECT_EQ(Send(std::vector<Message>(binds.begin() + 1, binds.end())).substr(131), " Z:I");
  // Names and declared types count as the text does.
  EXPECT_EQ(Send({Parse(std::string(17 << 20, 'n'), "select 1"), Sync()}), "E:54000 Z:I");
  const std::vector<int> types(30'000, 20);
  std::vector<Message> parses;
  for (int i = 0; i < 100; ++i) parses.push_back(Parse(absl::StrCat("t", i), "select 1", types));
  parses.push_back(Sync());
  EXPECT_NE(Send(parses).find("1 E:54000 Z:I"), std::string::npos);
  EXPECT_LT(conversation_->held_bytes(), size_t{16} << 20);
}

TEST_F(ConversationTest, AnErrorQuotesNoMoreThanAPage) {
  u_.Run(Wait(conversation_->Handle(Bind("", std::string(1 << 20, 'n')), true)));
  EXPECT_LT(out_.size(), 11'000u);
  EXPECT_EQ(Send({Sync()}), "E:26000 Z:I");
  EXPECT_EQ(Send({Bind("", "\xff"), Sync()}), "E:22021 Z:I");
}

TEST_F(ConversationTest, APortalIsReadInParts) {
  Table();
  EXPECT_EQ(Send({Parse("", "select id from t order by id"), Bind("p", ""), Execute("p", 2),
                  Execute("p", 2), Execute("p", 2), Sync()}),
            "1 2 D:1 D:2 s D:3 C:SELECT 1 C:SELECT 0 Z:I");
  // It ended with its transaction.
  EXPECT_EQ(Send({Execute("p", 2), Sync()}), "E:34000 Z:I");
  EXPECT_EQ(Query("begin"), "C:BEGIN Z:T");
  EXPECT_EQ(
      Send({Parse("", "select id from t order by id"), Bind("p", ""), Execute("p", 1), Sync()}),
      "1 2 D:1 s Z:T");
  // Others run in between, and the portal shows what it saw.
  EXPECT_EQ(Query("delete from t"), "C:DELETE 3 Z:T");
  EXPECT_EQ(Send({Bind("p", ""), Sync()}), "E:26000 Z:E");
  EXPECT_EQ(Query("rollback"), "C:ROLLBACK Z:I");
  EXPECT_EQ(Query("begin"), "C:BEGIN Z:T");
  EXPECT_EQ(
      Send({Parse("s", "select id from t order by id"), Bind("p", "s"), Execute("p", 1), Sync()}),
      "1 2 D:1 s Z:T");
  EXPECT_EQ(Query("delete from t"), "C:DELETE 3 Z:T");
  EXPECT_EQ(Send({Execute("p", 0), CloseIt('P', "p"), Sync()}), "D:2 D:3 C:SELECT 2 3 Z:T");
  EXPECT_EQ(Query("rollback"), "C:ROLLBACK Z:I");
}

TEST_F(ConversationTest, TheSameStatementWithOtherColumnsMustBePreparedAgain) {
  Table();
  EXPECT_EQ(Send({Parse("s", "select * from t"), Sync()}), "1 Z:I");
  EXPECT_EQ(Query("drop table t"), "C:DROP TABLE Z:I");
  EXPECT_EQ(Query("create table t (id bigint primary key)"), "C:CREATE TABLE Z:I");
  EXPECT_EQ(Query("insert into t values (1)"), "C:INSERT 0 1 Z:I");
  EXPECT_EQ(Send({Bind("", "s"), Execute(""), Sync()}), "2 E:0A000 Z:I");
}

TEST_F(ConversationTest, ASlowClientHoldsTheStatementNotTheServer) {
  Table();
  std::string values;
  for (int i = 10; i < 110; ++i)
    absl::StrAppend(&values, i > 10 ? "," : "", "(", i, ", repeat('x', 2000))");
  EXPECT_EQ(Query("insert into t values " + values), "C:INSERT 0 100 Z:I");
  outlet_.stuck = true;
  EXPECT_EQ(Query("set statement_timeout = 1000"), "C:SET Z:I");
  const std::string answer = Query("select * from t");
  EXPECT_GT(outlet_.drains, 0);
  EXPECT_EQ(answer.substr(answer.size() - 11), "E:57014 Z:I");
  outlet_.stuck = false;
}

TEST_F(ConversationTest, CopyIn) {
  Table();
  EXPECT_EQ(Query("copy t from stdin"), "G");
  EXPECT_EQ(Send({{'d', "4\tfo"}, {'d', "ur\n5\t\\N\n"}, {'H', ""}, {'S', ""}, {'c', ""}}),
            "C:COPY 2 Z:I");
  EXPECT_EQ(Query("select * from t where id > 3 order by id"),
            "T:id/20,v/25 D:4,four D:5,null C:SELECT 2 Z:I");
  // All or nothing, and what is on its way after an error is ignored.
  EXPECT_EQ(Query("copy t (id) from stdin csv"), "G");
  EXPECT_EQ(Send({{'d', "6\n7\nx\n"}, {'d', "8\n"}, {'c', ""}}), "E:22P02 Z:I");
  EXPECT_EQ(Query("copy t from stdin"), "G");
  EXPECT_EQ(Send({{'d', "6\tsix\n1\tone\n"}, {'c', ""}}), "E:23505 Z:I");
  EXPECT_EQ(Query("copy t from stdin"), "G");
  EXPECT_EQ(Send({{'d', "6\tsix\n"}, {'f', Z("no more")}}), "E:57014 Z:I");
  EXPECT_EQ(Query("copy t from stdin"), "G");
  EXPECT_EQ(Send({{'f', Z("no \xff more")}}), "E:22021 Z:I") << "it would be told again";
  EXPECT_EQ(Query("copy t from stdin"), "G");
  EXPECT_EQ(Send({{'d', "6\tsix\n"}, {'Q', Z("select 1")}}), "E:08P01 Z:I");
  EXPECT_EQ(Query("select count(*) from t"), "T:count/20 D:5 C:SELECT 1 Z:I");
  EXPECT_EQ(Query("copy t (id, nope) from stdin"), "E:42703 Z:I");
  EXPECT_EQ(Query("copy nope from stdin"), "E:42P01@6 Z:I");
  EXPECT_EQ(Query("copy t from stdin; select 1"), "E:42601 Z:I");
  // Many rows are several INSERTs and one transaction.
  std::string many;
  for (int i = 1000; i < 2234; ++i) absl::StrAppend(&many, i, "\n");
  EXPECT_EQ(Query("copy t (id) from stdin"), "G");
  EXPECT_EQ(Send({{'d', many}, {'c', ""}}), "C:COPY 1234 Z:I");
  EXPECT_EQ(Query("copy t (id) from stdin"), "G");
  EXPECT_EQ(Send({{'d', "50\n" + many}, {'c', ""}}), "E:23505 Z:I");
  EXPECT_EQ(Query("select count(*) from t"), "T:count/20 D:1239 C:SELECT 1 Z:I");
}

TEST_F(ConversationTest, CopyInATransaction) {
  Table();
  EXPECT_EQ(Query("begin"), "C:BEGIN Z:T");
  EXPECT_EQ(Query("copy t (id) from stdin"), "G");
  EXPECT_EQ(Send({{'d', "4\n"}, {'c', ""}}), "C:COPY 1 Z:T");
  EXPECT_EQ(Query("copy t (id) from stdin"), "G");
  EXPECT_EQ(Send({{'d', "4\n"}, {'c', ""}}), "E:23505 Z:E");
  EXPECT_EQ(Query("copy t from stdin"), "E:25P02 Z:E");
  EXPECT_EQ(Query("rollback"), "C:ROLLBACK Z:I");
  // By the extended protocol it ends with its Sync.
  EXPECT_EQ(
      Send({Parse("", "copy t (id) from stdin"), Bind("", ""), DescribeIt('P', ""), Execute("")}),
      "1 2 n G");
  EXPECT_EQ(Send({{'d', "9\n"}, {'c', ""}, Sync()}), "C:COPY 1 Z:I");
  EXPECT_EQ(Query("select count(*) from t"), "T:count/20 D:4 C:SELECT 1 Z:I");
}

TEST_F(ConversationTest, CopyOut) {
  Table();
  EXPECT_EQ(Query("copy t to stdout"), "H d d d c C:COPY 3 Z:I");
  EXPECT_EQ(Query("/* so */ -- and so\n copy (select 1) to stdout csv header"),
            "H d d c C:COPY 1 Z:I");
  EXPECT_EQ(Query("copy t (nope) to stdout").substr(0, 7), "E:42703");
  EXPECT_EQ(
      Send({Parse("", "copy t to stdout"), Bind("", ""), DescribeIt('P', ""), Execute(""), Sync()}),
      "1 2 n H d d d c C:COPY 3 Z:I");
  EXPECT_EQ(Query("copyx"), "E:42601@1 Z:I");
}

TEST_F(ConversationTest, CopyLeavesGeneratedColumnsOut) {
  Connect();
  EXPECT_EQ(Query("create table g (a int primary key check (a > 0), b int default 1 + 1, "
                  "c int generated always as (a * 2) stored)"),
            "C:CREATE TABLE Z:I");
  EXPECT_EQ(Query("copy g from stdin"), "G");
  EXPECT_EQ(Send({{'d', "1\t5\n2\t6\n"}, {'c', ""}}), "C:COPY 2 Z:I");
  EXPECT_EQ(Query("copy g (a) from stdin"), "G");
  EXPECT_EQ(Send({{'d', "3\n"}, {'c', ""}}), "C:COPY 1 Z:I");
  EXPECT_EQ(Query("copy g (a) from stdin"), "G");
  EXPECT_EQ(Send({{'d', "-3\n"}, {'c', ""}}), "E:23514 Z:I");
  EXPECT_EQ(Query("copy g (c) from stdin"), "E:42P10 Z:I");
  EXPECT_EQ(Query("select * from g where a = 3"), "T:a/23,b/23,c/23 D:3,2,6 C:SELECT 1 Z:I");
  EXPECT_EQ(Query("copy g to stdout"), "H d d d c C:COPY 3 Z:I");
}

TEST_F(ConversationTest, NothingOutsideOfCopyIsDataOrAPassword) {
  EXPECT_EQ(Send({{'d', "x"}, {'c', ""}, {'f', ""}}), "");
  EXPECT_EQ(Send({{'X', ""}}), "");
  EXPECT_TRUE(conversation_->ended());
  Connect();
  EXPECT_EQ(Send({{'p', "x"}}), "E:08P01");
  EXPECT_TRUE(conversation_->ended());
}

}  // namespace
}  // namespace isochron::pgwire
