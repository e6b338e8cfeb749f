// SPDX-License-Identifier: Apache-2.0
//
// What a statement costs in SQL alone: over a store in memory whose own cost (a map look-up, a step
// of virtual time for the commit wait) is part of the figure.

#include <memory>
#include <string>
#include <utility>

#include <benchmark/benchmark.h>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "sql/catalog/row_codec.h"
#include "sql/pushdown/reduce.h"
#include "sql/session/session.h"
#include "sql/testing/fake_universe.h"

namespace isochron::sql {
namespace {

class NullSink : public ResultSink {
 public:
  void OnColumns(const std::vector<ColumnInfo>&) override {}
  Task<bool> OnRows(std::vector<Row> rows) override {
    rows_ += rows.size();
    co_return true;
  }
  void OnComplete(const StatementResult&) override {}

 private:
  size_t rows_ = 0;
};

struct Bed {
  Bed()
      : universe(0),
        engine(Engine::Create({&universe.store, &universe.executor, &universe.truetime, nullptr},
                              EngineOptions())),
        session(engine->NewSession()) {
    universe.store.page_rows = 10'000;
    Run("CREATE TABLE kv (k bigint PRIMARY KEY, v text, n bigint)", {});
    for (int i = 0; i < 1000; ++i) {
      Run(absl::StrCat("INSERT INTO kv VALUES (", i, ", 'value number ", i, "', ", i, ")"), {});
    }
  }
  void Run(const std::string& sql, Params params) {
    NullSink sink;
    auto r = universe.Run(session->Execute(universe.NewContext(), sql, std::move(params), &sink));
    ISO_CHECK(r.ok(), sql.c_str());
  }

  testing::FakeUniverse universe;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<Session> session;
};

TypedDatum Int(int64_t v) { return {Type::kInt8, Datum::Int(v)}; }

void PointSelectWithParameter(benchmark::State& state) {
  Bed bed;
  int64_t i = 0;
  for (auto _ : state) bed.Run("SELECT v, n FROM kv WHERE k = $1", {Int(i++ % 1000)});
}
BENCHMARK(PointSelectWithParameter);

void PointSelectParsedEachTime(benchmark::State& state) {
  Bed bed;
  int64_t i = 0;
  for (auto _ : state) bed.Run(absl::StrCat("SELECT v, n FROM kv WHERE k = ", i++), {});
}
BENCHMARK(PointSelectParsedEachTime);

void UpsertWithParameters(benchmark::State& state) {
  Bed bed;
  int64_t i = 0;
  for (auto _ : state) {
    bed.Run("INSERT INTO kv VALUES ($1, $2, $1) ON CONFLICT (k) DO UPDATE SET v = excluded.v",
            {Int(i++ % 1000), {Type::kText, Datum::String("another value")}});
  }
}
// Every version is kept, so the iterations are bounded.
BENCHMARK(UpsertWithParameters)->Iterations(20'000);

void ScanOf1000Rows(benchmark::State& state) {
  Bed bed;
  for (auto _ : state) bed.Run("SELECT count(*), sum(n) FROM kv WHERE n % 2 = 0", {});
}
BENCHMARK(ScanOf1000Rows);

// What a tablet does for one row of SELECT count(*), sum(x), once it has the row: rows of three
// columns (int key, int, 100 characters).
void ReduceOfOneRow(benchmark::State& state) {
  TableDescriptor table;
  table.id = TableId(7);
  table.columns.resize(3);
  const Type types[] = {Type::kInt4, Type::kInt4, Type::kVarchar};
  for (uint32_t i = 0; i < 3; ++i) {
    table.columns[i].id = i + 1;
    table.columns[i].type = types[i];
  }
  table.key = {0};
  Program program;
  program.table = table.id;
  program.columns.push_back({Type::kInt4, -1, 2, Datum()});
  program.calls.resize(2);
  program.calls[1].op = ReduceOp::kSum;
  program.calls[1].arg = MakeColumn(0, Type::kInt4);
  auto run = *TabletPrograms()->Start(EncodeProgram(program));
  const Row row = {Datum::Int(5), Datum::Int(1234), Datum::String(std::string(100, 'x'))};
  const std::string key = EncodeRowKey(table, row), value = EncodeRowValue(table, row);
  for (auto _ : state) ISO_CHECK(run->Add(key, value).ok(), "a good row");
}
BENCHMARK(ReduceOfOneRow);

}  // namespace
}  // namespace isochron::sql
