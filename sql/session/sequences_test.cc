// SPDX-License-Identifier: Apache-2.0
//
// Sequences over several nodes, retries and replays.
#include <string>

#include <gtest/gtest.h>

#include "sql/testing/nodes_test_case.h"

namespace isochron::sql {
namespace {

using SequencesTest = testing::NodesTestCase;

TEST_F(SequencesTest, NodesTakeBlocksOfTheirOwn) {
  EXPECT_EQ(Run(0, "CREATE SEQUENCE s"), "");
  EXPECT_EQ(Run(0, "SELECT nextval('s')"), "1");
  EXPECT_EQ(Run(1, "SELECT nextval('s')"), "1001");
  u_.store.counts = {};
  EXPECT_EQ(Run(0, "SELECT nextval('s'), nextval('s')"), "2,3");
  EXPECT_EQ(u_.store.counts.gets, 0);
  EXPECT_EQ(Run(1, "SELECT nextval('s')"), "1002");
}

TEST_F(SequencesTest, ACacheOfOneIsInTheOrderOfTheCalls) {
  EXPECT_EQ(Run(0, "CREATE SEQUENCE s CACHE 1"), "");
  EXPECT_EQ(Run(0, "SELECT nextval('s')"), "1");
  EXPECT_EQ(Run(1, "SELECT nextval('s')"), "2");
  EXPECT_EQ(Run(0, "SELECT nextval('s')"), "3");
  EXPECT_EQ(Run(0, "CREATE TABLE t (id bigint DEFAULT nextval('s') PRIMARY KEY, v bigint)"), "");
  // As many as its rows, in one commit.
  u_.store.counts = {};
  EXPECT_EQ(Run(1, "INSERT INTO t (v) VALUES (1), (2), (3) RETURNING id"), "4,5,6");
  EXPECT_EQ(u_.store.counts.commits, 2);
  EXPECT_EQ(Run(0, "SELECT nextval('s')"), "7");
}

TEST_F(SequencesTest, SetvalVoidsTheBlocksOfOtherNodes) {
  EXPECT_EQ(Run(0, "CREATE SEQUENCE s"), "");
  EXPECT_EQ(Run(0, "SELECT nextval('s')"), "1");
  EXPECT_EQ(Run(1, "SELECT nextval('s')"), "1001");
  EXPECT_EQ(Run(0, "SELECT setval('s', 5000)"), "5000");
  EXPECT_EQ(Run(1, "SELECT nextval('s')"), "5001");
  EXPECT_EQ(Run(0, "SELECT nextval('s')"), "6001");
  // Where nobody else holds a block, nothing is waited for.
  EXPECT_EQ(Run(0, "CREATE SEQUENCE alone"), "");
  EXPECT_EQ(Run(0, "SELECT nextval('alone')"), "1");
  const Micros before = u_.executor.MonotonicNow();
  EXPECT_EQ(Run(0, "SELECT setval('alone', 10)"), "10");
  EXPECT_LT(u_.executor.MonotonicNow() - before, 100'000);
  EXPECT_EQ(Run(0, "SELECT nextval('alone')"), "11");
}

TEST_F(SequencesTest, ASetvalThatWasGivenUpLeavesNoBlockTrusted) {
  EXPECT_EQ(Run(0, "CREATE SEQUENCE s"), "");
  EXPECT_EQ(Run(1, "SELECT nextval('s')"), "1");
  // It has committed, and its client does not wait for the other node's lease.
  CollectingSink sink;
  EXPECT_FALSE(
      u_.Run(sessions_[0]->Execute(u_.NewContext(100'000), "SELECT setval('s', 5000)", {}, &sink))
          .ok());
  EXPECT_EQ(Run(0, "SELECT setval('s', 6000)"), "6000");
  EXPECT_EQ(Run(1, "SELECT nextval('s')"), "6001");
}

TEST_F(SequencesTest, ABlockIsLookedAtAgainAfterItsLease) {
  EXPECT_EQ(Run(0, "CREATE SEQUENCE s"), "");
  EXPECT_EQ(Run(0, "SELECT nextval('s')"), "1");
  u_.executor.Advance(5'000'000);
  EXPECT_EQ(Run(0, "SELECT nextval('s')"), "2");
  // A restart on the other node, which holds no block.
  EXPECT_EQ(Run(1, "ALTER SEQUENCE s RESTART WITH 50"), "");
  EXPECT_EQ(Run(0, "SELECT nextval('s')"), "50");
}

TEST_F(SequencesTest, WhatIsRolledBackIsAGap) {
  EXPECT_EQ(Run(0, "CREATE TABLE t (id serial PRIMARY KEY, v bigint)"), "");
  EXPECT_EQ(Run(0, "BEGIN"), "");
  EXPECT_EQ(Run(0, "INSERT INTO t (v) VALUES (1) RETURNING id"), "1");
  EXPECT_EQ(Run(0, "ROLLBACK"), "");
  EXPECT_EQ(Run(0, "INSERT INTO t (v) VALUES (1) RETURNING id"), "2");
}

TEST_F(SequencesTest, ARetryDrawsTheSameValues) {
  EXPECT_EQ(Run(0, "CREATE TABLE t (id serial PRIMARY KEY, v bigint)"), "");
  EXPECT_EQ(Run(0, "INSERT INTO t (v) VALUES (0) RETURNING id"), "1");
  u_.store.abort_commits = 2;
  EXPECT_EQ(Run(0, "INSERT INTO t (v) VALUES (1), (2) RETURNING id"), "2,3");
  EXPECT_EQ(Run(0, "INSERT INTO t (v) VALUES (3) RETURNING id"), "4");
}

TEST_F(SequencesTest, AReplayShowsTheSameValues) {
  EXPECT_EQ(Run(0, "CREATE TABLE t (id serial PRIMARY KEY, v bigint)"), "");
  EXPECT_EQ(Run(0, "INSERT INTO t (v) VALUES (0) RETURNING id"), "1");
  auto txn = sessions_[0]->Begin(u_.NewContext(), TransactionOptions());
  ASSERT_TRUE(txn.ok());
  EXPECT_EQ(In(txn->get(), "SELECT currval('t_id_seq')"), "1");
  EXPECT_EQ(In(txn->get(), "INSERT INTO t (v) VALUES (1), (2) RETURNING id"), "2,3");
  EXPECT_EQ(In(txn->get(), "SELECT currval('t_id_seq'), lastval()"), "3,3");
  EXPECT_EQ(In(txn->get(), "SELECT nextval('t_id_seq')"), "4");
  u_.store.abort_commits = 1;
  auto committed = u_.Run((*txn)->Commit(u_.NewContext()));
  EXPECT_TRUE(committed.ok()) << committed.status();
  EXPECT_EQ(u_.store.counts.retries, 1);
  EXPECT_EQ(Run(1, "SELECT id FROM t"), "1,2,3");
}

TEST_F(SequencesTest, AnUnknownOutcomeCostsABlock) {
  EXPECT_EQ(Run(0, "CREATE SEQUENCE s"), "");
  u_.store.unknown_commits = 1;
  EXPECT_EQ(Run(0, "SELECT nextval('s')"), "1001");
}

TEST_F(SequencesTest, ATransactionDrawsSoManyAndNoMore) {
  EXPECT_EQ(Run(0, "CREATE SEQUENCE s"), "");
  // A block is as long as what was drawn before it: a statement runs again only a few times.
  u_.store.counts = {};
  EXPECT_EQ(Run(0, "SELECT count(nextval('s')) FROM generate_series(1, 50000)"), "50000");
  EXPECT_LT(u_.store.counts.commits, 12);
  EXPECT_EQ(Run(0, "SELECT count(nextval('s')) FROM generate_series(1, 1048577)"), "54000");
}

TEST_F(SequencesTest, ReversedBitsSpread) {
  EXPECT_EQ(Run(0,
                "CREATE TABLE t (id bigint GENERATED BY DEFAULT AS IDENTITY "
                "(bit_reversed_positive) PRIMARY KEY, v text)"),
            "");
  EXPECT_EQ(Run(0, "INSERT INTO t (v) VALUES ('BIT_REVERSED_POSITIVE') RETURNING id, v"),
            "4611686018427387904,BIT_REVERSED_POSITIVE");
  EXPECT_EQ(Run(0, "INSERT INTO t (v) VALUES ('b') RETURNING id"), "2305843009213693952");
}

TEST_F(SequencesTest, ATableTakesItsSequencesAlong) {
  EXPECT_EQ(Run(0, "CREATE SEQUENCE t_id_seq"), "");
  EXPECT_EQ(Run(0, "CREATE TABLE t (id serial, v bigint)"), "");
  EXPECT_EQ(Run(0, "INSERT INTO t (v) VALUES (1) RETURNING id"), "1");
  EXPECT_EQ(Run(0, "SELECT nextval('t_id_seq1')"), "2");
  EXPECT_EQ(Run(0, "DROP TABLE t"), "");
  EXPECT_EQ(Run(0, "SELECT nextval('t_id_seq1')"), "42P01");
  EXPECT_EQ(Run(0, "SELECT nextval('t_id_seq')"), "1");
}

}  // namespace
}  // namespace isochron::sql
