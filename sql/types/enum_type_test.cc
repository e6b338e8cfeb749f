// SPDX-License-Identifier: Apache-2.0
#include "sql/types/enum_type.h"

#include <set>

#include <gtest/gtest.h>

#include "sql/types/array.h"
#include "sql/types/error.h"
#include "sql/types/type_info.h"

namespace isochron::sql {
namespace {

EnumType Mood() {
  EnumType t;
  t.id = 7;
  t.oid = 23552;
  t.full_name = t.name = t.shown = "mood";
  t.array_name = "_mood";
  t.shown_array = "mood[]";
  t.labels = {{0, "sad"}, {10, "ok"}, {20, "happy"}};
  return t;
}

TEST(EnumTypeTest, IsATypeOfItsOwn) {
  const Type mood = TypeOfEnum(Mood());
  EXPECT_EQ(TypeOfEnum(Mood()), mood);
  EXPECT_TRUE(IsEnum(mood));
  EXPECT_FALSE(IsEnum(ArrayOf(mood)));
  EXPECT_FALSE(IsEnum(Type::kInt4));
  EXPECT_TRUE(IsReady(mood));
  EXPECT_FALSE(IsReady(Type::kEnum));
  EXPECT_EQ(ElementOf(ArrayOf(mood)), mood);
  EXPECT_EQ(ArrayElement(ArrayOf(mood)), mood);
  EXPECT_EQ(TypeName(mood), "mood");
  EXPECT_EQ(TypeName(ArrayOf(mood)), "mood[]");
  EXPECT_EQ(PgTypeName(ArrayOf(mood)), "_mood");
  EXPECT_EQ(OidOf(mood), 23552);
  EXPECT_EQ(OidOf(ArrayOf(mood)), 23553);
  EXPECT_EQ(CategoryOf(mood), 'E');
  EXPECT_EQ(CategoryOf(ArrayOf(mood)), 'A');
  EXPECT_EQ(ShapeOf(mood), Datum::Shape::kInt);
  EXPECT_EQ(EnumOf(Type::kEnum), nullptr);
  EXPECT_EQ(EnumOf(static_cast<Type>(0x7fffff00 | NumberOf(Type::kEnum))), nullptr);
}

TEST(EnumTypeTest, AnotherVersionIsAnotherType) {
  const Type mood = TypeOfEnum(Mood());
  std::set<Type> all = {mood};
  EnumType other = Mood();
  other.id = 8;
  EXPECT_TRUE(all.insert(TypeOfEnum(other)).second);
  other = Mood();
  other.full_name = "s.mood";
  EXPECT_TRUE(all.insert(TypeOfEnum(other)).second);
  other = Mood();
  other.labels.push_back({30, "great"});
  EXPECT_TRUE(all.insert(TypeOfEnum(other)).second);
  other = Mood();
  other.labels[1].place = 11;
  EXPECT_TRUE(all.insert(TypeOfEnum(other)).second);
  // What one knows, the others do not.
  EXPECT_EQ(EnumOf(mood)->labels.size(), 3u);
}

TEST(EnumTypeTest, ValuesAreLabelsInTheirOrder) {
  const Type mood = TypeOfEnum(Mood());
  const Datum sad = *DatumFromText(mood, "sad"), happy = *DatumFromText(mood, "happy");
  EXPECT_LT(CompareDatums(sad, happy), 0);
  EXPECT_EQ(DatumToText(mood, happy), "happy");
  EXPECT_EQ(DatumToSql(mood, happy), "'happy'");
  // One that another version has: shown as it is held.
  EXPECT_EQ(DatumToText(mood, Datum::Int(15)), "15");
  for (const char* bad : {"great", "Sad", " sad", ""}) {
    auto d = DatumFromText(mood, bad);
    EXPECT_EQ(SqlStateOf(d.status()), "22P02") << bad;
    EXPECT_EQ(d.status().message(),
              std::string("invalid input value for enum mood: \"") + bad + "\"");
  }
  const Type moods = ArrayOf(mood);
  const Datum both = *DatumFromText(moods, "{happy,NULL,sad}");
  EXPECT_EQ(DatumToText(moods, both), "{happy,NULL,sad}");
  EXPECT_EQ(SqlStateOf(DatumFromText(moods, "{happy,x}").status()), "22P02");
}

TEST(EnumTypeTest, ALabelGoesBetweenTwoOthersUntilThereIsNoPlace) {
  std::vector<EnumLabel> labels;
  for (const char* name : {"a", "b", "c"}) {
    labels.push_back({*PlaceForLabel(labels, labels.size()), name});
  }
  const int64_t first = *PlaceForLabel(labels, 0);
  EXPECT_LT(first, labels[0].place);
  // Always behind the first: the place halves.
  int added = 0;
  for (;; ++added) {
    auto place = PlaceForLabel(labels, 1);
    if (!place.ok()) {
      EXPECT_EQ(SqlStateOf(place.status()), "54000");
      break;
    }
    ASSERT_GT(*place, labels[0].place);
    ASSERT_LT(*place, labels[1].place);
    labels.insert(labels.begin() + 1, {*place, "n"});
  }
  EXPECT_EQ(added, 32);
  EXPECT_TRUE(PlaceForLabel(labels, labels.size()).ok());
}

}  // namespace
}  // namespace isochron::sql
