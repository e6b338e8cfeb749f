// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_PGWIRE_MESSAGE_READER_H_
#define ISOCHRON_SERVER_PGWIRE_MESSAGE_READER_H_

// What a PostgreSQL client sends, cut into messages (protocol 3.0, "Message Formats").
//
//   MessageReader  bytes as they come -> whole messages. The first ones of a connection have no
//                  type byte. A length that no message may have is an error at once, before its
//                  bytes come, and memory grows with what has come, never with what was announced.
//   BodyReader     the fields of one message. A message that is too short, or longer than its
//                  fields, is "invalid": Finish says so.
//
// Errors are 08P01: the connection cannot go on, because nobody knows where the next message
// begins. A body that is wrong inside leaves the stream intact. Pure; no threads.

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace isochron::pgwire {

inline constexpr char kProtocolViolation[] = "08P01";

struct Message {
  char type = 0;  // 0: one without a type (startup)
  std::string body;
};

class MessageReader {
 public:
  // Of one message's body: Query, Parse, Bind and CopyData; others are short by nature.
  explicit MessageReader(size_t max_body_bytes) : max_body_bytes_(max_body_bytes) {}

  void Append(absl::string_view bytes) { buffer_.append(bytes.data(), bytes.size()); }
  // Messages from now on have a type byte. `strangers`: those of a client whose password is not
  // known yet, which are all short.
  void Started(bool strangers = false) {
    started_ = true;
    strangers_ = strangers;
  }
  // False when the next message has not come whole yet.
  absl::StatusOr<bool> Next(Message* out);
  // Whether the next message is a Sync that has come whole.
  bool SyncIsNext() const;
  // Bytes that are held.
  size_t buffered() const { return buffer_.size() - at_; }
  size_t capacity() const { return buffer_.capacity(); }

 private:
  absl::Status CheckLength(char type, size_t body_bytes) const;
  void Compact();

  const size_t max_body_bytes_;
  bool started_ = false;
  bool strangers_ = false;
  std::string buffer_;
  size_t at_ = 0;  // of the next message
};

class BodyReader {
 public:
  explicit BodyReader(absl::string_view body) : rest_(body) {}

  uint8_t Byte();
  int16_t Int16();
  int32_t Int32();
  // Up to a zero byte, which is taken.
  absl::string_view CString();
  absl::string_view Bytes(int64_t count);
  absl::string_view Rest();
  bool ok() const { return ok_; }
  bool AtEnd() const { return rest_.empty(); }
  // 08P01 when a field was missing or something is left.
  absl::Status Finish() const;

 private:
  absl::string_view rest_;
  bool ok_ = true;
};

// UTF-8 without zero bytes. 22021 names the bytes that are none.
absl::Status CheckText(absl::string_view text);

}  // namespace isochron::pgwire

#endif  // ISOCHRON_SERVER_PGWIRE_MESSAGE_READER_H_
