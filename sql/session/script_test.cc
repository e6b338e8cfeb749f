// SPDX-License-Identifier: Apache-2.0
//
// Runs the scripts of sql/testdata against the fake store. A script is a list of blocks:
//
//   query                       (or: query @b, on a second session named b)
//   SELECT ...
//   ----
//   what the statement gives: a header, rows, the command tag; or an error with its SQLSTATE
//
// An empty line ends a block; # begins a comment. With UPDATE_TESTDATA set to a folder the results
// are written there instead of being compared.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "sql/session/session.h"
#include "sql/testing/fake_universe.h"

namespace isochron::sql {
namespace {

std::string Render(const CollectingSink::Statement& s, const TimeContext& time) {
  std::string out;
  if (s.result.returns_rows) {
    std::vector<std::string> names;
    for (const ColumnInfo& c : s.columns) names.push_back(c.name);
    absl::StrAppend(&out, absl::StrJoin(names, " | "), "\n");
    for (const Row& row : s.rows) {
      std::vector<std::string> cells;
      for (size_t i = 0; i < row.size(); ++i) {
        cells.push_back(row[i].is_null() ? "NULL" : DatumToText(s.columns[i].type, row[i], time));
      }
      absl::StrAppend(&out, absl::StrJoin(cells, " | "), "\n");
    }
  }
  return absl::StrCat(out, s.result.tag, "\n");
}

std::string RenderError(const absl::Status& s) {
  std::string out = absl::StrCat("ERROR ", SqlStateOf(s));
  if (PositionOf(s) > 0) absl::StrAppend(&out, " at ", PositionOf(s));
  absl::StrAppend(&out, ": ", std::string(s.message()), "\n");
  const std::string detail = FieldsOf(s).detail;
  return detail.empty() ? out : absl::StrCat(out, "DETAIL: ", detail, "\n");
}

class Script {
 public:
  explicit Script(const std::string& path) : path_(path) {
    std::ifstream in(path);
    std::stringstream text;
    text << in.rdbuf();
    lines_ = absl::StrSplit(text.str(), '\n');
    engine_ = Engine::Create({&universe_.store, &universe_.executor, &universe_.truetime, nullptr},
                             EngineOptions());
  }

  // The script as it should read, with what really came out.
  std::string Run() {
    std::string out;
    for (size_t i = 0; i < lines_.size();) {
      if (!absl::StartsWith(lines_[i], "query")) {
        absl::StrAppend(&out, lines_[i], i + 1 < lines_.size() ? "\n" : "");
        ++i;
        continue;
      }
      absl::StrAppend(&out, lines_[i], "\n");
      const std::string who(absl::StripPrefix(lines_[i], "query"));
      std::string sql;
      for (++i; i < lines_.size() && lines_[i] != "----"; ++i) {
        absl::StrAppend(&sql, sql.empty() ? "" : "\n", lines_[i]);
      }
      absl::StrAppend(&out, sql, "\n----\n", Execute(who, sql));
      for (++i; i < lines_.size() && !lines_[i].empty(); ++i) {
      }
    }
    return out;
  }

 private:
  std::string Execute(const std::string& who, const std::string& sql) {
    std::unique_ptr<Session>& session = sessions_[who];
    if (session == nullptr) session = engine_->NewSession();
    CollectingSink sink;
    auto result = universe_.Run(session->Execute(universe_.NewContext(), sql, Params(), &sink));
    std::string out;
    for (const CollectingSink::Statement& s : sink.statements)
      out += Render(s, session->time_context());
    if (!result.ok()) out += RenderError(result.status());
    return out;
  }

  const std::string path_;
  std::vector<std::string> lines_;
  testing::FakeUniverse universe_;
  std::unique_ptr<Engine> engine_;
  std::map<std::string, std::unique_ptr<Session>> sessions_;
};

class ScriptTest : public ::testing::TestWithParam<std::string> {};

TEST_P(ScriptTest, GivesWhatItSays) {
  const std::string path = absl::StrCat("sql/testdata/", GetParam(), ".test");
  std::ifstream in(path);
  ASSERT_TRUE(in.good()) << path;
  std::stringstream expected;
  expected << in.rdbuf();
  const std::string actual = Script(path).Run();
  if (const char* folder = std::getenv("UPDATE_TESTDATA")) {
    std::ofstream(absl::StrCat(folder, "/", GetParam(), ".test")) << actual;
    return;
  }
  const std::vector<std::string> want = absl::StrSplit(expected.str(), '\n');
  const std::vector<std::string> got = absl::StrSplit(actual, '\n');
  for (size_t i = 0; i < std::max(want.size(), got.size()); ++i) {
    const std::string w = i < want.size() ? want[i] : "(nothing)";
    const std::string g = i < got.size() ? got[i] : "(nothing)";
    ASSERT_EQ(w, g) << path << ":" << i + 1;
  }
}

// Every script that there is.
std::vector<std::string> Scripts() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator("sql/testdata")) {
    if (entry.path().extension() == ".test") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

INSTANTIATE_TEST_SUITE_P(All, ScriptTest, ::testing::ValuesIn(Scripts()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace isochron::sql
