// JSON that this program writes.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "core/base/json.h"

namespace layoutfs {
namespace {

TEST(JsonWriter, NestsObjectsAndArrays) {
  JsonWriter json;
  json.begin_object().key("a").begin_array().integer(1).boolean(false).null().begin_object().end_object();
  json.end_array().key("b").string("x").key("c").begin_array().end_array().end_object();
  EXPECT_EQ(json.str(), R"({"a":[1,false,null,{}],"b":"x","c":[]})");
}

TEST(JsonWriter, IndentsByTwoSpaces) {
  JsonWriter json(JsonWriter::Style::indented);
  json.begin_object().key("a").begin_array().integer(1).integer(2).end_array().key("b").begin_object();
  json.end_object().end_object();
  EXPECT_EQ(json.str(), "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {}\n}");
}

TEST(JsonWriter, WhatItEscapesIsReadBackAsItWas) {
  std::string text = "\"\\/\b\f\n\r\t\x7f caf\xc3\xa9 \xf0\x9f\x98\x80";
  for (char c = 0; c < 0x20; ++c) text += c;
  JsonWriter json;
  json.begin_object().key(text).string(text).end_object();
  const auto document = JsonDocument::parse(as_bytes(json.str()));
  ASSERT_TRUE(document) << json.str();
  EXPECT_EQ(document->root().name_at(0), text);
  EXPECT_EQ(document->root().at(0).as_string(), text);
}

TEST(JsonWriter, BytesThatAreNotUtf8BecomeReplacementCharacters) {
  JsonWriter json;
  json.string("a\xff\xc3(\xed\xa0\x80z");
  EXPECT_EQ(json.str(), "\"a\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\"");
}

TEST(JsonWriter, CopiesExistingValuesWhole) {
  const std::string text = R"({"a":[1,-2.5,18446744073709551615,true,null,"q\"\u0001"],"b":{}})";
  const auto document = JsonDocument::parse(as_bytes(text)).value();
  JsonWriter json;
  json.begin_array().value(document.root()).value(document.root()).end_array();
  EXPECT_EQ(json.str(), "[" + text + "," + text + "]");
}

// Plain text is copied eight bytes at a time.
TEST(JsonWriter, EscapesAtEveryPositionOfAWord) {
  for (std::size_t size = 1; size < 20; ++size)
    for (std::size_t at = 0; at < size; ++at)
      for (const auto& [special, escaped] :
           std::vector<std::pair<std::string, std::string>>{{"\"", "\\\""},
                                                            {"\\", "\\\\"},
                                                            {"\x1f", "\\u001f"},
                                                            {"\xff", "\xef\xbf\xbd"},
                                                            {"\x7f", "\x7f"}}) {
        const std::string front(at, ' '), back(size - at - 1, '!');
        JsonWriter json;
        json.string(front + special + back);
        EXPECT_EQ(json.str(), "\"" + front + escaped + back + "\"");
      }
}

TEST(JsonWriter, ThePiecesTogetherAreTheDocument) {
  JsonWriter whole, pieces;
  std::string text;
  whole.begin_array();
  pieces.begin_array();
  for (int i = 0; i < 5; ++i) {
    whole.begin_object().key("i").integer(i).end_object();
    pieces.begin_object().key("i").integer(i).end_object();
    if (i % 2 == 0) continue;
    EXPECT_GT(pieces.size(), 0u);
    text += pieces.take();
    EXPECT_EQ(pieces.size(), 0u);
  }
  EXPECT_EQ(text + pieces.end_array().take(), whole.end_array().str());
}

TEST(JsonWriter, EndingWhatWasNotBegunIsAProgrammingError) {
  EXPECT_DEATH(JsonWriter().end_array(), "JSON objects and arrays are balanced");
  EXPECT_DEATH(JsonWriter().begin_array().key("x"), "stands in an object");
}

}  // namespace
}  // namespace layoutfs
