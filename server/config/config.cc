// SPDX-License-Identifier: Apache-2.0
#include "server/config/config.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/check.h"
#include "common/nearest.h"
#include "common/status_macros.h"

extern char** environ;

namespace isochron::config {
namespace {

constexpr int kFromFile = 1;
constexpr int kFromEnvironment = 2;
constexpr int kFromFlag = 3;
constexpr char kPrefix[] = "ISOCHRON_";

std::string FlagOf(absl::string_view key) {
  return absl::StrCat("--", absl::StrReplaceAll(key, {{"_", "-"}}));
}
std::string VariableOf(absl::string_view key) {
  return absl::StrCat(kPrefix, absl::AsciiStrToUpper(key));
}

absl::Status Check(Kind kind, absl::string_view text) {
  int64_t number = 0;
  bool flag = false;
  switch (kind) {
    case Kind::kText:
      return absl::OkStatus();
    case Kind::kInteger:
      if (absl::SimpleAtoi(text, &number)) return absl::OkStatus();
      return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is not a whole number"));
    case Kind::kBool:
      if (absl::SimpleAtob(text, &flag)) return absl::OkStatus();
      return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is neither true nor false"));
    case Kind::kDuration:
      return ParseDurationUs(text).status();
    case Kind::kSize:
      return ParseSizeBytes(text).status();
  }
  return absl::OkStatus();
}

absl::Status Unknown(absl::string_view what, absl::string_view name, const std::string& nearest) {
  return absl::InvalidArgumentError(
      absl::StrCat("unknown ", what, " ", name,
                   nearest.empty() ? "" : absl::StrCat("; did you mean ", nearest, "?")));
}

}  // namespace

std::map<std::string, std::string> ProcessEnvironment() {
  std::map<std::string, std::string> out;
  for (char** e = environ; *e != nullptr; ++e) {
    const absl::string_view entry(*e);
    const size_t equals = entry.find('=');
    if (equals == absl::string_view::npos || !absl::StartsWith(entry, kPrefix)) continue;
    out[std::string(entry.substr(0, equals))] = std::string(entry.substr(equals + 1));
  }
  return out;
}

Settings::Settings(std::vector<Setting> table) : table_(std::move(table)) {
  for (const Setting& s : table_) {
    ISO_CHECK(s.kind == Kind::kText || Check(s.kind, s.initial).ok(), "a default fits its kind");
    values_[s.key].text = s.initial;
  }
}

const Setting* Settings::Find(absl::string_view key) const {
  for (const Setting& s : table_) {
    if (s.key == key) return &s;
  }
  return nullptr;
}

absl::Status Settings::Set(const Setting& setting, absl::string_view text, int rank,
                           absl::string_view source) {
  const absl::Status fits = Check(setting.kind, text);
  if (!fits.ok()) return absl::InvalidArgumentError(absl::StrCat(source, ": ", fits.message()));
  Value& v = values_[setting.key];
  if (rank >= v.rank) v = Value{std::string(text), rank};
  return absl::OkStatus();
}

absl::StatusOr<const Setting*> Settings::FindFlag(absl::string_view flag, bool* negated) const {
  *negated = false;
  std::vector<std::string> known;
  for (const Setting& s : table_) {
    if (flag == FlagOf(s.key) ||
        (s.short_flag != 0 && flag == absl::StrCat("-", std::string(1, s.short_flag))))
      return &s;
    known.push_back(FlagOf(s.key));
    if (s.kind != Kind::kBool) continue;
    const std::string no = absl::StrCat("--no-", absl::StripPrefix(FlagOf(s.key), "--"));
    if (flag == no) {
      *negated = true;
      return &s;
    }
    known.push_back(no);
  }
  return Unknown("flag", flag, Nearest(flag, known));
}

absl::Status Settings::LoadFlags(const std::vector<std::string>& args) {
  for (size_t i = 0; i < args.size(); ++i) {
    const absl::string_view arg = args[i];
    if (arg == "--") {
      positional_.insert(positional_.end(), args.begin() + i + 1, args.end());
      break;
    }
    if (arg.size() < 2 || arg[0] != '-') {
      positional_.emplace_back(arg);
      continue;
    }
    const size_t equals = arg.find('=');
    const absl::string_view flag = arg.substr(0, equals);
    bool negated = false;
    ISO_ASSIGN_OR_RETURN(const Setting* setting, FindFlag(flag, &negated));
    std::string text;
    if (equals != absl::string_view::npos) {
      if (negated) return absl::InvalidArgumentError(absl::StrCat(flag, " takes no value"));
      text = std::string(arg.substr(equals + 1));
    } else if (setting->kind == Kind::kBool) {
      text = negated ? "false" : "true";
    } else if (i + 1 < args.size()) {
      text = args[++i];
    } else {
      return absl::InvalidArgumentError(absl::StrCat("the flag ", flag, " needs a value"));
    }
    ISO_RETURN_IF_ERROR(Set(*setting, text, kFromFlag, flag));
  }
  return absl::OkStatus();
}

absl::Status Settings::LoadEnvironment(const std::map<std::string, std::string>& environment) {
  for (const Setting& s : table_) {
    auto it = environment.find(VariableOf(s.key));
    if (it != environment.end()) {
      ISO_RETURN_IF_ERROR(Set(s, it->second, kFromEnvironment, it->first));
    }
  }
  return absl::OkStatus();
}

absl::Status Settings::LoadFile(const std::string& file) {
  std::ifstream in(file);
  std::stringstream content;
  if (in) content << in.rdbuf();
  if (!in) return absl::InvalidArgumentError(absl::StrCat("cannot read the file ", file));
  ISO_ASSIGN_OR_RETURN(const auto pairs, ParseYaml(content.str(), file));
  for (const auto& [key, text] : pairs) {
    const Setting* setting = Find(key);
    if (setting == nullptr || key == "config") {
      std::vector<std::string> known;
      for (const Setting& s : table_) known.push_back(s.key);
      return Unknown(absl::StrCat("key in ", file, ":"), key, Nearest(key, known));
    }
    ISO_RETURN_IF_ERROR(Set(*setting, text, kFromFile, absl::StrCat(file, ", key ", key)));
  }
  return absl::OkStatus();
}

absl::Status Settings::Load(const std::vector<std::string>& args,
                            const std::map<std::string, std::string>& environment) {
  ISO_RETURN_IF_ERROR(LoadFlags(args));
  ISO_RETURN_IF_ERROR(LoadEnvironment(environment));
  if (Find("config") != nullptr && !Text("config").empty()) return LoadFile(Text("config"));
  return absl::OkStatus();
}

const std::string& Settings::Text(absl::string_view key) const {
  auto it = values_.find(std::string(key));
  ISO_CHECK(it != values_.end(), "a setting is read that the table does not have");
  return it->second.text;
}

int64_t Settings::Integer(absl::string_view key) const {
  int64_t n = 0;
  ISO_CHECK(absl::SimpleAtoi(Text(key), &n), "checked when set");
  return n;
}

bool Settings::Bool(absl::string_view key) const {
  bool b = false;
  ISO_CHECK(absl::SimpleAtob(Text(key), &b), "checked when set");
  return b;
}

int64_t Settings::DurationUs(absl::string_view key) const { return *ParseDurationUs(Text(key)); }

int64_t Settings::SizeBytes(absl::string_view key) const { return *ParseSizeBytes(Text(key)); }

bool Settings::Given(absl::string_view key) const {
  auto it = values_.find(std::string(key));
  return it != values_.end() && it->second.rank > 0;
}

std::string Settings::Help() const {
  std::string out;
  for (const Setting& s : table_) {
    std::string flag = FlagOf(s.key);
    if (s.short_flag != 0) absl::StrAppend(&flag, ", -", std::string(1, s.short_flag));
    flag.resize(std::max<size_t>(flag.size() + 2, 26), ' ');
    absl::StrAppend(&out, "  ", flag, s.help,
                    s.initial.empty() || s.kind == Kind::kBool
                        ? ""
                        : absl::StrCat(" (default ", s.initial, ")"),
                    "\n");
  }
  return out;
}

}  // namespace isochron::config
