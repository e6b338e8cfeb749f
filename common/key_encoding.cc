// SPDX-License-Identifier: Apache-2.0
#include "common/key_encoding.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/coding.h"
#include "common/status_macros.h"

namespace isochron {
namespace {

constexpr uint8_t kNullFirst = 0x02;
constexpr uint8_t kFalse = 0x10;
constexpr uint8_t kTrue = 0x11;
constexpr uint8_t kTime = 0x20;
constexpr uint8_t kDouble = 0x21;
constexpr uint8_t kText = 0x28;
constexpr uint8_t kBytea = 0x29;
constexpr uint8_t kIntMin = 0x3f;
constexpr uint8_t kIntNegative = 0x47;
constexpr uint8_t kIntZero = 0x48;
constexpr uint8_t kIntMax = 0x50;
constexpr uint8_t kNullLast = 0xfb;
constexpr uint8_t kInterleaveMark = 0xfe;

constexpr uint64_t kSign = uint64_t{1} << 63;

int SignificantBytes(uint64_t v) { return v == 0 ? 0 : (71 - __builtin_clzll(v)) / 8; }

void AppendLowBytes(std::string* out, uint64_t v, int n) {
  for (int i = n - 1; i >= 0; --i) out->push_back(static_cast<char>(v >> (8 * i)));
}

void AppendOrdered(std::string* out, uint64_t v) {
  const int n = SignificantBytes(v);
  out->push_back(static_cast<char>(n));
  AppendLowBytes(out, v, n);
}

absl::Status Damaged(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("key: ", what));
}

absl::Status ReadOrdered(absl::string_view* in, uint64_t* v) {
  if (in->empty()) return Damaged("an id is cut short");
  const size_t n = static_cast<uint8_t>((*in)[0]);
  if (n > 8) return Damaged("an id is malformed");
  if (in->size() < 1 + n) return Damaged("an id is cut short");
  uint64_t r = 0;
  for (size_t i = 1; i <= n; ++i) r = (r << 8) | static_cast<uint8_t>((*in)[i]);
  if (SignificantBytes(r) != static_cast<int>(n)) return Damaged("an id is malformed");
  in->remove_prefix(1 + n);
  *v = r;
  return absl::OkStatus();
}

// The one form of a double in keys: -0 equals 0, and NaN equals NaN.
uint64_t CanonicalBits(double v) {
  if (v == 0) v = 0;
  if (std::isnan(v)) v = std::numeric_limits<double>::quiet_NaN();
  uint64_t bits;
  std::memcpy(&bits, &v, sizeof(bits));
  return bits;
}

uint8_t Flip(Order order) { return order == Order::kDescending ? 0xff : 0x00; }

// The tag as the ascending encoding has it.
uint8_t Ascending(uint8_t tag) { return tag >= 0x80 ? static_cast<uint8_t>(~tag) : tag; }

}  // namespace

std::string TablePrefix(TableId table, uint64_t index_id) {
  std::string out;
  KeyWriter(&out).Prefix(table, index_id);
  return out;
}

std::string PrefixEnd(absl::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && static_cast<uint8_t>(end.back()) == 0xff) end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<uint8_t>(end.back()) + 1);
  return end;
}

KeyRange PrefixRange(absl::string_view prefix) {
  return KeyRange{std::string(prefix), PrefixEnd(prefix)};
}

KeyRange TableRange(TableId table) {
  std::string prefix;
  AppendOrdered(&prefix, table.value);
  return PrefixRange(prefix);
}

void KeyWriter::Prefix(TableId table, uint64_t index_id) {
  AppendOrdered(out_, table.value);
  AppendOrdered(out_, index_id);
}

void KeyWriter::Interleave(TableId child, uint64_t index_id) {
  out_->push_back(static_cast<char>(kInterleaveMark));
  Prefix(child, index_id);
}

void KeyWriter::Null(Nulls nulls) {
  out_->push_back(static_cast<char>(nulls == Nulls::kFirst ? kNullFirst : kNullLast));
}

void KeyWriter::Finish(size_t from, Order order) {
  if (order == Order::kAscending) return;
  for (size_t i = from; i < out_->size(); ++i) (*out_)[i] = static_cast<char>(~(*out_)[i]);
}

void KeyWriter::Bool(bool v, Order order) {
  out_->push_back(static_cast<char>((v ? kTrue : kFalse) ^ Flip(order)));
}

