// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_EXEC_INDEX_WRITER_H_
#define ISOCHRON_SQL_EXEC_INDEX_WRITER_H_

// Keeps a table's secondary indexes as its rows change, and its unique constraints.
//
// A statement notes what becomes of its rows and then applies all of it: entries that go, then the
// locks of keys that only one row may have (absence, too: rule 17), their check, then entries that
// come. Two transactions that want one value of a unique index meet at its key's lock.
//
// An index that is still being built (kBuilding) is written like any other. But rows of before may
// have no entry yet, or the entry of another row stands at their key: so an entry of a unique one
// is looked at before it is taken away or replaced.
//
// Lives for one statement; borrows the table and the context. Rows that are noted are not kept.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/task.h"
#include "sql/catalog/index_codec.h"
#include "sql/exec/index_entries.h"
#include "sql/exec/operator.h"

namespace isochron::sql {

// 23505
absl::Status PrimaryKeyViolation(const TableDescriptor& table, const Row& row);
// `row` with the values that the index computes.
absl::Status UniqueViolation(const TableDescriptor& table, const IndexDescriptor& index,
                             const Row& row);
// Puts or deletes through `exec`'s transaction, or at the statement's end where its writes are
// deferred: 54000 when it would grow too large.
absl::Status BufferPut(ExecContext* exec, const std::string& key, std::string value);
absl::Status BufferDelete(ExecContext* exec, const std::string& key);
// What stands under `keys`, locked exclusively: absence, too. Deferred writes stand there already.
Task<absl::StatusOr<std::vector<std::optional<std::string>>>> LockKeys(
    ExecContext* exec, std::vector<std::string> keys);

class IndexWriter {
 public:
  // Of all indexes, or of those that a change of the columns that `changed` marks may touch.
  IndexWriter(const TableDescriptor& table, const IndexRules& rules, ExecContext* exec);
  void OnlyFor(const std::vector<bool>& changed);
  bool idle() const { return indexes_.empty(); }
  const std::vector<const IndexDescriptor*>& indexes() const { return indexes_; }

  // A row goes (`after` null), comes (`before` null) or changes; with its keys in the table. The
  // bytes that are now held for it go to *bytes.
  absl::Status Note(const Row* before, const std::string& before_key, const Row* after,
                    const std::string& after_key, int64_t* bytes);
  // Nothing is noted afterwards. 23505.
  Task<absl::Status> Apply();

  // The key in the table of the row that an entry belongs to.
  absl::StatusOr<std::string> OwnerOf(const IndexDescriptor& index, const std::string& key,
                                      const std::string& value) const;

 private:
  struct Gone {
    const IndexDescriptor* index;
    std::string key;
    std::string owner;
  };
  struct Come {
    const IndexDescriptor* index;
    IndexEntry entry;
    std::string owner;  // the row's key before: an entry of its own may stand there
    bool check = false;
    std::vector<Datum> values;  // of the index's columns, where it is to be checked
  };

  bool Guarded(const IndexDescriptor& index) const {
    return index.unique && index.state == IndexState::kBuilding;
  }
  Task<absl::Status> Remove();
  Task<absl::Status> Check(size_t from, size_t to, const std::vector<size_t>& checked);
  absl::Status Violation(const Come& come) const;

  const TableDescriptor& table_;
  const IndexRules& rules_;
  ExecContext* const exec_;
  std::vector<const IndexDescriptor*> indexes_;
  std::vector<Gone> gone_;
  std::vector<Come> come_;
};

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_EXEC_INDEX_WRITER_H_
