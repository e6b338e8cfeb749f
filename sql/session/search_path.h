// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_SESSION_SEARCH_PATH_H_
#define ISOCHRON_SQL_SESSION_SEARCH_PATH_H_

// Where names without a schema are looked for: the schemas of the setting search_path that there
// are. The catalog comes before all of them, and is not among them. A prepared text belongs to one
// path (prepared.h): under another it is prepared anew, so plans need not know of paths.

#include <memory>
#include <string>
#include <vector>

namespace isochron::sql {

using SearchPath = std::vector<std::string>;
using PathPtr = std::shared_ptr<const SearchPath>;

// The schema public alone.
const PathPtr& PublicPath();
// The names in a value of search_path, "$user" among them, without quotes; those of a wrong value
// as far as they can be read.
std::vector<std::string> PathParts(const std::string& setting);

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_SESSION_SEARCH_PATH_H_
