// UTF-8 against an independent encoder.
#include "core/base/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace layoutfs {
namespace {

std::string encode(unsigned code) {
  const auto tail = [&](int shift) { return static_cast<char>(0x80 | ((code >> shift) & 0x3f)); };
  if (code < 0x80) return {static_cast<char>(code)};
  if (code < 0x800) return {static_cast<char>(0xc0 | (code >> 6)), tail(0)};
  if (code < 0x10000) return {static_cast<char>(0xe0 | (code >> 12)), tail(6), tail(0)};
  return {static_cast<char>(0xf0 | (code >> 18)), tail(12), tail(6), tail(0)};
}

TEST(Utf8, EveryCharacterHasTheLengthOfItsEncodingAndSurrogatesHaveNone) {
  for (unsigned code = 0; code < 0x120000; ++code) {
    const auto text = encode(code);
    const bool is_character = code < 0x110000 && (code < 0xd800 || code > 0xdfff);
    ASSERT_EQ(utf8_length(text + "x"), is_character ? text.size() : 0) << code;
    ASSERT_EQ(utf8_length(std::string_view(text).substr(0, text.size() - 1)), 0u) << code;
  }
}

TEST(Utf8, OverlongFormsAreInvalid) {
  for (const char* text :
       {"\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf"})
    EXPECT_EQ(utf8_length(text), 0u);
}

TEST(Utf8, ATextIsValidWhereEachOfItsCharactersIs) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8(std::string_view("a\0b", 3)));
  EXPECT_TRUE(is_utf8("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z"));
  for (const char* text : {"\xff", "caf\xe9", "\xc3", "ok\xc3\xa9\xa9", "\x80z"})
    EXPECT_FALSE(is_utf8(text)) << text;
}

TEST(Utf8, WhatDrivesATerminalIsPrintedAsItsBytes) {
  EXPECT_EQ(printable("caf\xc3\xa9 a\\b"), "caf\xc3\xa9 a\\b");
  EXPECT_EQ(printable("a\x1b[31m\n\x7f"), "a\\x1b[31m\\x0a\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m \xe9"),
            "\\xc2\\x9b31m \\xe9");
}

}  // namespace
}  // namespace layoutfs
