#include "core/http/fields.h"

#include <gtest/gtest.h>

#include <string>

namespace layoutfs {
namespace {

TEST(HttpFields, TokensHaveNoSeparators) {
  for (const std::string text : {"GET", "Content-Range", "x!#$%&'*+-.^_`|~9"})
    EXPECT_TRUE(is_token(text)) << text;
  for (const std::string text : {"", "a b", "a:b", "a\n", "\"a\"", "\xc3\xa9"})
    EXPECT_FALSE(is_token(text)) << text;
}

TEST(HttpFields, ValuesHaveNoControlCharactersExceptTabs) {
  for (const std::string text : {"", "a b\tc", "\xc3\xa9"}) EXPECT_TRUE(is_field_value(text)) << text;
  for (const std::string text : {"a\r\nb", "\x7f", "\x01"}) EXPECT_FALSE(is_field_value(text)) << text;
  EXPECT_FALSE(is_field_value(std::string(1, '\0')));
}

TEST(HttpFields, NumbersAreDecimalDigitsAlone) {
  EXPECT_EQ(parse_decimal("0"), 0u);
  EXPECT_EQ(parse_decimal("18446744073709551615"), 18'446'744'073'709'551'615u);
  for (const std::string text : {"", "-1", "+1", " 1", "1 ", "1a", "0x1", "18446744073709551616"})
    EXPECT_FALSE(parse_decimal(text)) << text;
}

}  // namespace
}  // namespace layoutfs
