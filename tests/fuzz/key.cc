// SPDX-License-Identifier: Apache-2.0
//
// Keys: the parts of a row's key, a key for people, a version's engine key, the byte coding.
#include <cstring>

#include "common/check.h"
#include "common/coding.h"
#include "common/key_encoding.h"
#include "sql/catalog/layout.h"
#include "storage/mvcc/version_key.h"
#include "tests/fuzz/target.h"

namespace isochron::fuzz {
namespace {

// Reads one part and writes it again; false at a part that cannot be read.
bool CopyPart(KeyReader* in, KeyWriter* out) {
  const Order order = in->PeekOrder();
  switch (in->Peek()) {
    case KeyPart::kBool: {
      bool v;
      if (!in->ReadBool(&v, order).ok()) return false;
      out->Bool(v, order);
      return true;
    }
    case KeyPart::kInt64: {
      int64_t v;
      if (!in->ReadInt64(&v, order).ok()) return false;
      out->Int64(v, order);
      return true;
    }
    case KeyPart::kDouble: {
      double v;
      if (!in->ReadDouble(&v, order).ok()) return false;
      out->Double(v, order);
      return true;
    }
    case KeyPart::kText:
    case KeyPart::kBytea: {
      const bool text = in->Peek() == KeyPart::kText;
      std::string v;
      if (!(text ? in->ReadText(&v, order) : in->ReadBytea(&v, order)).ok()) return false;
      text ? out->Text(v, order) : out->Bytea(v, order);
      return true;
    }
    case KeyPart::kTime: {
      Timestamp v;
      if (!in->ReadTime(&v, order).ok()) return false;
      out->Time(v, order);
      return true;
    }
    case KeyPart::kInterleave: {
      TableId child;
      uint64_t index;
      if (!in->ReadInterleave(&child, &index).ok()) return false;
      out->Interleave(child, index);
      return true;
    }
    case KeyPart::kNull: {
      const Nulls nulls = in->rest()[0] == '\x02' ? Nulls::kFirst : Nulls::kLast;
      if (!in->ReadNull().ok()) return false;
      out->Null(nulls);
      return true;
    }
    case KeyPart::kEnd:
    case KeyPart::kUnknown:
      break;
  }
  return false;
}

// A key has one spelling: what can be read is what the writer writes, so two different keys never
// mean one row.
void CheckKey(absl::string_view key) {
  (void)DebugKey(key);
  (void)sql::ReadableKey(key);
  KeyReader in(key);
  std::string copy;
  KeyWriter out(&copy);
  TableId table;
  uint64_t index;
  if (!in.ReadPrefix(&table, &index).ok()) return;
  out.Prefix(table, index);
  while (CopyPart(&in, &out)) {
    const absl::string_view read = key.substr(0, key.size() - in.rest().size());
    ISO_CHECK(copy == read, "a key part is read that nobody writes");
  }
  // Skip and the readers agree about where a part ends.
  KeyReader skipping(key);
  ISO_CHECK(skipping.ReadPrefix(&table, &index).ok(), "a prefix that was read");
  while (skipping.rest().size() > in.rest().size()) {
    ISO_CHECK(skipping.Skip().ok(), "a part that can be read can be skipped");
  }
  ISO_CHECK(skipping.rest().size() == in.rest().size(), "a part has one length");
}

void CheckVersionKey(absl::string_view engine_key) {
  std::string key;
  Timestamp t;
  if (!storage::ParseVersionKey(engine_key, &key, &t).ok()) return;
  ISO_CHECK(storage::VersionKey(key, t) == engine_key, "a version's key has one spelling");
}

void CheckCoding(Input in) {
  const uint64_t program = in.Number(4);
  Reader reader(in.Rest());
  for (int step = 0; step < 16 && reader.ok(); ++step) {
    uint8_t byte;
    bool b;
    uint32_t n32;
    uint64_t n64;
    int64_t i64;
    std::string bytes;
    KeyRange range;
    switch (program >> (2 * step) & 7) {
      case 0:
        (void)(reader.Byte(&byte) && reader.Bool(&b));
        break;
      case 1:
        (void)(reader.Fixed32(&n32) && reader.Fixed64(&n64));
        break;
      case 2: {
        const absl::string_view before = reader.rest();
        if (!reader.Varint(&n64)) break;
        std::string copy;
        Writer(&copy).Varint(n64);
        ISO_CHECK(copy == before.substr(0, before.size() - reader.rest().size()),
                  "a number has one spelling");
        break;
      }
      case 3:
        (void)reader.Varint32(&n32);
        break;
      case 4:
        (void)reader.Zigzag(&i64);
        break;
      case 5:
        (void)reader.Bytes(&bytes);
        break;
      case 6:
        (void)reader.Range(&range);
        break;
      default: {
        absl::string_view raw;
        (void)reader.Raw(program, &raw);
      }
    }
  }
  (void)reader.Finish("input");
}

}  // namespace

std::vector<std::string> Seeds() {
  std::string key;
  KeyWriter out(&key);
  out.Prefix(TableId(100), 0);
  out.Null(Nulls::kLast);
  out.Bool(true);
  for (Order order : {Order::kAscending, Order::kDescending}) {
    out.Int64(-70000, order);
    out.Double(-1.5, order);
    out.Text(std::string("a\0b", 3), order);
    out.Bytea("\xff", order);
    out.Time(Timestamp(1'700'000'000'000'000), order);
  }
  out.Interleave(TableId(101), 3);
  out.Int64(1);
  std::string coded("\x12\x34\x56\x78", 4);
  Writer writer(&coded);
  writer.Varint(300);
  writer.Zigzag(-5);
  writer.Bytes("bytes");
  writer.Fixed64(7);
  return {"\x01" + key, "\x02\x02" + key, "\x03" + storage::VersionKey(key, Timestamp(5)),
          "\x04" + coded};
}

}  // namespace isochron::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace isochron::fuzz;
  Input in(data, size);
  switch (in.Byte() & 3) {
    case 0:
      CheckCoding(in);
      break;
    case 3:
      CheckVersionKey(in.Rest());
      break;
    default:
      CheckKey(in.Rest());
  }
  return 0;
}
