// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_RUNTIME_TCP_FRAME_H_
#define ISOCHRON_SERVER_RUNTIME_TCP_FRAME_H_

// What travels on a peer connection: frames, each a 16-byte header and a payload.
//
//     magic u32 | payload length u32 | CRC-32C of the payload u32 | CRC-32C of these 12 bytes u32
//
// A stream opens with a hello frame each way (format version, universe, node ids); then follow
// message frames from the side that dialled: messages one after the other, each
// (channel byte, varint length, bytes). All integers are little endian. The header has its own
// checksum so that a damaged length is never waited for.

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/transport.h"
#include "common/types.h"

namespace isochron::runtime {

inline constexpr uint32_t kFrameMagic = 0x31465349;  // "ISF1"
inline constexpr uint32_t kHelloMagic = 0x31485349;  // "ISH1"
inline constexpr uint64_t kPeerProtocolVersion = 1;
inline constexpr size_t kFrameHeaderBytes = 16;
inline constexpr uint32_t kMaxHelloBytes = 4096;

struct Hello {
  uint64_t version = kPeerProtocolVersion;
  std::string universe;
  NodeId from;
  NodeId to;
  std::string refusal;  // in an answer: why the connection is closed; empty when accepted
};

// Starts a frame in `out`; FinishFrame fills in the header that begins at the returned offset.
size_t BeginFrame(std::string* out);
void AppendMessage(std::string* out, Channel channel, absl::string_view payload);
void FinishFrame(std::string* out, size_t begin, uint32_t magic);

// Takes the first message off a frame's payload. DATA_LOSS when malformed.
absl::Status TakeMessage(absl::string_view* frame, Channel* channel, absl::string_view* message);

std::string EncodeHello(const Hello& hello);
// DATA_LOSS when malformed.
absl::StatusOr<Hello> DecodeHello(absl::string_view payload);

// Cuts a byte stream into frames. After an error the stream is lost: close it.
class FrameParser {
 public:
  // Room for `n` bytes read from the socket; Wrote() says how many were put there.
  char* Reserve(size_t n);
  void Wrote(size_t n) { end_ += n; }

  // The next frame's payload, valid until the next Reserve; false when more bytes are needed.
  // DATA_LOSS on a wrong magic, an oversized length or a checksum that does not match.
  absl::StatusOr<bool> Next(uint32_t magic, uint32_t max_payload, absl::string_view* payload);

  bool empty() const { return begin_ == end_; }

 private:
  std::string buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace isochron::runtime

#endif  // ISOCHRON_SERVER_RUNTIME_TCP_FRAME_H_
