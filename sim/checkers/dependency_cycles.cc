// SPDX-License-Identifier: Apache-2.0
#include "sim/checkers/dependency_cycles.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace isochron::sim {
namespace {

bool MaybeHappened(const Operation& op) {
  return op.outcome == Outcome::kUnknown || op.outcome == Outcome::kOpen;
}

std::string Quote(absl::string_view text) { return absl::StrCat("'", absl::CHexEscape(text), "'"); }

uint32_t Id(const Operation& op) { return static_cast<uint32_t>(op.id); }

}  // namespace

DependencyCycleChecker::DependencyCycleChecker(const History* history)
    : history_(history), graph_(history->operations().size()) {}

std::vector<Anomaly> DependencyCycleChecker::Check(size_t limit) {
  limit_ = limit;
  CollectWrites();
  CollectReads();
  CollectWriters();
  for (List& list : lists_) OrderList(&list);
  CollectUnread();
  for (uint32_t key = 0; key < registers_.size(); ++key) LinkRegister(key);
  for (uint32_t key = 0; key < lists_.size(); ++key) LinkList(key);
  LinkRealTime();
  LinkLocalReads();
  graph_.Seal();
  FindCycles();
  return std::move(anomalies_);
}

void DependencyCycleChecker::Report(std::string name, std::string what, std::vector<size_t> ops) {
  if (anomalies_.size() >= limit_) return;
  anomalies_.push_back(Anomaly{std::move(name), std::move(what), std::move(ops)});
}

template <typename Thing>
Thing& DependencyCycleChecker::Indexed(ByName* index, std::vector<Thing>* things,
                                       absl::string_view key) {
  auto [it, fresh] = index->try_emplace(key, static_cast<uint32_t>(things->size()));
  if (fresh) things->emplace_back().name = key;
  return (*things)[it->second];
}

DependencyCycleChecker::Register& DependencyCycleChecker::RegisterOf(absl::string_view key) {
  return Indexed(&register_index_, &registers_, key);
}

DependencyCycleChecker::List& DependencyCycleChecker::ListOf(absl::string_view key) {
  return Indexed(&list_index_, &lists_, key);
}

// Backwards, so that the first of a key that is met is the transaction's last.
void DependencyCycleChecker::CollectWrites() {
  for (const Operation& o : history_->operations()) {
    for (auto w = o.writes.rbegin(); w != o.writes.rend(); ++w) {
      Register& reg = RegisterOf(w->key);
      const bool last = std::exchange(reg.seen, Id(o)) != Id(o);
      if (w->value) NoteWrite(&reg.writes, reg.name, *w->value, Write{Id(o), last});
      reg.deleted |= !w->value && o.outcome != Outcome::kAborted;
    }
    for (auto a = o.appends.rbegin(); a != o.appends.rend(); ++a) {
      List& list = ListOf(a->list);
      const bool last = std::exchange(list.seen, Id(o)) != Id(o);
      NoteWrite(&list.appends, list.name, a->element, Write{Id(o), last});
    }
  }
}

// What was aborted may be written again by the next attempt.
void DependencyCycleChecker::NoteWrite(ByValue* writes, absl::string_view name,
                                       absl::string_view value, Write write) {
  auto [it, fresh] = writes->try_emplace(value, write);
  if (fresh || op(write.op).outcome == Outcome::kAborted) return;
  const size_t other = it->second.op;
  if (op(other).outcome != Outcome::kAborted) {
    Report("duplicate-value",
           absl::StrCat("op ", other, " and op ", write.op, " both wrote ", Quote(value), " to ",
                        Quote(name), ": every value of a key must be another one"),
           {other, write.op});
  }
  it->second = write;
}

void DependencyCycleChecker::CollectReads() {
  effective_.assign(history_->operations().size(), false);
  for (const Operation& o : history_->operations()) {
    if (o.outcome != Outcome::kCommitted) continue;
    effective_[o.id] = true;
    to_read_.push_back(Id(o));
  }
  for (size_t i = 0; i < to_read_.size(); ++i) {  // grows
    const Operation& o = op(to_read_[i]);
    for (const ObservedRead& r : o.reads) CollectRegisterRead(o, r);
    for (const ListRead& r : o.lists) CollectListRead(o, r);
  }
}

