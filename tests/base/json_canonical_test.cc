// JSON as Go's encoder writes it.
#include <gtest/gtest.h>

#include "core/base/json.h"

namespace layoutfs {
namespace {

std::string canonical(std::string_view text) {
  return canonical_json(JsonDocument::parse(as_bytes(text)).value().root());
}

TEST(CanonicalJson, SortsMembersAndWritesNoBlanks) {
  EXPECT_EQ(canonical(R"({ "b" : [1, 2.50, -0, true, null] , "a":{"z":"","y":{}} })"),
            "{\"a\":{\"y\":{},\"z\":\"\"},\"b\":[1,2.50,-0,true,null]}\n");
  // In the order of bytes: capitals first, a prefix before longer names.
  EXPECT_EQ(canonical(R"({"ab":1,"a":2,"B":3,"é":4})"), "{\"B\":3,\"a\":2,\"ab\":1,\"é\":4}\n");
}

TEST(CanonicalJson, EscapesWhatGoEscapes) {
  EXPECT_EQ(canonical(R"(["<a href=\"x\">&</a>","\u2028\u2029\u2027","\n\t\u0001\\/"])"),
            "[\"\\u003ca href=\\\"x\\\"\\u003e\\u0026\\u003c/a\\u003e\",\"\\u2028\\u2029\u2027\","
            "\"\\n\\t\\u0001\\\\/\"]\n");
  EXPECT_EQ(canonical(R"({"<":">"})"), "{\"\\u003c\":\"\\u003e\"}\n");
}

TEST(CanonicalJson, LeavesNoMemberOut) {
  const std::string_view text = R"({"b":1,"a":2,"b":3,"a":4,"b":5})";
  const auto document = JsonDocument::parse(as_bytes(text), {.are_names_unique = false}).value();
  EXPECT_EQ(canonical_json(document.root()), "{\"a\":2,\"a\":4,\"b\":1,\"b\":3,\"b\":5}\n");
}

TEST(CanonicalJson, EqualValuesHaveEqualTexts) {
  EXPECT_EQ(canonical("{\"a\":1,\"b\":{\"c\":[],\"d\":\"\\u0041\"}}"),
            canonical("{\"b\" : {\"d\":\"A\", \"c\":[ ]},\n\"a\":1}"));
  EXPECT_NE(canonical("[1,2]"), canonical("[2,1]"));
}

TEST(CanonicalJson, IsItsOwnCanonicalForm) {
  const std::string once = canonical(R"({"x":["<",{"b":1,"a":"\u2028"}]})");
  EXPECT_EQ(canonical(once), once);
}

}  // namespace
}  // namespace layoutfs
