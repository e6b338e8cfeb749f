// SPDX-License-Identifier: Apache-2.0
#include "server/pgwire/scram.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

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

TEST(Scram, OverTlsTheChannelMayBeBound) {
  EXPECT_EQ(Exchange().mechanisms(), std::vector<std::string>{"SCRAM-SHA-256"});
  const auto over_tls = [] {
    return ScramExchange(*ParseVerifier(kVerifier), "0123456789abcdefgh", "digest");
  };
  EXPECT_EQ(over_tls().mechanisms(),
            (std::vector<std::string>{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"}));
  const auto begin = [](ScramExchange* exchange, const std::string& mechanism,
                        const std::string& message) {
    const char size[] = {0, 0, 0, static_cast<char>(message.size())};
    std::string body = mechanism;
    body.push_back('\0');
    body.append(size, sizeof(size));
    return exchange->Begin(body + message);
  };
  const std::string rest = "n=user,r=rOprNGfwEbeRWgbNEkqO";
  struct {
    const char *mechanism, *header;
    bool good;
  } const cases[] = {
      {"SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,", true},
      {"SCRAM-SHA-256-PLUS", "p=tls-unique,,", false},
      {"SCRAM-SHA-256-PLUS", "n,,", false},
      {"SCRAM-SHA-256", "n,,", true},
      {"SCRAM-SHA-256", "p=tls-server-end-point,,", false},
      // It was not told that the server can bind: somebody stands between.
      {"SCRAM-SHA-256", "y,,", false},
      {"SCRAM-SHA-1", "n,,", false},
  };
  for (const auto& c : cases) {
    ScramExchange exchange = over_tls();
    EXPECT_EQ(begin(&exchange, c.mechanism, c.header + rest).ok(), c.good)
        << c.mechanism << " " << c.header;
  }
  // The header and this certificate's digest, and no other's.
  ScramExchange bound = over_tls();
  ASSERT_TRUE(begin(&bound, "SCRAM-SHA-256-PLUS", "p=tls-server-end-point,," + rest).ok());
  const std::string end = ",r=rOprNGfwEbeRWgbNEkqOMDEyMzQ1Njc4OWFiY2RlZmdo,p=" +
                          absl::Base64Escape(std::string(32, 'x'));
  const auto final_with = [&](const std::string& digest) {
    return sql::SqlStateOf(
        bound.Final("c=" + absl::Base64Escape("p=tls-server-end-point,," + digest) + end).status());
  };
  EXPECT_EQ(final_with("another"), "08P01");
  EXPECT_EQ(final_with("digest"), "28P01");  // bound, with a wrong proof
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
