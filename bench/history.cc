// SPDX-License-Identifier: Apache-2.0
#include "bench/history.h"

#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "nlohmann/json.hpp"

namespace isochron::bench {
namespace {

using Json = nlohmann::ordered_json;

int64_t RealUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now()  // lint: allow(clock): timestamps are held against it
                 .time_since_epoch())
      .count();
}

const char* OutcomeOf(const absl::Status& status) {
  if (status.ok()) return "committed";
  return absl::IsUnknown(status) ? "unknown" : "aborted";
}

Json Pairs(const std::vector<std::pair<std::string, std::optional<std::string>>>& pairs) {
  Json out = Json::array();
  for (const auto& [key, value] : pairs) {
    out.push_back(Json::array({key, value.has_value() ? Json(*value) : Json()}));
  }
  return out;
}

Json ToJson(const Attempt& a, const absl::Status& status) {
  Json j;
  j["client"] = a.client;
  j["kind"] = a.read_only ? "ro" : "rw";
  j["outcome"] = OutcomeOf(status);
  j["invoke_us"] = a.invoke_us;
  j["complete_us"] = RealUs();
  if (a.ts.has_value()) j["ts"] = a.ts->us;
  if (!a.strong) j["strong"] = false;
  if (a.local) j["local"] = true;
  if (!a.reads.empty()) j["reads"] = Pairs(a.reads);
  if (!a.writes.empty()) j["writes"] = Pairs(a.writes);
  if (a.lists) {
    j["lists"] = Json::array();
    for (const auto& [key, value] : a.reads) {
      const std::vector<std::string> elements =
          absl::StrSplit(value.value_or(""), ',', absl::SkipEmpty());
      j["lists"].push_back(Json::array({key, elements}));
    }
    j["appends"] = Json::array();
    for (const auto& [list, element] : a.appends) {
      j["appends"].push_back(Json::array({list, element}));
    }
  }
  if (!status.ok()) j["note"] = status.message().substr(0, 120);
  return j;
}

}  // namespace

absl::Status Recorder::Open() {
  if (path_.empty()) return absl::OkStatus();
  file_.open(path_, std::ios::trunc);
  return file_ ? absl::OkStatus()
               : absl::UnavailableError(absl::StrCat("--history: cannot write ", path_));
}

Attempt Recorder::Begin(int client, bool read_only) {
  Attempt a;
  a.client = client;
  a.read_only = read_only;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    a.id = next_id_++;
  }
  a.invoke_us = RealUs();
  return a;
}

void Recorder::End(const Attempt& attempt, const absl::Status& status) {
  if (path_.empty()) return;
  const std::string line =
      ToJson(attempt, status).dump(-1, ' ', false, Json::error_handler_t::replace);
  std::lock_guard<std::mutex> lock(mutex_);
  file_ << line << '\n';
}

absl::Status Recorder::Close() {
  if (path_.empty()) return absl::OkStatus();
  std::lock_guard<std::mutex> lock(mutex_);
  file_.close();
  return file_ ? absl::OkStatus()
               : absl::UnavailableError(absl::StrCat("--history: could not write all of ", path_));
}

}  // namespace isochron::bench
