// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/wan.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/check.h"
#include "common/status_macros.h"

namespace isochron::runtime {
namespace {

constexpr char kTypical[] = R"(
us-east             europe-west         80
us-east             asia-northeast      150
europe-west         asia-northeast      220
us-east             us-west             62
us-west             europe-west         135
us-west             asia-northeast      100
us-east             asia-southeast      215
us-west             asia-southeast      170
europe-west         asia-southeast      165
asia-northeast      asia-southeast      70
us-east             australia-southeast 200
us-west             australia-southeast 140
europe-west         australia-southeast 260
asia-northeast      australia-southeast 110
asia-southeast      australia-southeast 95
us-east             southamerica-east   115
us-west             southamerica-east   170
europe-west         southamerica-east   190
asia-northeast      southamerica-east   260
asia-southeast      southamerica-east   330
australia-southeast southamerica-east   310
local 0.5
default 150
jitter 0.02
)";

absl::Status BadLine(int number, absl::string_view line, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("WAN matrix, line ", number, " (\"", line, "\"): ", why));
}

}  // namespace

const std::vector<std::string>& TypicalRegions() {
  static const auto* regions = new std::vector<std::string>{
      "us-east",        "europe-west",         "asia-northeast",   "us-west",
      "asia-southeast", "australia-southeast", "southamerica-east"};
  return *regions;
}

WanMatrix WanMatrix::Typical() {
  auto matrix = Parse(kTypical);
  ISO_CHECK(matrix.ok(), "the built-in matrix is well-formed");
  return *std::move(matrix);
}

absl::StatusOr<WanMatrix> WanMatrix::Parse(absl::string_view text) {
  WanMatrix m;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    const absl::string_view meat =
        absl::StripAsciiWhitespace(line.substr(0, std::min(line.size(), line.find('#'))));
    if (meat.empty()) continue;
    const std::vector<std::string> words =
        absl::StrSplit(meat, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    double value = 0;
    if (words.size() < 2 || words.size() > 3)
      return BadLine(number, meat, "not two or three words");
    if (!absl::SimpleAtod(words.back(), &value) || !(value >= 0) || value > 1e6) {
      return BadLine(number, meat, "the last word is not a number from 0 on");
    }
    if (words.size() == 3) {
      m.rtt_ms_[std::minmax(words[0], words[1])] = value;
    } else if (words[0] == "local") {
      m.local_rtt_ms_ = value;
    } else if (words[0] == "default") {
      m.default_rtt_ms_ = value;
    } else if (words[0] == "jitter") {
      m.jitter_ = value;
    } else if (words[0] == "loss") {
      if (value > 1) return BadLine(number, meat, "a loss is a share from 0 to 1");
      m.loss_ = value;
    } else {
      return BadLine(number, meat, "expected local, default, jitter or loss");
    }
  }
  return m;
}

absl::StatusOr<WanMatrix> WanMatrix::Load(const std::string& file) {
  std::ifstream in(file);
  if (!in) return absl::NotFoundError(absl::StrCat("cannot read the WAN matrix file ", file));
  std::stringstream content;
  content << in.rdbuf();
  return Parse(content.str());
}

LinkProfile WanMatrix::Link(absl::string_view from_region, absl::string_view to_region) const {
  double rtt_ms = local_rtt_ms_;
  if (from_region != to_region) {
    const std::string a(from_region);
    const std::string b(to_region);
    auto it = rtt_ms_.find(std::minmax(a, b));
    rtt_ms = it == rtt_ms_.end() ? default_rtt_ms_ : it->second;
  }
  return LinkProfile{static_cast<Micros>(rtt_ms * 1000 / 2), jitter_, loss_};
}

}  // namespace isochron::runtime
