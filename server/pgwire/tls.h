// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_PGWIRE_TLS_H_
#define ISOCHRON_SERVER_PGWIRE_TLS_H_

// Encryption of the PostgreSQL door: TLS 1.2 and later by OpenSSL, over bytes in memory, so that
// the connection's socket stays the event loop's. The server shows a certificate and asks for none.
//
// No session tickets, no renegotiation. A session holds about 30 KiB while it shakes hands and less
// at rest. TlsFiles reads files; a TlsSession touches nothing but its bytes. Loop-thread only.

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/types.h"

// OpenSSL's, so that not everybody has its headers.
struct bio_st;
struct ssl_ctx_st;
struct ssl_st;

namespace isochron::pgwire {

// A certificate (with its chain) and its key.
class TlsIdentity {
 public:
  // Of PEM files. INVALID_ARGUMENT names the file and what is wrong.
  static absl::StatusOr<std::shared_ptr<const TlsIdentity>> Load(const std::string& certificate,
                                                                 const std::string& key);
  ~TlsIdentity();
  TlsIdentity(const TlsIdentity&) = delete;
  TlsIdentity& operator=(const TlsIdentity&) = delete;

  ssl_ctx_st* context() const { return context_; }
  // The certificate's digest, by which SCRAM binds to the channel (RFC 5929,
  // tls-server-end-point).
  const std::string& end_point() const { return end_point_; }

 private:
  explicit TlsIdentity(ssl_ctx_st* context) : context_(context) {}
  ssl_ctx_st* const context_;
  std::string end_point_;
};

// The identity of two files, read again when they have changed: certificates are renewed without a
// restart. A pair that cannot be read, or does not fit, leaves the one before in use.
class TlsFiles {
 public:
  static absl::StatusOr<std::unique_ptr<TlsFiles>> Open(std::string certificate, std::string key);
  // Looks at the files at most once a second.
  std::shared_ptr<const TlsIdentity> Current(Micros now_us);

 private:
  TlsFiles(std::string certificate, std::string key, std::string stamp,
           std::shared_ptr<const TlsIdentity> identity);
  const std::string certificate_, key_;
  std::string stamp_;  // of both files as they were read
  std::shared_ptr<const TlsIdentity> identity_;
  Micros looked_us_ = 0;
};

// One connection's encryption, the server's side.
class TlsSession {
 public:
  explicit TlsSession(std::shared_ptr<const TlsIdentity> identity);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  // Takes what came from the client and appends to *plain what it says. UNAVAILABLE when the client
  // has closed its side, INVALID_ARGUMENT when it speaks no TLS that is wanted here; there may be
  // something to send even then.
  absl::Status Receive(absl::string_view bytes, std::string* plain);
  // Encrypts; after the handshake. INTERNAL otherwise.
  absl::Status Send(absl::string_view plain);
  // Says that no more comes. Once.
  void Close();
  // What is to go to the client.
  std::string TakeOutput();

  bool established() const;
  const std::string& end_point() const { return identity_->end_point(); }
  // "TLSv1.3".
  std::string version() const;

 private:
  const std::shared_ptr<const TlsIdentity> identity_;
  ssl_st* const ssl_;
  bio_st* const in_;   // owned by ssl_
  bio_st* const out_;  // owned by ssl_
  bool closed_ = false;
};

}  // namespace isochron::pgwire

#endif  // ISOCHRON_SERVER_PGWIRE_TLS_H_