const DependencyCycleChecker::Write* DependencyCycleChecker::SourceOf(const Operation& o,
                                                                      absl::string_view name,
                                                                      absl::string_view value,
                                                                      const ByValue& writes) {
  auto it = writes.find(value);
  if (it == writes.end()) {
    Report(
        "read-from-nowhere",
        absl::StrCat("op ", o.id, " saw ", Quote(value), " in ", Quote(name), ": nobody wrote it"),
        {o.id});
    return nullptr;
  }
  const Operation& source = op(it->second.op);
  if (source.outcome == Outcome::kAborted) {
    Report("G1a",
           absl::StrCat("aborted read: op ", o.id, " saw ", Quote(value), " in ", Quote(name),
                        " of op ", source.id, ", which was aborted"),
           {source.id, o.id});
    return nullptr;
  }
  if (MaybeHappened(source) && !effective_[source.id]) {
    effective_[source.id] = true;
    to_read_.push_back(Id(source));
  }
  return &it->second;
}

void DependencyCycleChecker::CollectRegisterRead(const Operation& o, const ObservedRead& read) {
  Register& reg = RegisterOf(read.key);
  if (!read.value) {
    reg.reads.push_back({Id(o), kNobody});
    return;
  }
  const Write* source = SourceOf(o, reg.name, *read.value, reg.writes);
  if (source == nullptr || source->op == o.id) return;
  if (!source->last) {
    Report("G1b",
           absl::StrCat("intermediate read: op ", o.id, " saw ", Quote(*read.value), " in ",
                        Quote(reg.name), ", which op ", source->op, " overwrote itself"),
           {source->op, o.id});
  }
  reg.reads.push_back({Id(o), source->op});
}

void DependencyCycleChecker::CollectListRead(const Operation& o, const ListRead& read) {
  List& list = ListOf(read.list);
  const Write* source = nullptr;
  size_t size = read.elements.size();
  for (; size > 0; --size) {  // own appends lie at the end
    auto it = list.appends.find(read.elements[size - 1]);
    if (it == list.appends.end() || it->second.op != o.id) break;
  }
  for (size_t i = 0; i < size; ++i) {
    source = SourceOf(o, list.name, read.elements[i], list.appends);
    if (source == nullptr) return;
  }
  if (source != nullptr && !source->last) {
    Report("G1b",
           absl::StrCat("intermediate read: op ", o.id, " saw ", Quote(list.name), " end with ",
                        Quote(read.elements[size - 1]), ", behind which op ", source->op,
                        " appended more"),
           {source->op, o.id});
  }
  list.reads.push_back({Id(o), &read.elements, size});
}

// The reads are known: so is who took effect.
void DependencyCycleChecker::CollectWriters() {
  std::vector<uint32_t> begun;
  for (const Operation& o : history_->operations()) {
    if (effective_[o.id]) begun.push_back(Id(o));
  }
  std::sort(begun.begin(), begun.end(),
            [this](uint32_t a, uint32_t b) { return op(a).invoke_seq < op(b).invoke_seq; });
  for (uint32_t id : begun) {
    for (const RecordedWrite& w : op(id).writes) {
      std::vector<uint32_t>& writers = RegisterOf(w.key).writers;
      if (writers.empty() || writers.back() != id) writers.push_back(id);
    }
  }
}

void DependencyCycleChecker::OrderList(List* list) {
  for (const List::Read& r : list->reads) {
    if (list->longest.elements == nullptr || r.size > list->longest.size) list->longest = r;
  }
  const List::Read longest = list->longest;
  for (size_t i = 0; i < longest.size; ++i) {
    Write& write = list->appends.find((*longest.elements)[i])->second;
    if (!std::exchange(write.ordered, true)) continue;
    Report("duplicate-element",
           absl::StrCat("op ", longest.op, " saw ", Quote((*longest.elements)[i]), " twice in ",
                        Quote(list->name)),
           {longest.op});
  }
  for (const List::Read& r : list->reads) {
    for (size_t i = 0; i < r.size; ++i) {
      if ((*r.elements)[i] == (*longest.elements)[i]) continue;
      Report("incompatible-order",
             absl::StrCat("op ", r.op, " saw ", Quote((*r.elements)[i]), " as element ", i + 1,
                          " of ", Quote(list->name), ", op ", longest.op, " saw ",
                          Quote((*longest.elements)[i]), " there"),
             {r.op, longest.op});
      break;
    }
  }
}

void DependencyCycleChecker::CollectUnread() {
  for (const Operation& o : history_->operations()) {
    if (!effective_[o.id]) continue;
    for (const ListAppend& a : o.appends) {
      List& list = ListOf(a.list);
      if (list.appends.find(a.element)->second.ordered) continue;
      if (list.unread.empty() || list.unread.back() != o.id) list.unread.push_back(Id(o));
    }
  }
}

}  // namespace isochron::sim
