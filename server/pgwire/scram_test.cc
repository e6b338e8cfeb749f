// SPDX-License-Identifier: Apache-2.0
#include "server/pgwire/scram.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "sql/types/error.h"

namespace isochron::pgwire {
namespace {

// The example of RFC 7677. Its server's nonce is no base64, so the exchange here has another one:
// the numbers below were computed by an independent implementation.
constexpr char kSalt[] = "W22ZaJ0SNY7soEsUEjb6gQ==";
constexpr char kClientFirst[] = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
constexpr char kServerFirst[] =
    "r=rOprNGfwEbeRWgbNEkqOMDEyMzQ1Njc4OWFiY2RlZmdo,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
constexpr char kClientFinal[] =
    "c=biws,r=rOprNGfwEbeRWgbNEkqOMDEyMzQ1Njc4OWFiY2RlZmdo,p=3D+KV/"
    "92Amp038tbyzrVJ2EY1kKwSCnmFBuLzmfNOJk=";
constexpr char kServerFinal[] = "v=MLHhG+L5KjXHk3DEINQvXdVorWMb+56dQV8b/kpXUro=";
constexpr char kVerifier[] =
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
    "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

std::string Salt() {
  std::string out;
  EXPECT_TRUE(absl::Base64Unescape(kSalt, &out));
  return out;
}

ScramExchange Exchange() { return ScramExchange(*ParseVerifier(kVerifier), "0123456789abcdefgh"); }

TEST(Scram, APasswordIsKeptAsPostgresqlKeepsIt) {
  EXPECT_EQ(*MakeVerifier("pencil", Salt(), 4096), kVerifier);
  EXPECT_FALSE(MakeVerifier("", Salt(), 4096).ok());
  EXPECT_FALSE(MakeVerifier("p\xc3\xa4ss", Salt(), 4096).ok());
}

TEST(Scram, TheRightPasswordComesInAndTheServerProvesItself) {
  ScramExchange exchange = Exchange();
  EXPECT_EQ(*exchange.First(kClientFirst), kServerFirst);
  const auto last = exchange.Final(kClientFinal);
  ASSERT_TRUE(last.ok()) << last.status();
  EXPECT_EQ(*last, kServerFinal);
}

TEST(Scram, AnotherPasswordDoesNot) {
  auto other = ParseVerifier(*MakeVerifier("pencils", Salt(), 4096));
  ScramExchange exchange(*other, "0123456789abcdefgh");
  EXPECT_EQ(*exchange.First(kClientFirst), kServerFirst);
  EXPECT_EQ(sql::SqlStateOf(exchange.Final(kClientFinal).status()), "28P01");
}

TEST(Scram, MessagesThatMakeNoSense) {
  for (const char* first : {"", "n", "n,", "n,,", "p=tls-server-end-point,,n=,r=x", "n,a=me,n=,r=x",
                            "n,,n=", "n,,r=x", "n,,n=,r=", "n,,n=,r=\x01", "n,,m=x,n=,r=x"}) {
    ScramExchange exchange = Exchange();
    EXPECT_EQ(sql::SqlStateOf(exchange.First(first).status()), "08P01") << first;
  }
  const std::string good = kClientFinal;
  for (const std::string& last :
       {std::string(), std::string("c=biws"), std::string("c=biws,r=x"),
        good.substr(0, good.size() - 4), good + "AAAA",
        absl::StrReplaceAll(good, {{"biws", "eSws"}}),
        absl::StrReplaceAll(good, {{"MDEy", "MDEz"}}), absl::StrReplaceAll(good, {{",p=", ",p=!"}}),
        absl::StrReplaceAll(good, {{",p=", ",q="}})}) {
    ScramExchange exchange = Exchange();
    ASSERT_TRUE(exchange.First(kClientFirst).ok());
    EXPECT_EQ(sql::SqlStateOf(exchange.Final(last).status()), "08P01") << last;
  }
}

TEST(Users, LinesAndWhatIsNone) {
  const std::string good = absl::StrCat("# who\n\n\"me\" \"", kVerifier,
                                        "\"\r\n; so\n  \"o \"\"x\"  \"", kVerifier, "\"");
  auto users = Users::Parse(good, "secret");
  ASSERT_TRUE(users.ok()) << users.status();
  EXPECT_EQ(users->size(), 2u);
  EXPECT_EQ(users->Find("me").salt, Salt());
  EXPECT_EQ(users->Find("o \"x").salt, Salt());
  for (const std::string& bad :
       {std::string("me"), std::string("\"me\""), std::string("\"me\" \"secret\""),
        std::string("\"me\" \"md5aa\""), absl::StrCat("\"\" \"", kVerifier, "\""),
        absl::StrCat("\"\xff\" \"", kVerifier, "\""), absl::StrCat("\"me\" \"", kVerifier, "\" x"),
        absl::StrCat("\"me\" \"", kVerifier, "\"\n\"me\" \"", kVerifier, "\"")}) {
    EXPECT_TRUE(absl::IsInvalidArgument(Users::Parse(bad, "secret").status())) << bad;
  }
  for (const char* bad : {"SCRAM-SHA-256$0:AAAA$A:A", "SCRAM-SHA-256$4096$A:A", "", "$$",
                          "SCRAM-SHA-256$4096:AAAA$AAAA:AAAA"}) {
    EXPECT_FALSE(ParseVerifier(bad).ok()) << bad;
  }
}

TEST(Users, WhoIsNotThereIsAnsweredLikeOneWhoIs) {
  auto users = Users::Parse("", "secret");
  ASSERT_TRUE(users.ok());
  const ScramVerifier a = users->Find("a");
  EXPECT_EQ(a.salt, users->Find("a").salt);
  EXPECT_NE(a.salt, users->Find("b").salt);
  EXPECT_NE(a.salt, Users::Parse("", "another")->Find("a").salt);
  ScramExchange exchange(a, "0123456789abcdefgh");
  ASSERT_TRUE(exchange.First(kClientFirst).ok());
  EXPECT_EQ(sql::SqlStateOf(exchange.Final(kClientFinal).status()), "28P01");
}

}  // namespace
}  // namespace isochron::pgwire
