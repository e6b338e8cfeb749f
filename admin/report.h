// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_ADMIN_REPORT_H_
#define ISOCHRON_ADMIN_REPORT_H_

// What a command says: lines for people, or with --json one object a line.

#include <nlohmann/json.hpp>
#include <ostream>
#include <string>

#include "absl/strings/string_view.h"

namespace isochron::admin {

class Report {
 public:
  Report(bool json, std::ostream* out) : json_(json), out_(out) {}

  // The same thing twice: as an object (with its "kind") and as text.
  void Line(const nlohmann::ordered_json& object, absl::string_view text);
  // Something is wrong: "kind" is "finding", and the command ends with status 1.
  void Finding(nlohmann::ordered_json object, absl::string_view text);

  int findings() const { return findings_; }
  bool json() const { return json_; }

 private:
  const bool json_;
  std::ostream* const out_;
  int findings_ = 0;
};

// Bytes for people: as they are when printable, otherwise escaped.
std::string Printable(absl::string_view bytes);

}  // namespace isochron::admin

#endif  // ISOCHRON_ADMIN_REPORT_H_
