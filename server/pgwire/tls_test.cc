// SPDX-License-Identifier: Apache-2.0
#include "server/pgwire/tls.h"

#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cstdio>
#include <string>
#include <utility>

namespace isochron::pgwire {
namespace {

std::string Path(const std::string& name) { return testing::TempDir() + "/" + name; }

// A certificate that signs itself, and its key, in NAME.crt and NAME.key.
void MakePair(const std::string& name) {
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  X509* const certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_NAME* const subject = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate, subject);
  X509_set_pubkey(certificate, key);
  ASSERT_NE(X509_sign(certificate, key, EVP_sha256()), 0);
  FILE* file = fopen(Path(name + ".crt").c_str(), "w");
  ASSERT_NE(file, nullptr);
  PEM_write_X509(file, certificate);
  fclose(file);
  file = fopen(Path(name + ".key").c_str(), "w");
  ASSERT_NE(file, nullptr);
  PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
  fclose(file);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

void Copy(const std::string& from, const std::string& to) {
  ASSERT_EQ(std::rename(Path(from).c_str(), Path(to).c_str()), 0);
}

// The other side, believing whatever it is shown.
class Client {
 public:
  explicit Client(int greatest_version = 0) : context_(SSL_CTX_new(TLS_client_method())) {
    // Even below what is secure: the server is to refuse it.
    SSL_CTX_set_security_level(context_, 0);
    if (greatest_version != 0) SSL_CTX_set_max_proto_version(context_, greatest_version);
    ssl_ = SSL_new(context_);
    in_ = BIO_new(BIO_s_mem());
    out_ = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl_, in_, out_);
    SSL_set_connect_state(ssl_);
  }
  ~Client() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  // Takes the server's bytes, gives back its own.
  std::string Step(const std::string& bytes) {
    BIO_write(in_, bytes.data(), static_cast<int>(bytes.size()));
    char buffer[4096];
    int n;
    while ((n = SSL_read(ssl_, buffer, sizeof(buffer))) > 0) {
      heard.append(buffer, static_cast<size_t>(n));
    }
    closed = SSL_get_error(ssl_, n) == SSL_ERROR_ZERO_RETURN;
    std::string out(BIO_ctrl_pending(out_), '\0');
    BIO_read(out_, out.data(), static_cast<int>(out.size()));
    return out;
  }
  std::string Say(const std::string& text) {
    SSL_write(ssl_, text.data(), static_cast<int>(text.size()));
    return Step("");
  }
  std::string Close() {
    SSL_shutdown(ssl_);
    return Step("");
  }
  std::string ServerName() {
    X509* const shown = SSL_get1_peer_certificate(ssl_);
    char name[64] = "";
    if (shown != nullptr) {
      X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName, name, sizeof(name));
    }
    X509_free(shown);
    return name;
  }

  std::string heard;
  bool closed = false;

 private:
  SSL_CTX* const context_;
  SSL* ssl_;
  BIO* in_;
  BIO* out_;
};

class TlsTest : public testing::Test {
 protected:
  void SetUp() override {
    MakePair("a");
    auto identity = TlsIdentity::Load(Path("a.crt"), Path("a.key"));
    ASSERT_TRUE(identity.ok()) << identity.status();
    identity_ = *identity;
  }
  // Until neither has anything to say.
  static absl::Status Shake(Client* client, TlsSession* server, std::string* plain) {
    std::string to_server = client->Step("");
    while (!to_server.empty()) {
      const absl::Status status = server->Receive(to_server, plain);
      to_server = client->Step(server->TakeOutput());
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }
  std::shared_ptr<const TlsIdentity> identity_;
};

TEST_F(TlsTest, BytesGoBothWaysHoweverTheyAreCut) {
  Client client;
  TlsSession server(identity_);
  EXPECT_FALSE(server.Send("too early").ok());
  EXPECT_FALSE(server.established());
  std::string plain;
  ASSERT_TRUE(Shake(&client, &server, &plain).ok());
  EXPECT_TRUE(server.established());
  EXPECT_EQ(server.version(), "TLSv1.3");
  const std::string big(100'000, 'x');
  for (char c : client.Say(big)) ASSERT_TRUE(server.Receive(std::string(1, c), &plain).ok());
  EXPECT_EQ(plain, big);
  ASSERT_TRUE(server.Send(big + "y").ok());
  client.Step(server.TakeOutput());
  EXPECT_EQ(client.heard, big + "y");
  EXPECT_EQ(server.TakeOutput(), "");
}

TEST_F(TlsTest, EachSideMayEndIt) {
  for (const bool from_client : {true, false}) {
    Client client;
    TlsSession server(identity_);
    std::string plain;
    ASSERT_TRUE(Shake(&client, &server, &plain).ok());
    if (from_client) {
      EXPECT_TRUE(absl::IsUnavailable(server.Receive(client.Close(), &plain)));
    } else {
      server.Close();
      client.Step(server.TakeOutput());
      EXPECT_TRUE(client.closed);
      server.Close();
      EXPECT_EQ(server.TakeOutput(), "");
    }
  }
}

TEST_F(TlsTest, WhatIsNoTlsOrTooOldIsRefused) {
  std::string plain;
  TlsSession garbage(identity_);
  EXPECT_TRUE(absl::IsInvalidArgument(garbage.Receive("a query in the clear", &plain)));
  Client old(TLS1_1_VERSION);
  TlsSession server(identity_);
  EXPECT_TRUE(absl::IsInvalidArgument(Shake(&old, &server, &plain)));
  Client earlier(TLS1_2_VERSION);
  TlsSession other(identity_);
  EXPECT_TRUE(Shake(&earlier, &other, &plain).ok());
  EXPECT_EQ(other.version(), "TLSv1.2");
  EXPECT_EQ(plain, "");
  // A record that was changed on its way.
  std::string record = earlier.Say("money");
  record[record.size() / 2] = static_cast<char>(record[record.size() / 2] ^ 1);
  EXPECT_FALSE(other.Receive(record, &plain).ok());
  EXPECT_EQ(plain, "");
}

TEST_F(TlsTest, FilesThatCannotBeUsed) {
  MakePair("b");
  const auto says = [](const std::string& certificate, const std::string& key) {
    return std::string(TlsIdentity::Load(Path(certificate), Path(key)).status().message());
  };
  EXPECT_NE(says("none.crt", "a.key").find("certificate in"), std::string::npos);
  EXPECT_NE(says("a.crt", "none.key").find("key in"), std::string::npos);
  EXPECT_NE(says("a.crt", "a.crt").find("key in"), std::string::npos);
  EXPECT_NE(says("a.crt", "b.key").find("b.key cannot be used: key values mismatch"),
            std::string::npos);
  EXPECT_NE(identity_->end_point(), "");
}

TEST_F(TlsTest, ARenewedCertificateIsShownAndABadOneIsNot) {
  auto files = TlsFiles::Open(Path("a.crt"), Path("a.key"));
  ASSERT_TRUE(files.ok()) << files.status();
  Micros now_us = 10'000'000;
  const auto shown = [&] {
    now_us += 2'000'000;
    Client client;
    TlsSession server((*files)->Current(now_us));
    std::string plain;
    EXPECT_TRUE(Shake(&client, &server, &plain).ok());
    return client.ServerName();
  };
  EXPECT_EQ(shown(), "a");
  MakePair("c");
  Copy("c.crt", "a.crt");
  EXPECT_EQ(shown(), "a");  // its key is another
  Copy("c.key", "a.key");
  EXPECT_EQ(shown(), "c");
}

}  // namespace
}  // namespace isochron::pgwire
