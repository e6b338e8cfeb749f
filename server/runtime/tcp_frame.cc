// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/tcp_frame.h"

#include <string.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/coding.h"
#include "common/crc32c.h"
#include "common/status_macros.h"

namespace isochron::runtime {
namespace {

// A buffer that once held a large frame gives the memory back.
constexpr size_t kKeepBytes = 1 << 20;

}  // namespace

size_t BeginFrame(std::string* out) {
  const size_t begin = out->size();
  out->append(kFrameHeaderBytes, '\0');
  return begin;
}

void AppendMessage(std::string* out, Channel channel, absl::string_view payload) {
  Writer w(out);
  w.Byte(static_cast<uint8_t>(channel));
  w.Bytes(payload);
}

void FinishFrame(std::string* out, size_t begin, uint32_t magic) {
  const absl::string_view payload = absl::string_view(*out).substr(begin + kFrameHeaderBytes);
  std::string header;
  Writer w(&header);
  w.Fixed32(magic);
  w.Fixed32(static_cast<uint32_t>(payload.size()));
  w.Fixed32(Crc32c(payload));
  w.Fixed32(Crc32c(header));
  out->replace(begin, kFrameHeaderBytes, header);
}

absl::Status TakeMessage(absl::string_view* frame, Channel* channel, absl::string_view* message) {
  Reader r(*frame);
  uint8_t number = 0;
  if (!r.Byte(&number) || !r.Bytes(message) || number >= kNumChannels) {
    return absl::DataLossError("malformed message in a frame");
  }
  *channel = static_cast<Channel>(number);
  *frame = r.rest();
  return absl::OkStatus();
}

std::string EncodeHello(const Hello& hello) {
  std::string out;
  const size_t begin = BeginFrame(&out);
  Writer w(&out);
  w.Varint(hello.version);
  w.Bytes(hello.universe);
  w.Varint(hello.from.value);
  w.Varint(hello.to.value);
  w.Bytes(hello.refusal);
  FinishFrame(&out, begin, kHelloMagic);
  return out;
}

absl::StatusOr<Hello> DecodeHello(absl::string_view payload) {
  Hello hello;
  Reader r(payload);
  r.Varint(&hello.version);
  r.Bytes(&hello.universe);
  r.Varint32(&hello.from.value);
  r.Varint32(&hello.to.value);
  r.Bytes(&hello.refusal);
  // Later versions may add fields at the end.
  if (!r.ok()) return absl::DataLossError("malformed hello");
  return hello;
}

char* FrameParser::Reserve(size_t n) {
  if (begin_ == end_) {
    begin_ = end_ = 0;
    if (buffer_.size() > kKeepBytes) std::string().swap(buffer_);
  } else if (begin_ > 0 && buffer_.size() - end_ < n) {
    memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() - end_ < n) buffer_.resize(std::max(end_ + n, 2 * buffer_.size()));
  return buffer_.data() + end_;
}

absl::StatusOr<bool> FrameParser::Next(uint32_t magic, uint32_t max_payload,
                                       absl::string_view* payload) {
  const absl::string_view have(buffer_.data() + begin_, end_ - begin_);
  if (have.size() < kFrameHeaderBytes) return false;
  Reader r(have);
  uint32_t got_magic = 0;
  uint32_t length = 0;
  uint32_t payload_crc = 0;
  uint32_t header_crc = 0;
  r.Fixed32(&got_magic);
  r.Fixed32(&length);
  r.Fixed32(&payload_crc);
  r.Fixed32(&header_crc);
  if (got_magic != magic) return absl::DataLossError("not an isochron peer stream (wrong magic)");
  if (Crc32c(have.substr(0, 12)) != header_crc) {
    return absl::DataLossError("frame header checksum does not match");
  }
  if (length > max_payload) {
    return absl::DataLossError(
        absl::StrCat("frame of ", length, " bytes exceeds the limit of ", max_payload));
  }
  if (have.size() < kFrameHeaderBytes + length) return false;
  *payload = have.substr(kFrameHeaderBytes, length);
  if (Crc32c(*payload) != payload_crc) {
    return absl::DataLossError("frame payload checksum does not match");
  }
  begin_ += kFrameHeaderBytes + length;
  return true;
}

}  // namespace isochron::runtime
