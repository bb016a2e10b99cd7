#include "core/commit/object_edit.h"

#include <gtest/gtest.h>

namespace layoutfs {
namespace {

std::string edited(const ObjectEdit& edit, std::string_view object) {
  const auto document = JsonDocument::parse(as_bytes(object));
  JsonWriter json;
  edit.write(json, document->root());
  return json.str();
}

TEST(ObjectEdit, ASetMemberKeepsItsPlaceAndOthersKeepTheirText) {
  EXPECT_EQ(edited(ObjectEdit().set("b", "new"), R"({"z":1.50,"b":{"c":[]},"a":null})"),
            R"({"z":1.50,"b":"new","a":null})");
}

TEST(ObjectEdit, ANewMemberIsTheLast) {
  EXPECT_EQ(edited(ObjectEdit().set("n", "1").set("o", "2"), R"({"z":0})"), R"({"z":0,"n":"1","o":"2"})");
}

TEST(ObjectEdit, ARemovedMemberIsGone) {
  EXPECT_EQ(edited(ObjectEdit().remove("b").remove("none"), R"({"a":1,"b":2})"), R"({"a":1})");
}

TEST(ObjectEdit, AMemberInAnotherCaseIsReplacedOnce) {
  EXPECT_EQ(edited(ObjectEdit().set("Env", "x"), R"({"env":1,"ENV":2,"a":3})"), R"({"Env":"x","a":3})");
}

TEST(ObjectEdit, AnotherValueCountsAsAnEmptyObject) {
  EXPECT_EQ(edited(ObjectEdit().set("a", "x"), "null"), R"({"a":"x"})");
}

}  // namespace
}  // namespace layoutfs
