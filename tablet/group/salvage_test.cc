// SPDX-License-Identifier: Apache-2.0
#include "tablet/group/salvage.h"

#include <gtest/gtest.h>

#include "storage/engine/key_space.h"
#include "storage/engine/mem_engine.h"
#include "storage/mvcc/mvcc.h"
#include "storage/mvcc/version_key.h"
#include "tablet/group/applied_state.h"

namespace isochron::tablet {
namespace {

class SalvageTest : public testing::Test {
 protected:
  void SetUp() override {
    storage::WriteBatch batch;
    batch.Put(storage::MetaKey("node.born"), "1");
    batch.Put(storage::MetaKey("z"), "last");
    AddGroup(1, "a", "m", &batch);
    AddGroup(2, "m", "", &batch);
    for (const char* key : {"b", "c", "n", "x"}) {
      storage::MvccStore::PutVersion(&batch, key, Timestamp(7), "value");
    }
    ASSERT_TRUE(from_.Write(std::move(batch)).ok());
  }
  static void AddGroup(uint64_t id, const std::string& start, const std::string& end,
                       storage::WriteBatch* batch) {
    peer::GroupDescriptor d;
    d.set_group(id);
    d.mutable_range()->set_start(start);
    d.mutable_range()->set_end(end);
    AppliedState::Initial(d, Timestamp(), 10).SaveAll(batch);
  }
  bool Has(const std::string& engine_key) {
    std::string value;
    return *to_.Get(engine_key, &value, nullptr);
  }

  storage::MemEngine from_;
  storage::MemEngine to_;
};

TEST_F(SalvageTest, LeavesOutWhatIsHurtAndNothingElse) {
  from_.Damage(storage::VersionKey("c", Timestamp(7)));
  auto hurt = FindHurtGroups(&from_);
  ASSERT_TRUE(hurt.ok()) << hurt.status();
  ASSERT_EQ(hurt->size(), 1u);
  EXPECT_TRUE(hurt->contains(GroupId(1)));
  ASSERT_TRUE(Salvage(&from_, *hurt, &to_).ok());
  EXPECT_FALSE(Has(storage::VersionKey("b", Timestamp(7))));
  EXPECT_TRUE(Has(storage::VersionKey("n", Timestamp(7))));
  EXPECT_TRUE(Has(storage::VersionKey("x", Timestamp(7))));
  EXPECT_TRUE(Has(storage::MetaKey("node.born")));
  EXPECT_TRUE(Has(storage::MetaKey("z")));
  EXPECT_TRUE(AppliedState::Load(&to_, GroupId(2)).ok());
  EXPECT_TRUE(absl::IsDataLoss(AppliedState::Load(&to_, GroupId(1)).status()));
  // A second look finds the same group, by its row.
  hurt = FindHurtGroups(&to_);
  ASSERT_TRUE(hurt.ok());
  EXPECT_EQ(hurt->size(), 1u);
}

TEST_F(SalvageTest, DamagedMetadataHurtsItsGroup) {
  from_.Damage(MetaPrefix(GroupId(2)) + "s");
  auto hurt = FindHurtGroups(&from_);
  ASSERT_TRUE(hurt.ok()) << hurt.status();
  ASSERT_EQ(hurt->size(), 1u);
  EXPECT_TRUE(hurt->contains(GroupId(2)));
  ASSERT_TRUE(Salvage(&from_, *hurt, &to_).ok());
  EXPECT_TRUE(Has(storage::VersionKey("b", Timestamp(7))));
  EXPECT_FALSE(Has(storage::VersionKey("n", Timestamp(7))));
}

TEST_F(SalvageTest, AWholeStoreIsCopied) {
  auto hurt = FindHurtGroups(&from_);
  ASSERT_TRUE(hurt.ok());
  EXPECT_TRUE(hurt->empty());
  ASSERT_TRUE(Salvage(&from_, *hurt, &to_).ok());
  storage::MvccStore a(&from_);
  storage::MvccStore b(&to_);
  EXPECT_EQ(*a.Digest(KeyRange{"", ""}), *b.Digest(KeyRange{"", ""}));
}

}  // namespace
}  // namespace isochron::tablet
