// SPDX-License-Identifier: Apache-2.0
#include "server/pgwire/message_reader.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "sql/types/error.h"

namespace isochron::pgwire {
namespace {

constexpr size_t kLengthBytes = 4;
// PostgreSQL's own limits.
constexpr size_t kMaxStartupBytes = 10'000;
constexpr size_t kMaxShortBytes = 10'000;
// A buffer that once held a long message does not stay long.
constexpr size_t kKeptBytes = 8 << 10;

bool MayBeLong(char type) { return type == 'Q' || type == 'P' || type == 'B' || type == 'd'; }

bool IsKnown(char type) {
  return MayBeLong(type) || absl::string_view("CDEHSXcfpF").find(type) != absl::string_view::npos;
}

uint32_t BigEndian(absl::string_view bytes) {
  uint32_t v = 0;
  for (char c : bytes) v = v << 8 | static_cast<unsigned char>(c);
  return v;
}

// Length of the UTF-8 character that `text` begins with; 0 when there is none.
size_t CharacterBytes(absl::string_view text) {
  const auto at = [text](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char c = at(0);
  if (c < 0x80) return c == 0 ? 0 : 1;
  const size_t n = c >= 0xC2 && c <= 0xDF   ? 2
                   : (c & 0xF0) == 0xE0     ? 3
                   : c >= 0xF0 && c <= 0xF4 ? 4
                                            : 0;
  if (n == 0 || text.size() < n) return 0;
  for (size_t i = 1; i < n; ++i) {
    if ((at(i) & 0xC0) != 0x80) return 0;
  }
  if (c == 0xE0 && at(1) < 0xA0) return 0;  // longer than need be
  if (c == 0xED && at(1) > 0x9F) return 0;  // a surrogate
  if (c == 0xF0 && at(1) < 0x90) return 0;
  if (c == 0xF4 && at(1) > 0x8F) return 0;  // beyond U+10FFFF
  return n;
}

}  // namespace

absl::Status MessageReader::CheckLength(char type, size_t body_bytes) const {
  if (!started_) {
    if (body_bytes >= kLengthBytes && body_bytes <= kMaxStartupBytes) return absl::OkStatus();
    return sql::SqlError(kProtocolViolation, "invalid length of startup packet");
  }
  if (!IsKnown(type)) {
    return sql::SqlError(kProtocolViolation, absl::StrCat("invalid frontend message type ",
                                                          static_cast<unsigned char>(type)));
  }
  const size_t limit = MayBeLong(type) && !strangers_ ? max_body_bytes_ : kMaxShortBytes;
  if (body_bytes <= limit) return absl::OkStatus();
  return sql::SqlError(
      kProtocolViolation,
      absl::StrCat("invalid message length: ", body_bytes, " bytes for a message of type \"",
                   std::string(1, type), "\", at most ", limit, " are taken"),
      -1, "Send large data in several statements, or by COPY.");
}

absl::StatusOr<bool> MessageReader::Next(Message* out) {
  const size_t header = kLengthBytes + (started_ ? 1 : 0);
  if (buffered() < header) {
    Compact();
    return false;
  }
  const absl::string_view rest = absl::string_view(buffer_).substr(at_);
  const char type = started_ ? rest[0] : '\0';
  const size_t length = BigEndian(rest.substr(header - kLengthBytes, kLengthBytes));
  if (length < kLengthBytes) {
    return sql::SqlError(kProtocolViolation, "invalid message length");
  }
  const size_t body_bytes = length - kLengthBytes;
  ISO_RETURN_IF_ERROR(CheckLength(type, body_bytes));
  if (rest.size() < header + body_bytes) {
    Compact();
    return false;
  }
  out->type = type;
  out->body.assign(rest.data() + header, body_bytes);
  at_ += header + body_bytes;
  if (at_ == buffer_.size()) Compact();
  return true;
}

bool MessageReader::SyncIsNext() const {
  static constexpr absl::string_view kSync("S\0\0\0\4", 1 + kLengthBytes);
  return started_ && absl::string_view(buffer_).substr(at_, kSync.size()) == kSync;
}

void MessageReader::Compact() {
  if (at_ > 0) {
    buffer_.erase(0, at_);
    at_ = 0;
  }
  if (buffer_.empty() && buffer_.capacity() > kKeptBytes) {
    std::string().swap(buffer_);  // an assignment would keep the memory
  }
}

uint8_t BodyReader::Byte() {
  const absl::string_view b = Bytes(1);
  return b.empty() ? 0 : static_cast<uint8_t>(b[0]);
}

int16_t BodyReader::Int16() { return static_cast<int16_t>(BigEndian(Bytes(2))); }

int32_t BodyReader::Int32() { return static_cast<int32_t>(BigEndian(Bytes(4))); }

absl::string_view BodyReader::CString() {
  const size_t end = rest_.find('\0');
  if (end == absl::string_view::npos) {
    ok_ = false;
    rest_ = {};
    return {};
  }
  const absl::string_view out = rest_.substr(0, end);
  rest_.remove_prefix(end + 1);
  return out;
}

absl::string_view BodyReader::Bytes(int64_t count) {
  if (count < 0 || static_cast<uint64_t>(count) > rest_.size()) {
    ok_ = false;
    rest_ = {};
    return {};
  }
  const absl::string_view out = rest_.substr(0, static_cast<size_t>(count));
  rest_.remove_prefix(out.size());
  return out;
}

absl::string_view BodyReader::Rest() {
  const absl::string_view out = rest_;
  rest_ = {};
  return out;
}

absl::Status BodyReader::Finish() const {
  if (ok_ && rest_.empty()) return absl::OkStatus();
  return sql::SqlError(kProtocolViolation,
                       ok_ ? "invalid message format" : "insufficient data left in message");
}

absl::Status CheckText(absl::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const size_t n = CharacterBytes(text.substr(i));
    if (n == 0) {
      return sql::SqlError("22021", absl::StrCat("invalid byte sequence for encoding \"UTF8\": 0x",
                                                 absl::BytesToHexString(text.substr(i, 1))));
    }
    i += n;
  }
  return absl::OkStatus();
}

}  // namespace isochron::pgwire
