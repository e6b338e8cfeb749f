// SPDX-License-Identifier: Apache-2.0
#include "sim/checkers/history_io.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace isochron::sim {
namespace {

using Json = nlohmann::json;

constexpr const char* kOutcomes[] = {"open", "committed", "aborted", "unknown"};

Json ToJson(const std::optional<std::string>& value) { return value ? Json(*value) : Json(); }

absl::Status Wrong(absl::string_view member, absl::string_view wanted) {
  return absl::InvalidArgumentError(absl::StrCat("\"", member, "\" must be ", wanted));
}

// Absent: left as it is.
absl::Status Number(const Json& object, const char* member, int64_t* out) {
  auto it = object.find(member);
  if (it == object.end() || it->is_null()) return absl::OkStatus();
  if (!it->is_number_integer()) return Wrong(member, "a whole number");
  *out = it->get<int64_t>();
  return absl::OkStatus();
}

absl::Status Flag(const Json& object, const char* member, bool* out) {
  auto it = object.find(member);
  if (it == object.end()) return absl::OkStatus();
  if (!it->is_boolean()) return Wrong(member, "true or false");
  *out = it->get<bool>();
  return absl::OkStatus();
}

// An array of [name, something]: calls `each` for them, which is false for a bad something.
template <typename Each>
absl::Status Pairs(const Json& object, const char* member, const char* wanted, Each each) {
  auto it = object.find(member);
  if (it == object.end()) return absl::OkStatus();
  if (!it->is_array()) return Wrong(member, wanted);
  for (const Json& pair : *it) {
    const bool good = pair.is_array() && pair.size() == 2 && pair[0].is_string();
    if (!good || !each(pair[0].get<std::string>(), pair[1])) return Wrong(member, wanted);
  }
  return absl::OkStatus();
}

template <typename Accessed>
bool Value(const Json& json, Accessed* out) {
  if (!json.is_string() && !json.is_null()) return false;
  if (json.is_string()) out->value = json.get<std::string>();
  return true;
}

bool Elements(const Json& json, std::vector<std::string>* out) {
  if (!json.is_array()) return false;
  for (const Json& element : json) {
    if (!element.is_string()) return false;
    out->push_back(element.get<std::string>());
  }
  return true;
}

absl::Status DecodeAccesses(const Json& object, Operation* op) {
  ISO_RETURN_IF_ERROR(Pairs(object, "reads", "an array of [key, value or null]",
                            [&](std::string name, const Json& json) {
                              return Value(json, &op->reads.emplace_back(ObservedRead{name, {}}));
                            }));
  ISO_RETURN_IF_ERROR(Pairs(object, "writes", "an array of [key, value or null]",
                            [&](std::string name, const Json& json) {
                              return Value(json, &op->writes.emplace_back(RecordedWrite{name, {}}));
                            }));
  ISO_RETURN_IF_ERROR(Pairs(
      object, "lists", "an array of [list, [elements]]", [&](std::string name, const Json& json) {
        return Elements(json, &op->lists.emplace_back(ListRead{name, {}}).elements);
      }));
  return Pairs(object, "appends", "an array of [list, element]",
               [&](std::string name, const Json& json) {
                 if (!json.is_string()) return false;
                 op->appends.push_back(ListAppend{std::move(name), json.get<std::string>()});
                 return true;
               });
}

absl::Status DecodeKind(const Json& object, Operation* op) {
  const Json kind = object.value("kind", Json());
  if (kind != "rw" && kind != "ro") return Wrong("kind", "\"rw\" or \"ro\"");
  op->kind = kind == "rw" ? OpKind::kReadWrite : OpKind::kReadOnly;
  const Json outcome = object.value("outcome", Json());
  for (size_t i = 0; i < std::size(kOutcomes); ++i) {
    if (outcome == kOutcomes[i]) {
      op->outcome = static_cast<Outcome>(i);
      return absl::OkStatus();
    }
  }
  return Wrong("outcome", "\"committed\", \"aborted\", \"unknown\" or \"open\"");
}

}  // namespace

