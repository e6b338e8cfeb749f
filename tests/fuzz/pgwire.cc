// SPDX-License-Identifier: Apache-2.0
//
// What a PostgreSQL client sends: a startup packet, or, once it is let in, messages of any kind,
// through the whole conversation and SQL to a store in memory. The first byte chooses which; the
// second one the pieces in which the bytes come.
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "server/admission/admission.h"
#include "server/pgwire/conversation.h"
#include "server/pgwire/scram.h"
#include "server/pgwire/startup.h"
#include "sql/testing/fake_universe.h"
#include "sql/types/error.h"
#include "tests/fuzz/target.h"

namespace isochron::fuzz {
namespace {

using pgwire::BodyReader;
using pgwire::Message;
using pgwire::MessageReader;

constexpr size_t kMaxMessages = 64;
constexpr size_t kMaxBodyBytes = 64 << 10;
constexpr size_t kMaxHeldBytes = 1 << 20;  // after messages of one input

constexpr char kTables[] =
    "CREATE TABLE t (k bigint PRIMARY KEY, v text, f double precision, b boolean, y bytea, w "
    "timestamptz); INSERT INTO t VALUES (1, 'one', 1.5, true, '\\x00ff', '2024-01-01'), (2, NULL, "
    "'NaN', false, NULL, NULL)";

// A client that takes everything, and checks that it is whole messages that a server may send.
class Client final : public pgwire::Outlet {
 public:
  explicit Client(pgwire::MessageWriter* out) : out_(out) {}
  void Flush() override { Take(); }
  Task<bool> Drain(Ctx) override {
    Take();
    co_return true;
  }

 private:
  void Take() {
    const std::string bytes = out_->Take();
    for (size_t at = 0; at < bytes.size();) {
      ISO_CHECK(bytes.size() - at >= 5, "a message has a type and a length");
      const char type = bytes[at];
      BodyReader in(absl::string_view(bytes).substr(at + 1));
      const int64_t size = in.Int32() - 4;
      ISO_CHECK(absl::string_view("RSKZTDCI12n3tsNEGHdcv").find(type) != absl::string_view::npos,
                "a server sends such messages");
      const absl::string_view body = in.Bytes(size);
      ISO_CHECK(in.ok(), "a message is whole");
      if (type == 'E') CheckError(body);
      at += 5 + static_cast<size_t>(size);
    }
  }
  static void CheckError(absl::string_view body) {
    BodyReader in(body);
    std::string code;
    for (uint8_t field = in.Byte(); field != 0; field = in.Byte()) {
      const absl::string_view value = in.CString();
      ISO_CHECK(pgwire::CheckText(value).ok(), "an error is text");
      if (field == 'C') code = std::string(value);
    }
    ISO_CHECK(in.Finish().ok(), "an error ends with its last field");
    ISO_CHECK(code.size() == 5 && code != sql::sqlstate::kInternal,
              "a message never breaks an assumption");
  }

  pgwire::MessageWriter* const out_;
};

Task<bool> Wait(Task<void> task) {
  co_await std::move(task);
  co_return true;
}

class Server {
 public:
  Server()
      : engine_(sql::Engine::Create(
            {&universe_.store, &universe_.executor, &universe_.truetime, nullptr}, {})),
        admission_(&universe_.executor, nullptr, {}),
        client_(&out_),
        conversation_(
            pgwire::Conversation::Deps{.executor = &universe_.executor,
                                       .admission = &admission_,
                                       .outlet = &client_,
                                       .out = &out_,
                                       .memory = std::make_shared<MemoryBudget>(256 << 20),
                                       .engine = engine_.get()},
            engine_->NewSession()) {
    auto session = engine_->NewSession();
    sql::CollectingSink made;
    ISO_CHECK(universe_.Run(session->Execute(universe_.NewContext(), kTables, {}, &made)).ok(),
              "the tables can be made");
  }

  void Start(pgwire::Conversation::Options options) {
    universe_.Run(Wait(conversation_.Start(std::move(options), 1, 2)));
    client_.Flush();
  }
  void Handle(Message message, bool sync_follows) {
    universe_.Run(Wait(conversation_.Handle(std::move(message), sync_follows)));
    client_.Flush();
    ISO_CHECK(conversation_.held_bytes() < kMaxHeldBytes, "what is kept is what was sent");
  }
  bool ended() const { return conversation_.ended(); }

