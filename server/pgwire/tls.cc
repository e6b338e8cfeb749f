// SPDX-License-Identifier: Apache-2.0
#include "server/pgwire/tls.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/status_macros.h"
#include "server/runtime/log.h"

namespace isochron::pgwire {
namespace {

constexpr Micros kLookUs = 1'000'000;
constexpr size_t kRecordBytes = 16 << 10;

// The oldest of OpenSSL's errors on this thread; forgets them all.
std::string Reason() {
  const unsigned long code = ERR_get_error();  // NOLINT: OpenSSL's type
  ERR_clear_error();
  const char* const text = code == 0 ? nullptr : ERR_reason_error_string(code);
  return text == nullptr ? "unknown error" : text;
}

absl::Status BadFile(absl::string_view what, const std::string& path) {
  return absl::InvalidArgumentError(
      absl::StrCat("the ", what, " in ", path, " cannot be used: ", Reason()));
}

// RFC 5929: of the certificate by its signature's digest, SHA-256 where that is MD5, SHA-1 or none.
std::string EndPoint(X509* certificate) {
  int digest = NID_undef;
  if (X509_get_signature_info(certificate, &digest, nullptr, nullptr, nullptr) != 1 ||
      digest == NID_md5 || digest == NID_sha1 || digest == NID_undef) {
    digest = NID_sha256;
  }
  const EVP_MD* const md = EVP_get_digestbynid(digest);
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (md == nullptr || X509_digest(certificate, md, out, &size) != 1) return "";
  return {reinterpret_cast<char*>(out), size};
}

// Changes when either file does, in place or by another in its place.
std::string Stamp(const std::string& certificate, const std::string& key) {
  std::string out;
  for (const std::string& path : {certificate, key}) {
    struct stat s {};
    if (stat(path.c_str(), &s) != 0) return "";
    absl::StrAppend(&out, s.st_ino, ":", s.st_size, ":", s.st_mtim.tv_sec, ".", s.st_mtim.tv_nsec,
                    " ");
  }
  return out;
}

}  // namespace

TlsIdentity::~TlsIdentity() { SSL_CTX_free(context_); }

absl::StatusOr<std::shared_ptr<const TlsIdentity>> TlsIdentity::Load(const std::string& certificate,
                                                                     const std::string& key) {
  ERR_clear_error();
  SSL_CTX* const context = SSL_CTX_new(TLS_server_method());
  ISO_CHECK(context != nullptr, "OpenSSL is there");
  std::shared_ptr<TlsIdentity> out(new TlsIdentity(context));
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1) {
    return BadFile("certificate", certificate);
  }
  // It must be the certificate's.
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return BadFile("key", key);
  }
  out->end_point_ = EndPoint(SSL_CTX_get0_certificate(context));
  return std::shared_ptr<const TlsIdentity>(std::move(out));
}

TlsFiles::TlsFiles(std::string certificate, std::string key, std::string stamp,
                   std::shared_ptr<const TlsIdentity> identity)
    : certificate_(std::move(certificate)),
      key_(std::move(key)),
      stamp_(std::move(stamp)),
      identity_(std::move(identity)) {}

absl::StatusOr<std::unique_ptr<TlsFiles>> TlsFiles::Open(std::string certificate, std::string key) {
  // Before the files are read: what changes meanwhile is then read again.
  std::string stamp = Stamp(certificate, key);
  ISO_ASSIGN_OR_RETURN(auto identity, TlsIdentity::Load(certificate, key));
  return std::unique_ptr<TlsFiles>(
      new TlsFiles(std::move(certificate), std::move(key), std::move(stamp), std::move(identity)));
}

std::shared_ptr<const TlsIdentity> TlsFiles::Current(Micros now_us) {
  if (looked_us_ != 0 && now_us - looked_us_ < kLookUs) return identity_;
  looked_us_ = now_us;
  std::string stamp = Stamp(certificate_, key_);
  if (stamp == stamp_) return identity_;
  auto identity = TlsIdentity::Load(certificate_, key_);
  if (identity.ok()) {
    identity_ = *std::move(identity);
    runtime::LogInfo("PostgreSQL clients are shown the new certificate of ", certificate_);
  } else {
    // Half of a pair that is being replaced, perhaps. Said once for each state of the files.
    runtime::LogError("the certificate before stays in use: ", identity.status().message());
  }
  stamp_ = std::move(stamp);
  return identity_;
}

TlsSession::TlsSession(std::shared_ptr<const TlsIdentity> identity)
    : identity_(std::move(identity)),
      ssl_(SSL_new(identity_->context())),
      in_(BIO_new(BIO_s_mem())),
      out_(BIO_new(BIO_s_mem())) {
  ISO_CHECK(ssl_ != nullptr && in_ != nullptr && out_ != nullptr, "OpenSSL has memory");
  SSL_set_bio(ssl_, in_, out_);
  SSL_set_accept_state(ssl_);
}

TlsSession::~TlsSession() { SSL_free(ssl_); }

absl::Status TlsSession::Receive(absl::string_view bytes, std::string* plain) {
  ERR_clear_error();
  if (!bytes.empty()) BIO_write(in_, bytes.data(), static_cast<int>(bytes.size()));
  for (;;) {
    const size_t before = plain->size();
    plain->resize(before + kRecordBytes);
    // Shakes hands first, where that is left to do.
    const int n = SSL_read(ssl_, plain->data() + before, kRecordBytes);
    plain->resize(before + static_cast<size_t>(std::max(n, 0)));
    if (n > 0) continue;
    switch (SSL_get_error(ssl_, n)) {
      case SSL_ERROR_WANT_READ:
      case SSL_ERROR_WANT_WRITE:
        return absl::OkStatus();
      case SSL_ERROR_ZERO_RETURN:
        return absl::UnavailableError("the client has closed the connection");
      default:
        return absl::InvalidArgumentError(absl::StrCat("TLS failed: ", Reason()));
    }
  }
}

absl::Status TlsSession::Send(absl::string_view plain) {
  ERR_clear_error();
  if (plain.empty()) return absl::OkStatus();
  const int n = SSL_write(ssl_, plain.data(), static_cast<int>(plain.size()));
  if (n == static_cast<int>(plain.size())) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("TLS cannot send: ", Reason()));
}

void TlsSession::Close() {
  if (std::exchange(closed_, true) || !established()) return;
  ERR_clear_error();
  SSL_shutdown(ssl_);
  ERR_clear_error();
}

std::string TlsSession::TakeOutput() {
  std::string out(BIO_ctrl_pending(out_), '\0');
  if (!out.empty()) BIO_read(out_, out.data(), static_cast<int>(out.size()));
  return out;
}

bool TlsSession::established() const { return SSL_is_init_finished(ssl_) == 1; }

std::string TlsSession::version() const { return SSL_get_version(ssl_); }

}  // namespace isochron::pgwire