std::string EncodeOperation(const Operation& op) {
  Json object = {{"client", op.client},
                 {"kind", op.kind == OpKind::kReadWrite ? "rw" : "ro"},
                 {"outcome", kOutcomes[static_cast<int>(op.outcome)]},
                 {"invoke_us", op.invoke_us},
                 {"complete_us", op.complete_us},
                 {"invoke_seq", op.invoke_seq},
                 {"complete_seq", op.complete_seq}};
  if (op.ts != Timestamp()) object["ts"] = op.ts.us;
  if (!op.strong) object["strong"] = false;
  if (op.local) object["local"] = true;
  if (op.not_before != Timestamp()) object["not_before"] = op.not_before.us;
  for (const ObservedRead& r : op.reads) object["reads"].push_back({r.key, ToJson(r.value)});
  for (const RecordedWrite& w : op.writes) object["writes"].push_back({w.key, ToJson(w.value)});
  for (const ListRead& r : op.lists) object["lists"].push_back({r.list, r.elements});
  for (const ListAppend& a : op.appends) object["appends"].push_back({a.list, a.element});
  if (!op.note.empty()) object["note"] = op.note;
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

absl::StatusOr<Operation> DecodeOperation(absl::string_view line) {
  const Json object = Json::parse(line.begin(), line.end(), nullptr, false);
  if (!object.is_object()) return absl::InvalidArgumentError("not a JSON object");
  Operation op;
  ISO_RETURN_IF_ERROR(DecodeKind(object, &op));
  if (!object.contains("invoke_us")) return Wrong("invoke_us", "a whole number");
  int64_t client = 0, invoke_seq = 0, complete_seq = 0;
  ISO_RETURN_IF_ERROR(Number(object, "client", &client));
  ISO_RETURN_IF_ERROR(Number(object, "invoke_us", &op.invoke_us));
  ISO_RETURN_IF_ERROR(Number(object, "complete_us", &op.complete_us));
  ISO_RETURN_IF_ERROR(Number(object, "invoke_seq", &invoke_seq));
  ISO_RETURN_IF_ERROR(Number(object, "complete_seq", &complete_seq));
  ISO_RETURN_IF_ERROR(Number(object, "ts", &op.ts.us));
  ISO_RETURN_IF_ERROR(Number(object, "not_before", &op.not_before.us));
  ISO_RETURN_IF_ERROR(Flag(object, "strong", &op.strong));
  ISO_RETURN_IF_ERROR(Flag(object, "local", &op.local));
  op.client = static_cast<int>(client);
  op.invoke_seq = static_cast<uint64_t>(invoke_seq);
  op.complete_seq = static_cast<uint64_t>(complete_seq);
  if (op.complete_us != 0 && op.complete_us < op.invoke_us) {
    return Wrong("complete_us", "at or after \"invoke_us\"");
  }
  const bool answered = op.outcome == Outcome::kCommitted || op.outcome == Outcome::kAborted;
  if (answered && op.complete_us == 0) return Wrong("complete_us", "given for what was answered");
  ISO_RETURN_IF_ERROR(DecodeAccesses(object, &op));
  if (object.contains("note") && object["note"].is_string()) {
    op.note = object["note"].get<std::string>();
  }
  return op;
}

absl::StatusOr<History> ReadHistory(const std::string& path) {
  std::ifstream in(path);
  if (!in) return absl::NotFoundError(absl::StrCat("cannot read ", path));
  History history;
  std::string line;
  bool numbered = true;
  for (size_t number = 1; std::getline(in, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    auto op = DecodeOperation(line);
    if (!op.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, " line ", number, ": ", std::string(op.status().message())));
    }
    numbered &= op->invoke_seq != 0;
    history.Add(*std::move(op));
  }
  if (!numbered) history.OrderByTime();
  return history;
}

absl::Status WriteHistory(const History& history, const std::string& path) {
  std::ofstream out(path, std::ios::trunc);
  for (const Operation& op : history.operations()) out << EncodeOperation(op) << '\n';
  out.flush();
  if (!out) return absl::UnavailableError(absl::StrCat("cannot write ", path));
  return absl::OkStatus();
}

}  // namespace isochron::sim
