// SPDX-License-Identifier: Apache-2.0
#include "admin/report.h"

#include "absl/strings/escaping.h"

namespace isochron::admin {

void Report::Line(const nlohmann::ordered_json& object, absl::string_view text) {
  if (json_) {
    *out_ << object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
  } else {
    *out_ << text << "\n";
  }
}

void Report::Finding(nlohmann::ordered_json object, absl::string_view text) {
  ++findings_;
  nlohmann::ordered_json whole = {{"kind", "finding"}};
  whole.update(object);
  whole["message"] = std::string(text);
  Line(whole, text);
}

std::string Printable(absl::string_view bytes) { return absl::CHexEscape(bytes); }

}  // namespace isochron::admin
