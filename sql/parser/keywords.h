// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SQL_PARSER_KEYWORDS_H_
#define ISOCHRON_SQL_PARSER_KEYWORDS_H_

// The words of the grammar, and what each may name beside itself: as the scanner tells.

#include <string>
#include <vector>

namespace isochron::sql {

struct Keyword {
  std::string word;
  // As PostgreSQL: U may name anything, C no function and no type, T only these, R nothing.
  char category = 'U';
  bool bare_label = true;  // may name an output column without AS
};

// By the alphabet.
const std::vector<Keyword>& Keywords();

}  // namespace isochron::sql

#endif  // ISOCHRON_SQL_PARSER_KEYWORDS_H_
