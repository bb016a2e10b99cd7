// The words of filters: the cases of containerd's scanner tests, and others from its code.
#include "core/names/filter_scanner.h"

#include <gmock/gmock.h>

#include <vector>

namespace layoutfs {
namespace {

using enum FilterToken;

struct Word {
  std::size_t position;
  FilterToken token;
  std::string text;
  friend bool operator==(const Word&, const Word&) = default;
  friend void PrintTo(const Word& word, std::ostream* out) {
    *out << word.position << " token " << static_cast<int>(word.token) << " '" << word.text << "'";
  }
};

struct Case {
  std::string input;
  std::vector<Word> words;  // without the end
  std::string error;
};

std::vector<Word> words_of(FilterScanner& scanner, std::size_t input_size) {
  std::vector<Word> words;
  for (std::size_t i = 0; i <= input_size; ++i) {
    const FilterWord word = scanner.scan();
    if (word.token == end) break;
    words.push_back({word.position, word.token, std::string(word.text)});
  }
  return words;
}

void check_cases(const std::vector<Case>& cases) {
  for (const Case& each : cases) {
    FilterScanner scanner(each.input);
    EXPECT_EQ(words_of(scanner, each.input.size()), each.words) << each.input;
    EXPECT_EQ(scanner.error(), each.error) << each.input;
    const FilterWord last = scanner.scan();
    EXPECT_EQ(last.token, end) << each.input;
    EXPECT_EQ(last.position, each.input.size()) << each.input;
  }
}

TEST(FilterScanner, TellsFieldsOperationsAndValuesApart) {
  check_cases({
      {"", {}, ""},
      {"name", {{0, field, "name"}}, ""},
      {"name==value,foo!=bar",
       {{0, field, "name"},
        {4, operation, "=="},
        {6, value, "value"},
        {11, separator, ","},
        {12, field, "foo"},
        {15, operation, "!="},
        {17, value, "bar"}},
       ""},
      {"name==value,labels.foo=value,other.bar~=match",
       {{0, field, "name"},
        {4, operation, "=="},
        {6, value, "value"},
        {11, separator, ","},
        {12, field, "labels"},
        {18, separator, "."},
        {19, field, "foo"},
        {22, operation, "="},
        {23, value, "value"},
        {28, separator, ","},
        {29, field, "other"},
        {34, separator, "."},
        {35, field, "bar"},
        {38, operation, "~="},
        {40, value, "match"}},
       ""},
      {"compound.labels==punctuated_value.foo-bar",
       {{0, field, "compound"},
        {8, separator, "."},
        {9, field, "labels"},
        {15, operation, "=="},
        {17, value, "punctuated_value.foo-bar"}},
       ""},
      {"path==a/b:c=d|e", {{0, field, "path"}, {4, operation, "=="}, {6, value, "a/b:c=d|e"}}, ""},
      {"a!~==~b", {{0, field, "a"}, {1, operation, "!~==~"}, {6, value, "b"}}, ""},
      {"a-b", {{0, field, "a"}, {1, other, ""}, {2, field, "b"}}, ""},
  });
}

TEST(FilterScanner, TakesPatternsWithAndWithoutQuotes) {
  const std::vector<Word> rest{
      {0, separator, ","}, {1, field, "foo"}, {4, operation, "="}, {5, value, "test"}};
  const auto with_rest = [&](std::vector<Word> words, std::size_t at) {
    for (Word word : rest) words.push_back({word.position + at, word.token, word.text});
    return words;
  };
  const auto pattern = [&](const std::string& text, FilterToken token) {
    return Case{"name~=" + text + ",foo=test",
                with_rest({{0, field, "name"}, {4, operation, "~="}, {6, token, text}}, 6 + text.size()), ""};
  };
  check_cases({pattern("[abc]+", value), pattern("[abc]\\+", value), pattern("/[abc]{0,2}/", quoted),
               pattern("\u725b", value), pattern("|\u725b|", quoted), pattern("/foo\\/bar/", quoted),
               pattern("|foo/bar|", quoted), pattern("\"asdf\\n\\tfooo\"", quoted)});
}

TEST(FilterScanner, SkipsBlanks) {
  check_cases({
      {"foo = bar    ", {{0, field, "foo"}, {4, operation, "="}, {6, value, "bar"}}, ""},
      {"\t\n\v\f\r foo\u0085==\u00a0\u2003\u3000bar",
       {{6, field, "foo"}, {11, operation, "=="}, {21, value, "bar"}},
       ""},
      {"    ", {}, ""},
  });
}

TEST(FilterScanner, GoesOnWithWhatIsNoFilter) {
  check_cases({
      {"interrupted=", {{0, field, "interrupted"}, {11, operation, "="}}, ""},
      {"doublevalue=value value",
       {{0, field, "doublevalue"}, {11, operation, "="}, {12, value, "value"}, {18, field, "value"}},
       ""},
      {"\"leading quote\".postquote==value",
       {{0, quoted, "\"leading quote\""},
        {15, separator, "."},
        {16, field, "postquote"},
        {25, operation, "=="},
        {27, value, "value"}},
       ""},
      {"input==,id!=ff",
       {{0, field, "input"},
        {5, operation, "=="},
        {7, separator, ","},
        {8, field, "id"},
        {10, operation, "!="},
        {12, value, "ff"}},
       ""},
      {"a==\x01z", {{0, field, "a"}, {1, operation, "=="}, {3, value, "\x01z"}}, ""},
      {"a==z\x7fy",
       {{0, field, "a"}, {1, operation, "=="}, {3, value, "z"}, {4, other, ""}, {5, field, "y"}},
       ""},
      {"a==z\u200dy",  // a format character is not graphic
       {{0, field, "a"}, {1, operation, "=="}, {3, value, "z"}, {4, other, ""}, {7, field, "y"}},
       ""},
  });
}

TEST(FilterScanner, NamesTheFirstThingThatIsIllegal) {
  using namespace std::string_literals;
  check_cases({
      {"foo\0bar"s, {{0, field, "foo"}, {3, illegal, ""}, {4, field, "bar"}}, "unexpected null"},
      {"foo\xff\xfe", {{0, field, "foo"}, {3, illegal, ""}, {4, illegal, ""}}, "rune error"},
      {"foo\ufffd", {{0, field, "foo"}, {3, illegal, ""}}, "rune error"},
      {"labels.containerd.io/key==value",
       {{0, field, "labels"},
        {6, separator, "."},
        {7, field, "containerd"},
        {17, separator, "."},
        {18, field, "io"},
        {20, illegal, "/key==value"}},
       "quoted literal not terminated"},
      {"labels.\"containerd.io\nkey\"==value",
       {{0, field, "labels"},
        {6, separator, "."},
        {7, illegal, "\"containerd.io\n"},
        {22, field, "key"},
        {25, illegal, "\"==value"}},
       "quoted literal not terminated"},
      {"labels.\"\\g\"",
       {{0, field, "labels"}, {6, separator, "."}, {7, illegal, "\"\\g\""}},
       "illegal escape sequence"},
      {"labels.\"\\xaz\"",
       {{0, field, "labels"}, {6, separator, "."}, {7, illegal, "\"\\xaz\""}},
       "illegal numeric escape sequence"},
      {"\"a\0b\""s, {{0, illegal, "\"a\0"s}, {3, field, "b"}, {4, illegal, "\""}}, "unexpected null"},
      {"\"\\", {{0, illegal, "\"\\"}}, "illegal escape sequence"},
      {"\"\\12\"", {{0, illegal, "\"\\12\""}}, "illegal numeric escape sequence"},
      {"\"\\u12\"\"", {{0, illegal, "\"\\u12\""}, {6, illegal, "\""}}, "illegal numeric escape sequence"},
      {"/a\\|/", {{0, illegal, "/a\\|/"}}, "illegal escape sequence"},
  });
}

TEST(FilterScanner, PeekingChangesNothing) {
  FilterScanner scanner("a .b");
  EXPECT_EQ(scanner.peek().bytes, "a");
  EXPECT_EQ(scanner.scan().text, "a");
  EXPECT_EQ(scanner.position(), 1u);
  EXPECT_EQ(scanner.peek().bytes, " ");
  EXPECT_EQ(scanner.position(), 1u);
  EXPECT_EQ(scanner.scan().text, ".");
  EXPECT_EQ(scanner.scan().text, "b");
  EXPECT_TRUE(scanner.peek().is_end());
}

TEST(FilterScanner, ReplacesEscapesAsGoDoes) {
  using namespace std::string_literals;
  const std::vector<std::pair<std::string, std::optional<std::string>>> cases{
      {"\"\"", ""},
      {"\"plain /|\"", "plain /|"},
      {"\"\\a\\b\\f\\n\\r\\t\\v\\\\\\\"\"", "\a\b\f\n\r\t\v\\\""},
      {"/a\\/b|/", "a/b|"},
      {"|a\\|b/|", "a|b/"},
      {"\"\\x41\\101\\u0041\\U00000041\"", "AAAA"},
      {"\"\\xff\\377\"", "\xff\xff"},
      {"\"\\x00\"", "\0"s},
      {"\"\\u00e9\\u725b\\U0001f600\"", "\u00e9\u725b\U0001f600"},
      {"\"\\ud800\"", "\ufffd"},
      {"\"\\400\"", std::nullopt},
      {"\"\\U00110000\"", std::nullopt},
      {"\"", std::nullopt},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(unquoted(text), expected) << text;
}

}  // namespace
}  // namespace layoutfs
