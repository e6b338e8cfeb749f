// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_SESSION_DEFERRED_KEYS_H_
#define ISOCHRON_SQL_SESSION_DEFERRED_KEYS_H_

// Deferred foreign keys: what a transaction has to look at before it commits, and SET CONSTRAINTS.
//
// Of a row that refers, and of one that is referred to and goes, only the values of the key are
// kept. At the end they break the foreign key if no row of the parent has them and some row of the
// child has: whatever happened in between, savepoints included, does not matter. So a value may be
// kept that need not be. Reads of what is there and of what is not are locked, as everywhere.
//
// Loop-thread only; of one attempt of a transaction.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "sql/catalog/descriptor.h"
#include "sql/types/datum.h"

namespace isochron::sql {

class DeferredKeys {
 public:
  struct Key {
    TableId table;      // the one that refers
    std::string child;  // its name
    uint64_t id = 0;    // of the foreign key
    bool deferred = false;
    bool goes = false;  // a row that was referred to went: the values have its types
    std::vector<Datum> values;
  };

  // Whether the foreign key waits for the end now.
  bool Defers(const TableDescriptor& child, const ForeignKey& key) const;
  // 54000 where they are too many.
  absl::Status Add(const TableDescriptor& child, const ForeignKey& key, bool goes,
                   const std::vector<Type>& types, std::vector<Datum> values);
  bool empty() const { return keys_.empty(); }
  // Those of foreign keys that no longer wait, or all; they are gone afterwards.
  std::vector<Key> Take(bool all);

  // SET CONSTRAINTS ALL, or of one.
  void Set(bool deferred) {
    every_ = deferred;
    some_.clear();
  }
  void Set(TableId child, uint64_t id, bool deferred) { some_[{child.value, id}] = deferred; }

 private:
  bool Waits(TableId table, uint64_t id, bool deferred) const;

  std::optional<bool> every_;
  std::map<std::pair<uint64_t, uint64_t>, bool> some_;  // by table and foreign key
  std::map<std::string, Key> keys_;
  size_t bytes_ = 0;
};

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_SESSION_DEFERRED_KEYS_H_
