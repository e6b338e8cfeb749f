// SPDX-License-Identifier: Apache-2.0
#include "sql/pushdown/reduce.h"

#include <algorithm>
#include <utility>

#include "common/coding.h"
#include "common/key_encoding.h"
#include "common/status_macros.h"
#include "sql/catalog/row_codec.h"
#include "sql/pushdown/given_rows.h"
#include "sql/types/numeric.h"

namespace isochron::sql {
namespace {

// A page of results ends there: what is kept of a page stays small.
constexpr size_t kMaxGroups = 4096;
constexpr int64_t kMaxBytes = 1 << 20;

absl::Status Damaged() { return absl::DataLossError("a row or a result of a scan is malformed"); }

absl::Status AddNumeric(const Datum& d, Datum* sum) {
  if (sum->is_null()) {
    *sum = d;
    return absl::OkStatus();
  }
  const Datum before = std::move(*sum);
  return numeric::Add(before, d, sum);
}

void WritePartial(const Partial& p, Writer* out) {
  out->Zigzag(p.count);
  out->Fixed64(absl::Int128Low64(p.sum));
  out->Fixed64(static_cast<uint64_t>(absl::Int128High64(p.sum)));
  WriteDatum(p.value, out);
}

bool ReadPartial(Reader* in, Partial* p) {
  uint64_t low = 0;
  uint64_t high = 0;
  if (!in->Zigzag(&p->count) || !in->Fixed64(&low) || !in->Fixed64(&high)) return false;
  p->sum = absl::MakeInt128(static_cast<int64_t>(high), low);
  return ReadDatum(in, &p->value);
}

// Whether the parts of a partial aggregate are of the shapes that its call makes.
bool Fits(const ReduceCall& call, const Partial& p) {
  switch (call.op) {
    case ReduceOp::kCountRows:
    case ReduceOp::kCount:
      return p.value.is_null();
    case ReduceOp::kSum:
      return HasShapeOf(Type::kNumeric, p.value);
    case ReduceOp::kMin:
    case ReduceOp::kMax:
      return HasShapeOf(call.arg->type, p.value);
  }
  return false;
}

class Programs : public txn::ScanPrograms {
 public:
  absl::StatusOr<std::unique_ptr<txn::ScanRun>> Start(absl::string_view program) const override {
    ISO_ASSIGN_OR_RETURN(Program decoded, DecodeProgram(program));
    if (decoded.rows.has_value()) return MakeRowsRun(std::move(decoded));
    return std::make_unique<Reducer>(std::move(decoded));
  }
};

}  // namespace

const txn::ScanPrograms* TabletPrograms() {
  static const auto* programs = new Programs;
  return programs;
}

absl::Status MergePartial(ReduceOp op, const Partial& b, Partial* a) {
  a->count += b.count;
  a->sum += b.sum;
  if (b.value.is_null()) return absl::OkStatus();
  if (op == ReduceOp::kSum) return AddNumeric(b.value, &a->value);
  const bool first = a->value.is_null();
  const int order = first ? 0 : CompareDatums(b.value, a->value);
  if (first || (op == ReduceOp::kMin ? order < 0 : order > 0)) a->value = b.value;
  return absl::OkStatus();
}

absl::Status GroupValues(const Program& program, absl::string_view key, Row* out) {
  out->resize(program.groups.size());
  KeyReader in(key);
  for (size_t i = 0; i < out->size(); ++i) {
    if (!ReadKeyPart(program.groups[i]->type, &in, &(*out)[i]).ok()) return Damaged();
  }
  return in.AtEnd() ? absl::OkStatus() : Damaged();
}

Partials::Group* Partials::Find(absl::string_view key, bool* fresh) {
  auto it = by_key_.find(key);
  *fresh = it == by_key_.end();
  if (!*fresh) return &groups_[it->second];
  by_key_.emplace(std::string(key), groups_.size());
  groups_.push_back({std::string(key), std::vector<Partial>(calls_)});
  return &groups_.back();
}

absl::Status Partials::Merge(const Program& program, const txn::KeyValue& result, bool* fresh) {
  Group* group = Find(result.key, fresh);
  Reader in(result.value);
  for (size_t i = 0; i < calls_; ++i) {
    Partial p;
    if (!ReadPartial(&in, &p) || !Fits(program.calls[i], p)) return Damaged();
    ISO_RETURN_IF_ERROR(MergePartial(program.calls[i].op, p, &group->calls[i]));
  }
  return in.AtEnd() ? absl::OkStatus() : Damaged();
}

void Partials::Encode(std::vector<txn::KeyValue>* out) const {
  for (const Group& group : groups_) {
    out->push_back({group.key, ""});
    Writer writer(&out->back().value);
    for (const Partial& p : group.calls) WritePartial(p, &writer);
  }
}

Reducer::Reducer(Program program)
    : program_(std::move(program)),
      decoder_(program_),
      row_(program_.columns.size()),
      partials_(program_.calls.size()) {}

absl::StatusOr<const Datum*> Reducer::Value(const Expr& e, Datum* scratch) {
  if (e.kind == ExprKind::kColumn) return &row_[static_cast<size_t>(e.index)];
  ISO_RETURN_IF_ERROR(Eval(e, context_, row_, scratch));
  return scratch;
}

absl::Status Reducer::Accumulate(const ReduceCall& call, Partial* p) {
  if (call.filter != nullptr) {
    bool counts = false;
    ISO_RETURN_IF_ERROR(EvalPredicate(*call.filter, context_, row_, &counts));
    if (!counts) return absl::OkStatus();
  }
  if (call.op == ReduceOp::kCountRows) {
    ++p->count;
    return absl::OkStatus();
  }
  Datum scratch;
  ISO_ASSIGN_OR_RETURN(const Datum* d, Value(*call.arg, &scratch));
  if (d->is_null()) return absl::OkStatus();
  ++p->count;
  switch (call.op) {
    case ReduceOp::kCountRows:
    case ReduceOp::kCount:
      break;
    case ReduceOp::kSum:
      if (d->shape() != Datum::Shape::kInt) return AddNumeric(*d, &p->value);
      p->sum += d->int_value();
      break;
    case ReduceOp::kMin:
    case ReduceOp::kMax: {
      const int order = p->value.is_null() ? 0 : CompareDatums(*d, p->value);
      if (!p->value.is_null() && (call.op == ReduceOp::kMin ? order >= 0 : order <= 0)) break;
      bytes_ += static_cast<int64_t>(d->string_value().size());
      p->value = *d;
      break;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Reducer::Add(absl::string_view key, absl::string_view value) {
  ISO_RETURN_IF_ERROR(decoder_.Decode(key, value, &row_));
  if (program_.filter != nullptr) {
    bool counts = false;
    ISO_RETURN_IF_ERROR(EvalPredicate(*program_.filter, context_, row_, &counts));
    if (!counts) return true;
  }
  Partials::Group* group = only_;
  if (group == nullptr) {
    group_key_.clear();
    Datum scratch;
    for (const ExprPtr& g : program_.groups) {
      ISO_ASSIGN_OR_RETURN(const Datum* d, Value(*g, &scratch));
      AppendKeyPart(g->type, *d, &group_key_);
    }
    bool fresh = false;
    group = partials_.Find(group_key_, &fresh);
    if (fresh) bytes_ += static_cast<int64_t>(group_key_.size() + 64 * program_.calls.size());
    if (program_.groups.empty()) only_ = group;
  }
  for (size_t i = 0; i < program_.calls.size(); ++i) {
    ISO_RETURN_IF_ERROR(Accumulate(program_.calls[i], &group->calls[i]));
  }
  return partials_.groups().size() < kMaxGroups && bytes_ < kMaxBytes;
}

absl::Status Reducer::Finish(std::vector<txn::KeyValue>* out) {
  partials_.Encode(out);
  return absl::OkStatus();
}

}  // namespace isochron::sql
