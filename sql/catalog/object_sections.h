// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_CATALOG_OBJECT_SECTIONS_H_
#define ISOCHRON_SQL_CATALOG_OBJECT_SECTIONS_H_

// The sections of a description that tell of expressions, checks, views, sequences and comments:
// tags from 16 on, of columns and of the whole. Durable: tags are never reused.

#include <string>
#include <utility>
#include <vector>

#include "common/coding.h"
#include "sql/catalog/descriptor.h"

namespace isochron::sql::object_sections {

using Sections = std::vector<std::pair<uint64_t, std::string>>;

// Adds those that say something.
void Add(const ColumnDescriptor& c, Sections* out);
void Add(const TableDescriptor& t, Sections* out);
// Whether the tag is known here and the section is well formed.
bool Read(uint64_t tag, Reader* in, ColumnDescriptor* c);
bool Read(uint64_t tag, Reader* in, TableDescriptor* t);

// The labels of an enum, in their order.
void WriteLabels(const std::vector<EnumLabel>& labels, Writer* out);
bool ReadLabels(Reader* in, std::vector<EnumLabel>* labels);

}  // namespace isochron::sql::object_sections

#endif  // ISOCHRON_SQL_CATALOG_OBJECT_SECTIONS_H_
