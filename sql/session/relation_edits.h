// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_SESSION_RELATION_EDITS_H_
#define ISOCHRON_SQL_SESSION_RELATION_EDITS_H_

// Edits of whole relations: what goes, what is emptied, what a view says anew. An edit may be
// applied several times: each begins anew.

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "sql/catalog/catalog.h"
#include "sql/session/session.h"

namespace isochron::sql {

// What a DROP takes away: what it names, and what goes with that.
struct DropSet {
  std::vector<TablePtr> relations;
  // Of tables that stay: the table and the name.
  std::vector<std::pair<std::string, std::string>> foreign_keys;
  std::vector<Notice> notices;
};
// Takes relations away, all at one timestamp.
class DropEdit : public SchemaEdit {
 public:
  explicit DropEdit(const DropSet* set) : set_(set) {}
  Task<absl::Status> Apply(Ctx ctx, SchemaChange* change) override;

 private:
  // 55006 for a relation of a schema that goes, which came since.
  Task<absl::Status> CheckNoOthers(Ctx ctx, SchemaChange* change, std::string schema);
  const DropSet* const set_;
};

// Relations that go on under ids of their own, so that their rows and index entries of before
// belong to nobody. Whatever named an old id names the new one.
class NewIds {
 public:
  void Add(TableId before, TableId after) { ids_[before] = after; }
  // In all relations that name one; `all` are those that stand.
  Task<absl::Status> Apply(Ctx ctx, const std::vector<TablePtr>* all, SchemaChange* change) const;
  TableId Of(TableId id) const;

 private:
  void Rename(TableDescriptor* t) const;
  std::map<TableId, TableId> ids_;
};

// TRUNCATE, within a transaction.
class TruncateEdit : public SchemaEdit {
 public:
  // `targets` go on under the ids from `first` on, in their order.
  TruncateEdit(const std::vector<TablePtr>* all, const std::vector<TablePtr>* targets,
               TableId first)
      : all_(all), targets_(targets), first_(first) {}
  Task<absl::Status> Apply(Ctx ctx, SchemaChange* change) override;

 private:
  const std::vector<TablePtr>* const all_;
  const std::vector<TablePtr>* const targets_;
  const TableId first_;
};

// CREATE OR REPLACE VIEW of one that stands. 42P16, 42809.
class ReplaceViewEdit : public SchemaEdit {
 public:
  explicit ReplaceViewEdit(const TableDescriptor* view) : view_(view) {}
  Task<absl::Status> Apply(Ctx ctx, SchemaChange* change) override;

 private:
  const TableDescriptor* const view_;
};

// Changes one relation in place.
class OneEdit : public SchemaEdit {
 public:
  using Change = std::function<absl::Status(TableDescriptor*)>;
  OneEdit(std::string name, Change change) : name_(std::move(name)), change_(std::move(change)) {}
  Task<absl::Status> Apply(Ctx ctx, SchemaChange* change) override;

 private:
  const std::string name_;
  const Change change_;
};

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_SESSION_RELATION_EDITS_H_
