// SPDX-License-Identifier: Apache-2.0
#include "sql/pushdown/program.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/status/status.h"
#include "common/coding.h"
#include "common/status_macros.h"
#include "sql/binder/functions.h"
#include "sql/catalog/row_codec.h"
#include "sql/types/type_info.h"

namespace isochron::sql {
namespace {

constexpr uint8_t kPartials = 1;  // versions, by what is given
constexpr uint8_t kRows = 3;
// Deeper expressions are evaluated at the gateway.
constexpr int kMaxDepth = 100;
constexpr uint64_t kMaxParts = 2000;  // columns, arguments, groups, calls

// How kinds of expressions are written: by their places here.
constexpr ExprKind kKinds[] = {ExprKind::kConst,    ExprKind::kColumn,   ExprKind::kCall,
                               ExprKind::kAnd,      ExprKind::kOr,       ExprKind::kNot,
                               ExprKind::kIsNull,   ExprKind::kBoolTest, ExprKind::kCase,
                               ExprKind::kCoalesce, ExprKind::kIn,       ExprKind::kDistinct,
                               ExprKind::kNullIf,   ExprKind::kCast};

uint8_t CodeOf(ExprKind kind) {
  return static_cast<uint8_t>(std::find(std::begin(kKinds), std::end(kKinds), kind) -
                              std::begin(kKinds));
}

absl::Status Unknown() { return absl::UnimplementedError("a scan program of an unknown form"); }

void WriteExpr(const Expr& e, Writer* out) {
  out->Byte(CodeOf(e.kind));
  out->Byte(static_cast<uint8_t>(e.type));
  out->Zigzag(e.typmod);
  out->Bool(e.negated);
  switch (e.kind) {
    case ExprKind::kConst:
    case ExprKind::kBoolTest:
      WriteDatum(e.value, out);
      break;
    case ExprKind::kColumn:
      out->Varint(static_cast<uint64_t>(e.index));
      break;
    case ExprKind::kCall:
      out->Bytes(e.function->name);
      out->Varint(e.function->args.size());
      for (Type t : e.function->args) out->Byte(static_cast<uint8_t>(t));
      break;
    default:
      break;
  }
  out->Varint(e.args.size());
  for (const ExprPtr& a : e.args) WriteExpr(*a, out);
}

void WriteOptional(const ExprPtr& e, Writer* out) {
  out->Bool(e != nullptr);
  if (e != nullptr) WriteExpr(*e, out);
}

class ProgramReader {
 public:
  explicit ProgramReader(absl::string_view bytes) : in_(bytes) {}

  absl::StatusOr<Program> Read() {
    uint8_t version = 0;
    uint64_t count = 0;
    if (!in_.Byte(&version) || (version != kPartials && version != kRows)) return Unknown();
    Program p;
    if (!in_.Varint(&p.table.value) || !Count(&count)) return Unknown();
    p.key.resize(count);
    for (Type& t : p.key) {
      if (!ReadType(&t)) return Unknown();
    }
    if (!Count(&count)) return Unknown();
    p.columns.resize(count);
    for (ProgramColumn& c : p.columns) {
      int64_t part = -1;
      uint64_t id = 0;
      if (!ReadType(&c.type) || !in_.Zigzag(&part) || !in_.Varint(&id) || part < -1 ||
          part >= static_cast<int64_t>(p.key.size()) || id > UINT32_MAX ||
          !ReadDatum(&in_, &c.missing) || !HasShapeOf(c.type, c.missing) ||
          (part >= 0 && p.key[static_cast<size_t>(part)] != c.type)) {
        return Unknown();
      }
      c.key_part = static_cast<int>(part);
      c.id = static_cast<uint32_t>(id);
    }
    columns_ = &p.columns;
    ISO_RETURN_IF_ERROR(Optional(&p.filter));
    if (p.filter != nullptr && p.filter->type != Type::kBool) return Unknown();
    if (!Count(&count)) return Unknown();
    p.groups.resize(count);
    for (ExprPtr& g : p.groups) {
      ISO_RETURN_IF_ERROR(Expression(0, &g));
      if (!PortableType(g->type)) return Unknown();
    }
    if (!Count(&count)) return Unknown();
    p.calls.resize(count);
    for (ReduceCall& c : p.calls) ISO_RETURN_IF_ERROR(Call(&c));
    if (version == kRows) ISO_RETURN_IF_ERROR(Rows(&p.rows.emplace()));
    if (!in_.AtEnd()) return Unknown();
    if (version == kRows && (!p.groups.empty() || !p.calls.empty())) return Unknown();
    return p;
  }

 private:
  bool Count(uint64_t* n) { return in_.Varint(n) && *n <= kMaxParts && *n <= in_.rest().size(); }

  bool ReadType(Type* t) {
    uint8_t byte = 0;
    if (!in_.Byte(&byte) || byte == 0 || byte >= kTypeCount) return false;
    *t = static_cast<Type>(byte);
    return true;
  }

