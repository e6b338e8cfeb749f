// SPDX-License-Identifier: Apache-2.0
#include "sql/binder/resolve.h"

#include <algorithm>
#include <functional>

#include "sql/binder/cast.h"
#include "sql/types/type_info.h"

namespace isochron::sql {
namespace {

using Candidates = std::vector<const Function*>;

Type ArgOf(const Function& f, size_t i) { return f.args[std::min(i, f.args.size() - 1)]; }

bool Takes(const Function& f, size_t count) {
  return f.variadic ? count >= f.args.size() : count == f.args.size();
}

bool Accepts(const Function& f, const std::vector<Type>& args) {
  for (size_t i = 0; i < args.size(); ++i) {
    const Type want = ArgOf(f, i);
    if (want != kAnyType && !CanCoerce(args[i], want, CastContext::kImplicit)) return false;
  }
  return true;
}

const Function* Exact(const std::vector<Function>& candidates, const std::vector<Type>& args) {
  for (const Function& f : candidates) {
    if (!Takes(f, args.size())) continue;
    bool same = true;
    for (size_t i = 0; same && i < args.size(); ++i) same = ArgOf(f, i) == args[i];
    if (same) return &f;
  }
  return nullptr;
}

// Keeps those with the highest score.
void KeepBest(const std::function<int(const Function&)>& score, Candidates* candidates) {
  int best = 0;
  Candidates kept;
  for (const Function* f : *candidates) {
    const int s = score(*f);
    if (s > best || kept.empty()) {
      best = s;
      kept = {f};
    } else if (s == best) {
      kept.push_back(f);
    }
  }
  *candidates = std::move(kept);
}

// The categories that unknown arguments are taken to be of. False where candidates disagree and
// none takes a string.
bool CategoriesOfUnknowns(const Candidates& candidates, const std::vector<Type>& args,
                          std::vector<char>* categories, std::vector<bool>* preferred) {
  for (size_t i = 0; i < args.size(); ++i) {
    if (args[i] != Type::kUnknown) continue;
    char category = 0;
    bool conflict = false, has_preferred = false, string = false;
    for (const Function* f : candidates) {
      const Type want = ArgOf(*f, i);
      const char c = want == kAnyType ? 'P' : CategoryOf(want);
      string = string || c == 'S';
      if (category == 0) {
        category = c;
        has_preferred = IsPreferred(want);
      } else if (c == category) {
        has_preferred = has_preferred || IsPreferred(want);
      } else {
        conflict = true;
      }
    }
    if (conflict && !string) return false;
    if (string) {
      category = 'S';
      has_preferred = std::any_of(candidates.begin(), candidates.end(), [&](const Function* f) {
        const Type want = ArgOf(*f, i);
        return want != kAnyType && CategoryOf(want) == 'S' && IsPreferred(want);
      });
    }
    (*categories)[i] = category;
    (*preferred)[i] = has_preferred;
  }
  return true;
}

void KeepCategories(const std::vector<Type>& args, Candidates* candidates) {
  std::vector<char> categories(args.size(), 0);
  std::vector<bool> preferred(args.size(), false);
  if (!CategoriesOfUnknowns(*candidates, args, &categories, &preferred)) return;
  Candidates kept;
  for (const Function* f : *candidates) {
    bool fits = true;
    for (size_t i = 0; fits && i < args.size(); ++i) {
      if (args[i] != Type::kUnknown) continue;
      const Type want = ArgOf(*f, i);
      const char c = want == kAnyType ? 'P' : CategoryOf(want);
      fits = c == categories[i] && (!preferred[i] || IsPreferred(want));
    }
    if (fits) kept.push_back(f);
  }
  if (!kept.empty()) *candidates = std::move(kept);
}

Resolution Select(const std::vector<Function>& all, const std::vector<Type>& args) {
  Candidates candidates;
  for (const Function& f : all) {
    if (Takes(f, args.size()) && Accepts(f, args)) candidates.push_back(&f);
  }
  if (candidates.empty()) return {};
  if (candidates.size() == 1) return {candidates[0], false};
  auto matches = [&](bool or_preferred) {
    return [&args, or_preferred](const Function& f) {
      int n = 0;
      for (size_t i = 0; i < args.size(); ++i) {
        if (args[i] == Type::kUnknown) continue;
        const Type want = ArgOf(f, i);
        n += want == args[i] || (or_preferred && want != kAnyType && IsPreferred(want) &&
                                 CategoryOf(want) == CategoryOf(args[i]));
      }
      return n;
    };
  };
  KeepBest(matches(false), &candidates);
  if (candidates.size() > 1) KeepBest(matches(true), &candidates);
  const bool unknowns = std::count(args.begin(), args.end(), Type::kUnknown) > 0;
  if (candidates.size() > 1 && unknowns) KeepCategories(args, &candidates);
  if (candidates.size() == 1) return {candidates[0], false};
  // All known arguments of one type: the unknown ones are taken for that too.
  std::vector<Type> same = args;
  Type known = Type::kUnknown;
  for (Type t : args) {
    if (t == Type::kUnknown) continue;
    if (known != Type::kUnknown && known != t) return {nullptr, true};
    known = t;
  }
  if (known == Type::kUnknown || !unknowns) return {nullptr, true};
  std::fill(same.begin(), same.end(), known);
  const Function* only = nullptr;
  for (const Function* f : candidates) {
    if (!Accepts(*f, same)) continue;
    if (only != nullptr) return {nullptr, true};
    only = f;
  }
  return {only, only == nullptr};
}

}  // namespace

Resolution ResolveFunction(const std::vector<Function>& candidates, const std::vector<Type>& args) {
  if (const Function* f = Exact(candidates, args)) return {f, false};
  return Select(candidates, args);
}

Resolution ResolveOperator(const std::vector<Function>& candidates, const std::vector<Type>& args) {
  std::vector<Type> assumed = args;
  if (args.size() == 2) {
    if (args[0] == Type::kUnknown) assumed[0] = args[1];
    if (args[1] == Type::kUnknown) assumed[1] = args[0];
  }
  if (const Function* f = Exact(candidates, assumed)) return {f, false};
  // varchar has no operators of its own: a literal beside it is text.
  for (Type& t : assumed) {
    if (t == Type::kVarchar) t = Type::kText;
  }
  if (const Function* f = Exact(candidates, assumed)) return {f, false};
  return Select(candidates, args);
}

bool CommonType(const std::vector<Type>& types, Type* common, Type* left, Type* right) {
  *common = Type::kUnknown;
  for (Type t : types) {
    if (t == Type::kUnknown || t == *common) continue;
    if (*common == Type::kUnknown) {
      *common = t;
    } else if (CategoryOf(*common) != CategoryOf(t)) {
      *left = *common;
      *right = t;
      return false;
    } else if (!IsPreferred(*common) && CanCoerce(*common, t, CastContext::kImplicit) &&
               !CanCoerce(t, *common, CastContext::kImplicit)) {
      *common = t;
    }
  }
  if (*common == Type::kUnknown) *common = Type::kText;
  return true;
}

}  // namespace isochron::sql
