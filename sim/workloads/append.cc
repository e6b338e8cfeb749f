// SPDX-License-Identifier: Apache-2.0

// List-append: transactions read several lists and append to several, over several groups. What a
// list holds tells in which order its appends took effect, without any timestamp.
//
// Two kinds of lists. One is a row: an append reads it and writes it back longer. The other has a
// row an element: an append scans for the first absent row and fills it, so that it stands on the
// locks of what is not there. An element is the id of the operation that appended it. Lists that
// are full are only read.

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "sim/workloads/steps.h"

namespace isochron::sim {
namespace {

constexpr size_t kMaxInRow = 40;
constexpr size_t kRowsOfList = 16;

class Append final : public StepsWorkload {
 public:
  explicit Append(Random random) : StepsWorkload("append", 0.3) {
    const size_t rows = static_cast<size_t>(random.Between(4, 10));
    const size_t scanned = static_cast<size_t>(random.Between(1, 3));
    std::vector<std::string> keys, splits;
    for (size_t i = 0; i < rows; ++i) {
      lists_.push_back(List{{absl::StrFormat("app/a%02d", i)}, true, false});
    }
    for (size_t i = 0; i < scanned; ++i) {
      List& list = lists_.emplace_back();
      for (size_t j = 0; j < kRowsOfList; ++j) {
        list.keys.push_back(absl::StrFormat("app/b%02d/%02d", i, j));
      }
    }
    for (const List& list : lists_) keys.insert(keys.end(), list.keys.begin(), list.keys.end());
    // The last one within a list.
    splits = {keys[0], keys[rows / 2], keys[rows + kRowsOfList / 2]};
    SetKeys(std::move(keys), std::move(splits));
  }

 private:
  struct List {
    std::vector<std::string> keys;
    bool in_row = false;
    bool full = false;  // was seen so
    const std::string& name() const { return keys[0]; }
  };

  absl::Status Load(RecordedTransaction* t) override { return t->Put(lists_[0].keys[0], ""); }

  // Notes the list that the rows hold. False for what no appends can have left.
  bool Note(List* list, const Values& rows, Operation* op, std::vector<std::string>* elements) {
    bool hole = false, ended = false;
    for (const auto& row : rows) {
      hole |= ended && row.has_value();
      ended |= !row.has_value();
      if (!row) continue;
      if (list->in_row) {
        *elements = absl::StrSplit(TextOf(*row), ',', absl::SkipEmpty());
      } else {
        elements->push_back(TextOf(*row));
      }
    }
    list->full |= elements->size() == (list->in_row ? kMaxInRow : kRowsOfList);
    op->lists.push_back(ListRead{list->name(), *elements});
    if (!hole) return true;
    Report("list-hole", absl::StrCat("a row is missing in the list ", list->name()), *op);
    return false;
  }

  Task<absl::Status> AppendTo(Session* session, RecordedTransaction* t, List* list) {
    Operation& op = t->operation();
    for (const ListAppend& a : op.appends) {
      if (a.list == list->name()) co_return absl::OkStatus();  // once is enough
    }
    auto rows = co_await ReadSome(session, t, list->keys, AnyLock(session->random), false, true);
    if (!rows.ok()) co_return rows.status();
    std::vector<std::string> elements;
    if (!Note(list, *rows, &op, &elements) || list->full) co_return absl::OkStatus();
    const std::string element = absl::StrCat(op.id);
    const size_t at = list->in_row ? 0 : elements.size();
    elements.push_back(element);
    absl::Status put =
        t->Put(list->keys[at], list->in_row ? absl::StrJoin(elements, ",") : element);
    if (put.ok()) op.appends.push_back(ListAppend{list->name(), element});
    co_return put;
  }

  Task<absl::Status> ReadList(Session* session, RecordedTransaction* t, List* list, bool single) {
    for (const ListAppend& a : t->operation().appends) {
      if (a.list == list->name()) co_return absl::OkStatus();
    }
    auto rows = co_await ReadSome(session, t, list->keys, txn::LockMode::kShared, single, true);
    if (!rows.ok()) co_return rows.status();
    std::vector<std::string> elements;
    (void)Note(list, *rows, &t->operation(), &elements);
    co_return absl::OkStatus();
  }

  Task<absl::Status> Change(Session* session, RecordedTransaction* t) override {
    const size_t n = 1 + session->random.Below(3);
    for (size_t i = 0; i < n; ++i) {
      List* list = &lists_[session->random.Below(lists_.size())];
      absl::Status status = session->random.OneIn(0.4) && i + 1 < n
                                ? co_await ReadList(session, t, list, false)
                                : co_await AppendTo(session, t, list);
      if (!status.ok()) co_return status;
    }
    co_return absl::OkStatus();
  }

  Task<absl::Status> Look(Session* session, RecordedTransaction* t, bool single) override {
    const size_t n = single ? 1 : 1 + session->random.Below(4);
    const size_t first = session->random.Below(lists_.size());
    for (size_t i = 0; i < std::min(n, lists_.size()); ++i) {
      List* list = &lists_[(first + i) % lists_.size()];
      absl::Status status = co_await ReadList(session, t, list, single);
      if (!status.ok()) co_return status;
    }
    co_return absl::OkStatus();
  }

  std::vector<List> lists_;
};

}  // namespace

std::unique_ptr<Workload> NewAppend(Random random) { return std::make_unique<Append>(random); }

}  // namespace isochron::sim
