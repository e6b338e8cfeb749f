// SPDX-License-Identifier: Apache-2.0
//
// Keys for people: in messages that name a table and a key range, and in traces.

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/key_encoding.h"

namespace isochron {
namespace {

// Appends the next part; false when it cannot be read.
bool AppendPart(KeyReader* r, std::string* out) {
  const Order order = r->PeekOrder();
  bool b;
  int64_t i;
  double d;
  Timestamp t;
  std::string s;
  switch (r->Peek()) {
    case KeyPart::kNull:
      absl::StrAppend(out, "NULL");
      return r->ReadNull().ok();
    case KeyPart::kBool:
      if (!r->ReadBool(&b, order).ok()) return false;
      absl::StrAppend(out, b ? "true" : "false");
      return true;
    case KeyPart::kInt64:
      if (!r->ReadInt64(&i, order).ok()) return false;
      absl::StrAppend(out, i);
      return true;
    case KeyPart::kDouble:
      if (!r->ReadDouble(&d, order).ok()) return false;
      absl::StrAppend(out, d);
      return true;
    case KeyPart::kTime:
      if (!r->ReadTime(&t, order).ok()) return false;
      absl::StrAppend(out, "@", t.us);
      return true;
    case KeyPart::kText:
      if (!r->ReadText(&s, order).ok()) return false;
      absl::StrAppend(out, "'", absl::Utf8SafeCHexEscape(s), "'");
      return true;
    case KeyPart::kBytea:
      if (!r->ReadBytea(&s, order).ok()) return false;
      absl::StrAppend(out, "\\x", absl::BytesToHexString(s));
      return true;
    default:
      return false;
  }
}

}  // namespace

std::string DebugKey(absl::string_view key) {
  if (key.empty()) return "(empty)";
  KeyReader r(key);
  TableId table;
  uint64_t index;
  if (!r.ReadPrefix(&table, &index).ok()) return absl::StrCat("\\x", absl::BytesToHexString(key));
  std::string out = absl::StrCat("table ", table.value, " index ", index);
  bool open = false;
  bool readable = true;
  while (readable && !r.AtEnd()) {
    if (r.Peek() == KeyPart::kInterleave && r.ReadInterleave(&table, &index).ok()) {
      absl::StrAppend(&out, open ? ")" : "", " table ", table.value, " index ", index);
      open = false;
      continue;
    }
    std::string part;
    readable = AppendPart(&r, &part);
    if (!readable) part = absl::StrCat("\\x", absl::BytesToHexString(r.rest()));
    absl::StrAppend(&out, open ? ", " : " (", part);
    open = true;
  }
  if (open) absl::StrAppend(&out, ")");
  return out;
}

}  // namespace isochron
