// SPDX-License-Identifier: Apache-2.0
#include "storage/mvcc/version_key.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/coding.h"
#include "storage/engine/key_space.h"

namespace isochron::storage {
namespace {

void AppendEscaped(std::string* out, absl::string_view key) {
  for (size_t zero; (zero = key.find('\0')) != absl::string_view::npos;
       key.remove_prefix(zero + 1)) {
    out->append(key.data(), zero);
    out->append("\x00\xff", 2);
  }
  out->append(key.data(), key.size());
}

absl::Status Damaged(absl::string_view engine_key) {
  return absl::DataLossError(
      absl::StrCat("a stored version has a malformed key \\x", absl::BytesToHexString(engine_key)));
}

}  // namespace

std::string VersionPrefix(absl::string_view key) {
  std::string out;
  out.reserve(key.size() + 16);
  out.push_back(kDataKey);
  AppendEscaped(&out, key);
  out.append("\x00\x01", 2);
  return out;
}

void AppendInverted(std::string* out, Timestamp t) {
  AppendBigEndian64(out, ~static_cast<uint64_t>(t.us));
}

std::string VersionKey(absl::string_view key, Timestamp t) {
  std::string out = VersionPrefix(key);
  AppendInverted(&out, t);
  return out;
}

std::string LowerBound(const KeyRange& range) { return VersionPrefix(range.start); }

std::string UpperBound(const KeyRange& range) {
  return range.end.empty() ? std::string(1, kDataKey + 1) : VersionPrefix(range.end);
}

absl::Status ParseVersionTime(absl::string_view engine_key, Timestamp* t) {
  if (engine_key.size() < 3 + kVersionBytes) return Damaged(engine_key);
  *t = FromInverted(LoadBigEndian64(engine_key.data() + engine_key.size() - kVersionBytes));
  return absl::OkStatus();
}

absl::Status ParseVersionKey(absl::string_view engine_key, std::string* key, Timestamp* t) {
  if (absl::Status s = ParseVersionTime(engine_key, t); !s.ok()) return s;
  absl::string_view in = SharedPart(engine_key);
  if (in[0] != kDataKey || in[in.size() - 2] != '\x00' || in[in.size() - 1] != '\x01') {
    return Damaged(engine_key);
  }
  in = in.substr(1, in.size() - 3);
  key->clear();
  for (size_t zero; (zero = in.find('\0')) != absl::string_view::npos; in.remove_prefix(zero + 2)) {
    if (zero + 1 >= in.size() || in[zero + 1] != '\xff') return Damaged(engine_key);
    key->append(in.data(), zero + 1);
  }
  key->append(in.data(), in.size());
  return absl::OkStatus();
}

}  // namespace isochron::storage