void KeyWriter::Int64(int64_t v, Order order) {
  const size_t from = out_->size();
  const uint64_t bits = static_cast<uint64_t>(v);
  const int n = SignificantBytes(v < 0 ? ~bits : bits);
  out_->push_back(static_cast<char>(v < 0 ? kIntNegative - n : kIntZero + n));
  AppendLowBytes(out_, bits, n);
  Finish(from, order);
}

void KeyWriter::Double(double v, Order order) {
  uint64_t bits = CanonicalBits(v);
  bits = (bits & kSign) ? ~bits : bits ^ kSign;
  const size_t from = out_->size();
  out_->push_back(static_cast<char>(kDouble));
  AppendBigEndian64(out_, bits);
  Finish(from, order);
}

void KeyWriter::Time(Timestamp v, Order order) {
  const size_t from = out_->size();
  out_->push_back(static_cast<char>(kTime));
  AppendBigEndian64(out_, static_cast<uint64_t>(v.us) ^ kSign);
  Finish(from, order);
}

void KeyWriter::Escaped(uint8_t tag, absl::string_view v, Order order) {
  const size_t from = out_->size();
  out_->push_back(static_cast<char>(tag));
  for (size_t zero; (zero = v.find('\0')) != absl::string_view::npos; v.remove_prefix(zero + 1)) {
    out_->append(v.data(), zero);
    out_->append("\x00\xff", 2);
  }
  out_->append(v.data(), v.size());
  out_->append("\x00\x01", 2);
  Finish(from, order);
}

void KeyWriter::Text(absl::string_view v, Order order) { Escaped(kText, v, order); }
void KeyWriter::Bytea(absl::string_view v, Order order) { Escaped(kBytea, v, order); }

KeyPart KeyReader::Peek() const {
  if (in_.empty()) return KeyPart::kEnd;
  const uint8_t raw = static_cast<uint8_t>(in_[0]);
  if (raw == kNullFirst || raw == kNullLast) return KeyPart::kNull;
  if (raw == kInterleaveMark) return KeyPart::kInterleave;
  const uint8_t tag = Ascending(raw);
  if (tag == kFalse || tag == kTrue) return KeyPart::kBool;
  if (tag == kTime) return KeyPart::kTime;
  if (tag == kDouble) return KeyPart::kDouble;
  if (tag == kText) return KeyPart::kText;
  if (tag == kBytea) return KeyPart::kBytea;
  if (tag >= kIntMin && tag <= kIntMax) return KeyPart::kInt64;
  return KeyPart::kUnknown;
}

Order KeyReader::PeekOrder() const {
  return !in_.empty() && static_cast<uint8_t>(in_[0]) >= 0x80 ? Order::kDescending
                                                              : Order::kAscending;
}

absl::Status KeyReader::ReadPrefix(TableId* table, uint64_t* index_id) {
  absl::string_view in = in_;
  ISO_RETURN_IF_ERROR(ReadOrdered(&in, &table->value));
  ISO_RETURN_IF_ERROR(ReadOrdered(&in, index_id));
  in_ = in;
  return absl::OkStatus();
}

absl::Status KeyReader::ReadInterleave(TableId* child, uint64_t* index_id) {
  if (Peek() != KeyPart::kInterleave) return Damaged("expected an interleaving mark");
  const absl::string_view before = in_;
  in_.remove_prefix(1);
  absl::Status s = ReadPrefix(child, index_id);
  if (!s.ok()) in_ = before;
  return s;
}

absl::Status KeyReader::ReadNull() {
  if (Peek() != KeyPart::kNull) return Damaged("expected NULL");
  in_.remove_prefix(1);
  return absl::OkStatus();
}

absl::Status KeyReader::ReadBool(bool* v, Order order) {
  if (Peek() != KeyPart::kBool || PeekOrder() != order) return Damaged("expected a boolean");
  *v = Ascending(static_cast<uint8_t>(in_[0])) == kTrue;
  in_.remove_prefix(1);
  return absl::OkStatus();
}

