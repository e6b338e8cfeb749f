// SPDX-License-Identifier: Apache-2.0
//
// Functions that give a row for each element of an array, or for each match of a pattern.
#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_split.h"
#include "common/status_macros.h"
#include "sql/binder/resolve.h"
#include "sql/binder/set_functions.h"
#include "sql/types/array.h"
#include "sql/types/error.h"
#include "sql/types/regex.h"

namespace isochron::sql {
namespace {

using Source = absl::StatusOr<std::unique_ptr<SetSource>>;

absl::Status NoArray() {
  return SqlError(sqlstate::kUndefinedFunction, "the function takes an array");
}

class Elements : public SetSource {
 public:
  explicit Elements(std::string bytes) : bytes_(std::move(bytes)), in_(bytes_) {}
  absl::StatusOr<bool> Next(Row* row) override {
    Datum d;
    if (!in_.Next(&d)) return false;
    row->push_back(std::move(d));
    return true;
  }

 private:
  const std::string bytes_;
  ArrayReader in_;
};

Source Unnest(const EvalContext&, const Datum* a, size_t) {
  if (a[0].shape() != Datum::Shape::kArray) return NoArray();
  return std::unique_ptr<SetSource>(std::make_unique<Elements>(a[0].string_value()));
}

Type ElementOfFirst(const std::vector<Type>& args) {
  const Type element = ArrayElement(args[0]);
  return element == Type::kUnknown ? Type::kText : element;
}

Source Subscripts(const EvalContext&, const Datum* a, size_t n) {
  if (a[0].shape() != Datum::Shape::kArray) return NoArray();
  const ArrayReader in(a[0].string_value());
  const int64_t number = a[1].int_value();
  std::vector<Row> rows;
  if (number >= 1 && number <= static_cast<int64_t>(in.dims().size())) {
    const ArrayDimension& d = in.dims()[static_cast<size_t>(number) - 1];
    for (int64_t i = d.lower; i <= d.upper(); ++i) rows.push_back(Row{Datum::Int(i)});
  }
  if (n > 2 && a[2].bool_value()) std::reverse(rows.begin(), rows.end());
  return SourceOf(std::move(rows));
}

// "name=value", as options are kept.
Source Options(const EvalContext&, const Datum* a, size_t) {
  std::vector<Row> rows;
  ArrayReader in(a[0].string_value());
  for (Datum d; in.Next(&d);) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(d.string_value(), absl::MaxSplits('=', 1));
    rows.push_back(Row{Datum::String(parts.first), Datum::String(parts.second)});
  }
  return SourceOf(std::move(rows));
}

size_t Behind(absl::string_view text, const RegexSpan& match) {
  size_t at = match.to;
  if (match.from != match.to) return at;
  ++at;
  while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
  return at;
}

Source Matches(const EvalContext&, const Datum* a, size_t n) {
  const std::string& text = a[0].string_value();
  RegexFlags flags;
  if (n > 2) {
    ISO_ASSIGN_OR_RETURN(flags, ParseRegexFlags(a[2].string_value()));
  }
  ISO_ASSIGN_OR_RETURN(std::shared_ptr<const Regex> regex,
                       CompileRegex(a[1].string_value(), flags));
  std::vector<Row> rows;
  std::vector<RegexSpan> spans;
  for (size_t from = 0; from <= text.size() && regex->Find(text, from, &spans);) {
    std::vector<Datum> parts;
    for (size_t i = spans.size() > 1 ? 1 : 0; i < spans.size(); ++i) {
      parts.push_back(spans[i].matched()
                          ? Datum::String(text.substr(spans[i].from, spans[i].to - spans[i].from))
                          : Datum::Null());
    }
    rows.push_back(Row{ArrayDatum(MakeVector(std::move(parts)))});
    if (!flags.global) break;
    from = Behind(text, spans[0]);
  }
  return SourceOf(std::move(rows));
}

Source SplitToTable(const EvalContext&, const Datum* a, size_t n) {
  const std::string& text = a[0].string_value();
  RegexFlags flags;
  if (n > 2) {
    ISO_ASSIGN_OR_RETURN(flags, ParseRegexFlags(a[2].string_value()));
  }
  ISO_ASSIGN_OR_RETURN(std::shared_ptr<const Regex> regex,
                       CompileRegex(a[1].string_value(), flags));
  std::vector<Row> rows;
  std::vector<RegexSpan> spans;
  size_t begin = 0;
  for (size_t from = 0; from <= text.size() && regex->Find(text, from, &spans);) {
    const RegexSpan m = spans[0];
    from = Behind(text, m);
    if (m.from == m.to && (m.from == begin || m.from == text.size())) continue;
    rows.push_back(Row{Datum::String(text.substr(begin, m.from - begin))});
    begin = m.to;
  }
  rows.push_back(Row{Datum::String(text.substr(begin))});
  return SourceOf(std::move(rows));
}

}  // namespace

namespace set_function_groups {

void AddArrays(std::vector<SetFunction>* out) {
  constexpr Type kT = Type::kText, kI = Type::kInt4, kB = Type::kBool;
  constexpr Type kTs = ArrayOf(Type::kText);
  auto add = [out](const char* name, std::vector<Type> args, Type result,
                   Source (*open)(const EvalContext&, const Datum*, size_t)) -> SetFunction& {
    SetFunction f;
    f.signature = {name, std::move(args), result, nullptr};
    f.open = open;
    out->push_back(std::move(f));
    return out->back();
  };
  add("unnest", {kAnyType}, kAnyType, Unnest).result_of = ElementOfFirst;
  add("generate_subscripts", {kAnyType, kI}, kI, Subscripts);
  add("generate_subscripts", {kAnyType, kI, kB}, kI, Subscripts);
  for (size_t n : {2, 3}) {
    add("regexp_matches", std::vector<Type>(n, kT), kTs, Matches);
    add("regexp_split_to_table", std::vector<Type>(n, kT), kT, SplitToTable);
  }
  add("pg_options_to_table", {kTs}, kT, Options).columns = {{"option_name", kT},
                                                            {"option_value", kT}};
}

}  // namespace set_function_groups

}  // namespace isochron::sql
