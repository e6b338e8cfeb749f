// SPDX-License-Identifier: Apache-2.0
#include "sim/workloads/single_statements.h"

#include "absl/strings/substitute.h"

namespace isochron::sim {
namespace {

// $0 and $1 are two ids, $2 an owner.
constexpr const char* kStatements[] = {
    // A row goes, and leaves its amount to another.
    "WITH gone AS (DELETE FROM sch WHERE id = $0 AND EXISTS (SELECT 1 FROM sch WHERE id = $1) "
    "RETURNING amount) UPDATE sch SET amount = amount + coalesce((SELECT amount FROM gone), 0) "
    "WHERE id = $1",
    "MERGE INTO sch t USING (SELECT d.id, d.by, d.goes FROM sch a JOIN sch b ON a.id = $0 AND b.id "
    "= $1, LATERAL (VALUES (a.id, 0, true), (b.id, a.amount, false)) d (id, by, goes)) d "
    "ON t.id = d.id WHEN MATCHED AND d.goes THEN DELETE "
    "WHEN MATCHED THEN UPDATE SET amount = t.amount + d.by",
    // A row comes, and takes half of another's.
    "WITH given AS (UPDATE sch SET amount = amount - amount / 2 WHERE id = $1 AND NOT EXISTS "
    "(SELECT 1 FROM sch WHERE id = $0) "
    "RETURNING (SELECT o.amount / 2 FROM sch o WHERE o.id = $1) AS half) "
    "INSERT INTO sch (id, owner, slot, amount) SELECT $0, $2, $0, half FROM given",
    "MERGE INTO sch t USING (SELECT d.id, d.by FROM sch b, LATERAL (VALUES (b.id, -(b.amount / "
    "2)), "
    "($0, b.amount / 2)) d (id, by) WHERE b.id = $1) d ON t.id = d.id "
    "WHEN MATCHED THEN UPDATE SET amount = t.amount + d.by "
    "WHEN NOT MATCHED THEN INSERT (id, owner, slot, amount) VALUES (d.id, $2, d.id, d.by)",
    "WITH given AS (UPDATE sch SET amount = amount - 7 WHERE id = $1 RETURNING id) "
    "INSERT INTO sch (id, owner, slot, amount) SELECT $0, $2, $0, 7 FROM given "
    "ON CONFLICT (id) DO UPDATE SET amount = sch.amount + excluded.amount",
    // Amounts change places.
    "UPDATE sch t SET amount = o.amount FROM sch o "
    "WHERE t.id IN ($0, $1) AND o.id IN ($0, $1) AND t.id <> o.id",
    "UPDATE sch t SET amount = t.amount + d.by FROM (SELECT d.id, d.by FROM sch a JOIN sch b "
    "ON a.id = $0 AND b.id = $1, LATERAL (VALUES ($0, -5), ($1, 5)) d (id, by)) d WHERE t.id = "
    "d.id",
    // Nothing of the amounts changes; indexes do.
    "UPDATE sch t SET owner = o.owner, slot = o.slot FROM sch o "
    "WHERE t.id IN ($0, $1) AND o.id IN ($0, $1) AND t.id <> o.id",
    "WITH one AS (UPDATE sch SET owner = $2 WHERE id = $0 RETURNING id), two AS (UPDATE sch SET "
    "owner = NULL WHERE id = $1 RETURNING id) SELECT count(*) FROM one, two",
    "MERGE INTO sch t USING (SELECT id, slot FROM sch WHERE owner = $2) d ON t.id = d.id "
    "WHEN MATCHED AND t.id % 2 = 0 THEN UPDATE SET slot = t.id WHEN MATCHED THEN DO NOTHING",
};

}  // namespace

std::string DrawSingleStatement(Random* random, int64_t rows, int64_t owners) {
  const int64_t one = random->Between(1, rows);
  int64_t two = random->Between(1, rows - 1);
  if (two >= one) ++two;
  constexpr size_t kCount = sizeof(kStatements) / sizeof(kStatements[0]);
  return absl::Substitute(kStatements[random->Below(kCount)], one, two, one % owners);
}

}  // namespace isochron::sim