absl::Status KeyReader::ReadInt64(int64_t* v, Order order) {
  if (Peek() != KeyPart::kInt64 || PeekOrder() != order) return Damaged("expected a bigint");
  const uint8_t flip = Flip(order);
  const int tag = static_cast<uint8_t>(in_[0]) ^ flip;
  const bool negative = tag <= kIntNegative;
  const size_t n = negative ? kIntNegative - tag : tag - kIntZero;
  if (in_.size() < 1 + n) return Damaged("a bigint is cut short");
  uint64_t bits = negative ? ~uint64_t{0} : 0;
  for (size_t i = 1; i <= n; ++i) bits = (bits << 8) | static_cast<uint8_t>(in_[i] ^ flip);
  if ((bits >> 63 != 0) != negative ||
      SignificantBytes(negative ? ~bits : bits) != static_cast<int>(n)) {
    return Damaged("a bigint is malformed");
  }
  *v = static_cast<int64_t>(bits);
  in_.remove_prefix(1 + n);
  return absl::OkStatus();
}

absl::Status KeyReader::Fixed8(uint8_t tag, Order order, uint64_t* bits) {
  const uint8_t flip = Flip(order);
  if (in_.empty() || (static_cast<uint8_t>(in_[0]) ^ flip) != tag) {
    return Damaged("expected a part of another type or direction");
  }
  if (in_.size() < 9) return Damaged("a part is cut short");
  const uint64_t raw = LoadBigEndian64(in_.data() + 1);
  *bits = order == Order::kDescending ? ~raw : raw;
  in_.remove_prefix(9);
  return absl::OkStatus();
}

absl::Status KeyReader::ReadDouble(double* v, Order order) {
  const absl::string_view before = in_;
  uint64_t bits;
  ISO_RETURN_IF_ERROR(Fixed8(kDouble, order, &bits));
  bits = (bits & kSign) ? bits ^ kSign : ~bits;
  double read;
  std::memcpy(&read, &bits, sizeof(bits));
  // Another NaN, or -0: two keys for one value.
  if (bits != CanonicalBits(read)) {
    in_ = before;
    return Damaged("a double is malformed");
  }
  *v = read;
  return absl::OkStatus();
}

absl::Status KeyReader::ReadTime(Timestamp* v, Order order) {
  uint64_t bits;
  ISO_RETURN_IF_ERROR(Fixed8(kTime, order, &bits));
  *v = Timestamp(static_cast<int64_t>(bits ^ kSign));
  return absl::OkStatus();
}

absl::Status KeyReader::Escaped(uint8_t tag, Order order, std::string* v) {
  const uint8_t flip = Flip(order);
  if (in_.empty() || (static_cast<uint8_t>(in_[0]) ^ flip) != tag) {
    return Damaged("expected a part of another type or direction");
  }
  std::string out;
  size_t at = 1;
  while (true) {
    const size_t zero = in_.find(static_cast<char>(flip), at);
    if (zero == absl::string_view::npos || zero + 1 >= in_.size()) {
      return Damaged("a string is cut short");
    }
    out.append(in_.data() + at, zero - at);
    const uint8_t next = static_cast<uint8_t>(in_[zero + 1]) ^ flip;
    at = zero + 2;
    if (next == 0x01) break;
    if (next != 0xff) return Damaged("a string is malformed");
    out.push_back(static_cast<char>(flip));
  }
  if (flip != 0) {
    for (char& c : out) c = static_cast<char>(~c);
  }
  in_.remove_prefix(at);
  *v = std::move(out);
  return absl::OkStatus();
}

absl::Status KeyReader::ReadText(std::string* v, Order order) { return Escaped(kText, order, v); }
absl::Status KeyReader::ReadBytea(std::string* v, Order order) { return Escaped(kBytea, order, v); }

absl::Status KeyReader::Skip() {
  const Order order = PeekOrder();
  bool b;
  int64_t i;
  double d;
  uint64_t bits;
  TableId table;
  std::string s;
  switch (Peek()) {
    case KeyPart::kNull:
      return ReadNull();
    case KeyPart::kBool:
      return ReadBool(&b, order);
    case KeyPart::kInt64:
      return ReadInt64(&i, order);
    case KeyPart::kDouble:
      return ReadDouble(&d, order);
    case KeyPart::kTime:
      return Fixed8(kTime, order, &bits);
    case KeyPart::kText:
      return ReadText(&s, order);
    case KeyPart::kBytea:
      return ReadBytea(&s, order);
    case KeyPart::kInterleave:
      return ReadInterleave(&table, &bits);
    case KeyPart::kEnd:
      return Damaged("nothing is left to skip");
    case KeyPart::kUnknown:
      break;
  }
  return Damaged("a part has an unknown tag");
}

}  // namespace isochron