 private:
  sql::testing::FakeUniverse universe_;
  std::unique_ptr<sql::Engine> engine_;
  admission::Admission admission_;
  pgwire::MessageWriter out_;
  Client client_;
  pgwire::Conversation conversation_;
};

void CheckStartup(absl::string_view bytes) {
  MessageReader reader(kMaxBodyBytes);
  reader.Append(bytes);
  Message message;
  const auto next = reader.Next(&message);
  if (!next.ok() || !*next) return;
  auto packet = pgwire::ReadStartup(message.body);
  if (!packet.ok() || packet->kind != pgwire::StartupPacket::Kind::kStart) return;
  Server server;
  server.Start(std::move(packet->parameters));
  if (!server.ended()) server.Handle({'Q', std::string("SELECT 1", 9)}, false);
}

void CheckMessages(uint8_t piece, absl::string_view bytes) {
  Server server;
  server.Start({{"user", "me"}, {"database", "isochron"}});
  MessageReader reader(kMaxBodyBytes);
  reader.Started();
  const size_t at_once = piece == 0 ? bytes.size() + 1 : piece;
  size_t served = 0;
  for (size_t at = 0; at < bytes.size() && served < kMaxMessages; at += at_once) {
    reader.Append(bytes.substr(at, at_once));
    Message message;
    for (auto next = reader.Next(&message); served < kMaxMessages; next = reader.Next(&message)) {
      if (!next.ok()) return;
      if (!*next) break;
      ++served;
      server.Handle(std::move(message), reader.SyncIsNext());
      if (server.ended()) return;
    }
    ISO_CHECK(reader.buffered() <= bytes.size(), "nothing is held that did not come");
  }
}

constexpr char kVerifier[] =
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

// A file of users, by whom nobody comes in but with a password; and what is said for one.
void CheckPasswords(Input in) {
  auto users = pgwire::Users::Parse(in.Piece(), "secret");
  if (!users.ok()) users = pgwire::Users::Parse("", "secret");
  const auto known = pgwire::ParseVerifier(kVerifier);
  ISO_CHECK(known.ok(), "a verifier");
  for (const pgwire::ScramVerifier& verifier : {*known, users->Find("me")}) {
    Input said = in;
    pgwire::ScramExchange exchange(verifier, "0123456789abcdefgh");
    const auto first = exchange.Begin(said.Piece());
    if (!first.ok()) continue;
    ISO_CHECK(absl::StrContains(*first, "r="), "a nonce is answered");
    const auto last = exchange.Final(said.Piece());
    ISO_CHECK(
        last.ok() ? verifier.stored_key == known->stored_key : !absl::IsInternal(last.status()),
        "who does not know the password does not come in");
  }
}

void Check(Input in) {
  const uint8_t kind = in.Byte() % 8;
  if (kind == 6) return CheckPasswords(in);
  const uint8_t piece = in.Byte();
  if (kind == 7) return CheckStartup(in.Rest());
  CheckMessages(piece, in.Rest());
}

std::string Int16(int v) { return {static_cast<char>(v >> 8), static_cast<char>(v)}; }
std::string Int32(int64_t v) {
  return Int16(static_cast<int>(v >> 16)) + Int16(static_cast<int>(v));
}
std::string Z(const std::string& text) { return text + '\0'; }
std::string Msg(char type, const std::string& body) {
  return type + Int32(static_cast<int64_t>(body.size()) + 4) + body;
}
std::string Packet(int code, const std::string& body) {
  return Int32(static_cast<int64_t>(body.size()) + 8) + Int32(code) + body;
}
std::string Query(const std::string& sql) { return Msg('Q', Z(sql)); }
std::string Parse(const std::string& name, const std::string& sql, std::vector<int> oids = {}) {
  std::string body = Z(name) + Z(sql) + Int16(static_cast<int>(oids.size()));
  for (int oid : oids) body += Int32(oid);
  return Msg('P', body);
}
// All values in one format, the result in another.
std::string Bind(const std::string& portal, const std::string& name,
                 const std::vector<std::string>& values, int format, int results) {
  std::string body = Z(portal) + Z(name) + Int16(1) + Int16(format);
  body += Int16(static_cast<int>(values.size()));
  for (const std::string& v : values) body += Int32(static_cast<int64_t>(v.size())) + v;
  return Msg('B', body + Int16(1) + Int16(results));
}
std::string Execute(const std::string& portal, int limit) {
  return Msg('E', Z(portal) + Int32(limit));
}

}  // namespace

std::vector<std::string> Seeds() {
  const std::string sync = Msg('S', "");
  const std::string done = Msg('c', "");
  const std::string eight(7, '\0');
  std::vector<std::string> streams = {
      Query("SELECT * FROM t") + Query("SELECT 1; SELECT nope; SELECT 2"),
      Query("BEGIN") + Query("UPDATE t SET v = 'x'") + Query("SELECT 1 / 0") + Query("COMMIT"),
      Query("INSERT INTO t (k) VALUES (7); COMMIT; INSERT INTO t (k) VALUES (1)"),
      Parse("s", "SELECT * FROM t WHERE k = $1", {20}) + Msg('D', Z("Ss")) +
          Bind("", "s", {eight + '\1'}, 1, 1) + Msg('D', Z("P")) + Execute("", 0) + sync,
      Parse("", "INSERT INTO t VALUES ($1, $2, $3, $4, $5, $6)", {20, 25, 701, 16, 17, 1184}) +
          Bind("", "", {eight + '\5', "v", eight + '\0', "\1", "y", eight + '\0'}, 1, 0) +
          Execute("", 0) + sync,
      Parse("", "SELECT k FROM t") + Bind("p", "", {}, 0, 0) + Execute("p", 1) + Execute("p", 1) +
          Msg('C', Z("Pp")) + Msg('H', "") + sync,
      Parse("", "SELECT $1, $2") + Bind("", "", {"a", "b"}, 0, 1) + Execute("", 0) +
          Parse("", "nope") + Bind("", "", {}, 0, 0) + sync + Query("SHOW ALL"),
      Query("COPY t (k, v) FROM STDIN") + Msg('d', "5\tfive\n6\t\\N\n7") +
          Msg('d', "\tx\\x41\n\\.\n") + done,
      Query("COPY t (k, v) FROM STDIN WITH (FORMAT csv, HEADER, DELIMITER ';', QUOTE '''')") +
          Msg('d', "k;v\r\n5;'a''b\n;'\r\n6;\r\n") + done,
      Query("COPY t FROM STDIN") + Msg('d', "x") + Msg('f', Z("why")) + Query("SELECT 1"),
      Query("COPY (SELECT * FROM t) TO STDOUT CSV HEADER") + Query("COPY t (v) TO STDOUT"),
      Parse("", "COPY t (k) FROM STDIN") + Bind("", "", {}, 0, 0) + Execute("", 0) +
          Msg('d', "9\n") + done + sync,
      Query("SET application_name = 'x'") + Query("") + Msg('F', "") + Msg('X', ""),
  };
  std::vector<std::string> seeds;
  for (const std::string& stream : streams) {
    seeds.push_back(std::string("\0\0", 2) + stream);
    seeds.push_back(std::string("\0\3", 2) + stream);
  }
  const std::string who = Z("user") + Z("me") + Z("database") + Z("isochron");
  const std::string more = Z("options") + Z("-c statement_timeout=5s --lock-timeout=1\\ s") +
                           Z("_pq_.new") + Z("1") + Z("application_name") + Z("a");
  for (const std::string& packet :
       {Packet(196608, who + '\0'), Packet(196610, who + more + '\0'), Packet(131072, who + '\0'),
        Packet(80877103, ""), Packet(80877102, Int32(1) + Int32(2))}) {
    seeds.push_back(std::string("\7\0", 2) + packet);
  }
  const std::string nonce = "rOprNGfwEbeRWgbNEkqO";
  seeds.push_back("\6" + Piece(absl::StrCat("# who\n\"you\" \"", kVerifier, "\"\n")) +
                  Piece(Z("SCRAM-SHA-256") + Int32(32) + "n,,n=user,r=" + nonce) +
                  Piece(absl::StrCat(
                      "c=biws,r=", nonce,
                      "MDEyMzQ1Njc4OWFiY2RlZmdo,p=3D+KV/92Amp038tbyzrVJ2EY1kKwSCnmFBuLzmfNOJk=")));
  return seeds;
}

}  // namespace isochron::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  isochron::fuzz::Check(isochron::fuzz::Input(data, size));
  return 0;
}
