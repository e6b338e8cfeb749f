// SPDX-License-Identifier: Apache-2.0
#include "sql/catalog/information_schema.h"

namespace isochron::sql {

const SystemTableDef* FindInformationSchemaTable(absl::string_view name) {
  static const auto* options = new SystemTableDef{"database_options",
                                                  {{"catalog_name", Type::kText},
                                                   {"schema_name", Type::kText},
                                                   {"option_name", Type::kText},
                                                   {"option_type", Type::kText},
                                                   {"option_value", Type::kText}}};
  return name == "database_options" ? options : nullptr;
}

}  // namespace isochron::sql