  absl::Status Rows(GivenRows* rows) {
    uint64_t count = 0;
    if (!in_.Bool(&rows->keeps_all) || !Count(&count)) return Unknown();
    for (uint64_t i = 0; i < count; ++i) {
      uint64_t id = 0;
      const bool ascending =
          in_.Varint(&id) && id <= UINT32_MAX && (rows->kept.empty() || rows->kept.back() < id);
      if (!ascending || rows->keeps_all) return Unknown();
      rows->kept.push_back(static_cast<uint32_t>(id));
    }
    if (!Count(&count)) return Unknown();
    rows->order.resize(count);
    for (ProgramOrder& o : rows->order) {
      ISO_RETURN_IF_ERROR(Expression(0, &o.expr));
      if (!in_.Bool(&o.descending) || !in_.Bool(&o.nulls_first)) return Unknown();
    }
    if (!in_.Varint(&rows->most) || rows->most > kMostOrdered) return Unknown();
    return (rows->most == 0) == rows->order.empty() ? absl::OkStatus() : Unknown();
  }

  absl::Status Optional(ExprPtr* out) {
    bool there = false;
    if (!in_.Bool(&there)) return Unknown();
    return there ? Expression(0, out) : absl::OkStatus();
  }

  absl::Status Call(ReduceCall* call) {
    uint8_t op = 0;
    if (!in_.Byte(&op) || op > static_cast<uint8_t>(ReduceOp::kMax)) return Unknown();
    call->op = static_cast<ReduceOp>(op);
    ISO_RETURN_IF_ERROR(Optional(&call->arg));
    ISO_RETURN_IF_ERROR(Optional(&call->filter));
    if ((call->arg == nullptr) != (call->op == ReduceOp::kCountRows)) return Unknown();
    if (call->filter != nullptr && call->filter->type != Type::kBool) return Unknown();
    if (call->op == ReduceOp::kSum && !IsInteger(call->arg->type) &&
        call->arg->type != Type::kNumeric) {
      return Unknown();
    }
    return absl::OkStatus();
  }

  absl::Status Expression(int depth, ExprPtr* out) {
    auto e = std::make_unique<Expr>();
    uint8_t kind = 0;
    int64_t typmod = -1;
    if (depth > kMaxDepth || !in_.Byte(&kind) || kind >= std::size(kKinds) || !ReadType(&e->type) ||
        !in_.Zigzag(&typmod) || typmod < INT32_MIN || typmod > INT32_MAX ||
        !in_.Bool(&e->negated)) {
      return Unknown();
    }
    e->kind = kKinds[kind];
    e->typmod = static_cast<int32_t>(typmod);
    switch (e->kind) {
      case ExprKind::kConst:
      case ExprKind::kBoolTest:
        if (!ReadDatum(&in_, &e->value)) return Unknown();
        break;
      case ExprKind::kColumn: {
        uint64_t index = 0;
        // An integer column may stand for a wider integer.
        if (!in_.Varint(&index) || index >= columns_->size() ||
            ShapeOf((*columns_)[index].type) != ShapeOf(e->type)) {
          return Unknown();
        }
        e->index = static_cast<int>(index);
        break;
      }
      case ExprKind::kCall:
        ISO_RETURN_IF_ERROR(FunctionOf(e.get()));
        break;
      default:
        break;
    }
    uint64_t args = 0;
    if (!Count(&args)) return Unknown();
    e->args.resize(args);
    for (ExprPtr& a : e->args) ISO_RETURN_IF_ERROR(Expression(depth + 1, &a));
    if (!PortableNode(*e)) return Unknown();
    *out = std::move(e);
    return absl::OkStatus();
  }

  absl::Status FunctionOf(Expr* e) {
    absl::string_view name;
    uint64_t count = 0;
    if (!in_.Bytes(&name) || !Count(&count)) return Unknown();
    std::vector<Type> args(count);
    for (Type& t : args) {
      if (!ReadType(&t)) return Unknown();
    }
    for (const Function& f : FunctionsNamed(name)) {
      if (f.args == args && f.result == e->type) e->function = &f;
    }
    return e->function == nullptr ? Unknown() : absl::OkStatus();
  }

  Reader in_;
  const std::vector<ProgramColumn>* columns_ = nullptr;
};

}  // namespace

std::string EncodeProgram(const Program& program) {
  std::string bytes;
  Writer out(&bytes);
  out.Byte(program.rows.has_value() ? kRows : kPartials);
  out.Varint(program.table.value);
  out.Varint(program.key.size());
  for (Type t : program.key) out.Byte(static_cast<uint8_t>(t));
  out.Varint(program.columns.size());
  for (const ProgramColumn& c : program.columns) {
    out.Byte(static_cast<uint8_t>(c.type));
    out.Zigzag(c.key_part);
    out.Varint(c.id);
    WriteDatum(c.missing, &out);
  }
  WriteOptional(program.filter, &out);
  out.Varint(program.groups.size());
  for (const ExprPtr& g : program.groups) WriteExpr(*g, &out);
  out.Varint(program.calls.size());
  for (const ReduceCall& c : program.calls) {
    out.Byte(static_cast<uint8_t>(c.op));
    WriteOptional(c.arg, &out);
    WriteOptional(c.filter, &out);
  }
  if (!program.rows.has_value()) return bytes;
  out.Bool(program.rows->keeps_all);
  out.Varint(program.rows->kept.size());
  for (uint32_t id : program.rows->kept) out.Varint(id);
  out.Varint(program.rows->order.size());
  for (const ProgramOrder& o : program.rows->order) {
    WriteExpr(*o.expr, &out);
    out.Bool(o.descending);
    out.Bool(o.nulls_first);
  }
  out.Varint(program.rows->most);
  return bytes;
}

absl::StatusOr<Program> DecodeProgram(absl::string_view bytes) {
  return ProgramReader(bytes).Read();
}

}  // namespace isochron::sql
