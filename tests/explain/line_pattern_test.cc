// Patterns of grep(1). tests/e2e/grep.sh compares them with grep(1) itself.
#include "core/explain/line_pattern.h"

#include <gtest/gtest.h>
#include <regex.h>

#include <random>

namespace layoutfs {
namespace {

using enum PatternSyntax;

bool matches(const std::string& pattern, const std::string& line, const PatternOptions& options = {}) {
  const auto compiled = LinePattern::compile({pattern}, options);
  EXPECT_TRUE(compiled) << pattern << ": " << compiled.error().message();
  return compiled && compiled->find_line(line + "\n", 0) == 0u;
}

std::string error_of(const std::string& pattern, PatternSyntax syntax = basic) {
  const auto compiled = LinePattern::compile({pattern}, {.syntax = syntax});
  return compiled ? "none" : compiled.error().message();
}

TEST(LinePattern, BasicAndExtendedSyntax) {
  EXPECT_TRUE(matches("a+b", "a+b"));
  EXPECT_FALSE(matches("a+b", "aab"));
  EXPECT_TRUE(matches("a\\+b", "aab"));
  EXPECT_TRUE(matches("a+b", "aab", {.syntax = extended}));
  EXPECT_TRUE(matches("a\\+b", "a+b", {.syntax = extended}));
  EXPECT_TRUE(matches("\\(a\\|b\\)\\{2\\}c", "abc"));
  EXPECT_TRUE(matches("(a|b){2}c", "abc", {.syntax = extended}));
  EXPECT_TRUE(matches("(a|b)", "x(a|b)"));
  EXPECT_TRUE(matches("*a", "*a"));
  EXPECT_TRUE(matches("^*a", "*a"));
  EXPECT_TRUE(matches("a^b$c", "a^b$c"));
  EXPECT_TRUE(matches("\\(^a$\\)", "a"));
  EXPECT_TRUE(matches("a{,2}b", "ab", {.syntax = extended}));
  EXPECT_TRUE(matches("a.c", "xabcx", {.syntax = extended}));
  EXPECT_FALSE(matches("a.c", "abc", {.syntax = fixed}));
  EXPECT_TRUE(matches("a.c\\", "xa.c\\", {.syntax = fixed}));
}

TEST(LinePattern, Brackets) {
  EXPECT_TRUE(matches("[\\]", "\\"));
  EXPECT_FALSE(matches("^[\\n]$", "\t"));
  EXPECT_TRUE(matches("^[\\n]$", "n"));
  EXPECT_TRUE(matches("^[]a]*$", "]a"));
  EXPECT_TRUE(matches("^[^]a]$", "b"));
  EXPECT_TRUE(matches("^[[:digit:]x-]*$", "4-x"));
  EXPECT_TRUE(matches("^[[]$", "["));
}

TEST(LinePattern, WordsLinesAndCase) {
  EXPECT_TRUE(matches("foo", "a foo.b", {.is_word = true}));
  EXPECT_FALSE(matches("foo", "foobar afoo foo_", {.is_word = true}));
  EXPECT_TRUE(matches("foo", "foobar foo", {.is_word = true}));
  EXPECT_TRUE(matches("@foo", "x @foo", {.is_word = true}));
  EXPECT_FALSE(matches("foo", "foo ", {.is_line = true}));
  EXPECT_TRUE(matches("foo|f", "foo", {.syntax = extended, .is_line = true}));
  EXPECT_TRUE(matches("FoO", "fOo", {.ignores_case = true}));
  EXPECT_TRUE(matches("\\<foo\\>", "a foo"));
  EXPECT_TRUE(matches("\\bfoo\\B", "food"));
  EXPECT_TRUE(matches("\xc3\x84", "x\xc3\xa4", {.ignores_case = true}));
  EXPECT_FALSE(matches("^.$", "\xc3\xa4"));
  EXPECT_TRUE(matches("^[\xc3\xa4]$", "\xc3\xa4"));
  EXPECT_TRUE(matches("\xff", "a\xff"));
}

TEST(LinePattern, SeveralPatterns) {
  const auto compiled = LinePattern::compile({"a\nb", "c"}, {.is_line = true});
  ASSERT_TRUE(compiled);
  for (const char* line : {"a", "b", "c"}) EXPECT_EQ(compiled->find_line(line, 0), 0u) << line;
  EXPECT_FALSE(compiled->find_line("ab\nbc", 0));
}

TEST(LinePattern, LinesAreFoundInTurn) {
  const auto compiled = LinePattern::compile({"^b*$"}, {});
  ASSERT_TRUE(compiled);
  const std::string lines = "a\nb\n\nab\nbb";
  EXPECT_EQ(compiled->find_line(lines, 0), 2u);
  EXPECT_EQ(compiled->find_line(lines, 4), 4u);
  EXPECT_EQ(compiled->find_line(lines, 5), 8u);
  EXPECT_FALSE(compiled->find_line(lines, lines.size()));
  // There is no line after the last '\n'.
  EXPECT_FALSE(compiled->find_line("a\n", 2));
  EXPECT_FALSE(compiled->find_line("a\n", 0));
  EXPECT_FALSE(LinePattern::compile({"a[^x]b"}, {})->find_line("a\nb", 0));
}

TEST(LinePattern, MatchesInALine) {
  const auto in = [](const std::vector<std::string>& patterns, const PatternOptions& options,
                     std::string_view line) {
    std::string all;
    const auto compiled = LinePattern::compile(patterns, options);
    for (const std::string_view match : compiled->matches_in(line)) all += "[" + std::string(match) + "]";
    return all;
  };
  EXPECT_EQ(in({"a", "ab"}, {}, "xabxa"), "[ab][a]");
  EXPECT_EQ(in({"a*"}, {}, "baab"), "[aa]");
  EXPECT_EQ(in({"a\\(b\\)c", "d"}, {}, "abcd"), "[abc][d]");
  EXPECT_EQ(in({"a"}, {.is_word = true}, "a a,aa a"), "[a][a][a]");
  EXPECT_EQ(in({"a.", "\\(b\\)"}, {.is_word = true}, "ab b"), "[ab][b]");
  EXPECT_EQ(in({"[0-9]*"}, {.is_word = true}, "x  12"), "[12]");
  EXPECT_EQ(in({"@"}, {.is_word = true}, "@@"), "[@][@]");
  EXPECT_EQ(in({",", " b"}, {.is_word = true}, ", b"), "[,][ b]");
  EXPECT_EQ(in({"[a ]*"}, {.is_word = true}, "xa a ab"), "[a]");
  EXPECT_EQ(in({"a*"}, {.is_line = true}, "aa"), "[aa]");
  EXPECT_EQ(in({"^a"}, {}, "aaa"), "[a]");
  EXPECT_EQ(in({"A"}, {.ignores_case = true}, "aA"), "[a][A]");
  EXPECT_EQ(in({""}, {}, "abc"), "");
  EXPECT_EQ(in({"é"}, {}, "éaé"), "[é][é]");
}

TEST(LinePattern, MistakesNameThePattern) {
  EXPECT_EQ(error_of("\\(a\\)\\1"), "pattern '\\(a\\)\\1': back references are not supported");
  EXPECT_TRUE(error_of("\\(a").starts_with("pattern '\\(a': "));
  EXPECT_TRUE(error_of("(a", extended).starts_with("pattern '(a': "));
  EXPECT_TRUE(error_of("[a").starts_with("pattern '[a': "));
  EXPECT_TRUE(error_of("a\\").starts_with("pattern 'a\\': "));
  EXPECT_TRUE(error_of("(((a{1000}){1000}){1000})", extended).starts_with("pattern '"));
  EXPECT_EQ(error_of("(a", basic), "none");
}

// The regular expressions of the C library, in the C locale.
TEST(LinePattern, RandomPatternsAgreeWithTheCLibrary) {
  const auto seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto pick = [&](const auto& some) { return std::string(some[random() % std::size(some)]); };
  constexpr const char* kAtoms[] = {"a", "b", ".", "[ab]", "[^a]", "[\\a]",
                                    "^", "$", "c", " ",    "\\.",  "[[:space:]]"};
  constexpr const char* kBasic[] = {"", "", "", "*", "\\+", "\\?", "\\{1,2\\}", "+", "|"};
  constexpr const char* kExtended[] = {"", "", "", "*", "+", "?", "{1,2}", "{2}"};
  int compared = 0;
  for (int round = 0; round < 2000; ++round) {
    const bool is_extended = round % 2 == 0;
    std::string pattern;
    for (auto atoms = 1 + random() % 4; atoms > 0; --atoms) {
      const std::string atom = pick(kAtoms);
      // A repetition of an anchor has no defined meaning.
      const bool is_anchor = atom == "^" || atom == "$";
      pattern += atom + (is_anchor ? "" : is_extended ? pick(kExtended) : pick(kBasic));
    }
    regex_t expression;
    if (::regcomp(&expression, pattern.c_str(), is_extended ? REG_EXTENDED : 0) != 0) continue;
    for (int text = 0; text < 10; ++text) {
      std::string line;
      for (auto letters = random() % 6; letters > 0; --letters) line += "aabc ^$.|\\+"[random() % 11];
      regmatch_t match;
      const bool expected = ::regexec(&expression, line.c_str(), 1, &match, 0) == 0;
      const PatternOptions options{.syntax = is_extended ? extended : basic};
      EXPECT_EQ(matches(pattern, line, options), expected) << "'" << pattern << "' in '" << line << "'";
      const auto found = LinePattern::compile({pattern}, options)->matches_in(line);
      if (expected && match.rm_eo > match.rm_so) {
        ASSERT_FALSE(found.empty()) << "'" << pattern << "' in '" << line << "'";
        EXPECT_EQ(found[0].data() - line.data(), match.rm_so) << "'" << pattern << "' in '" << line << "'";
        EXPECT_EQ(found[0].size(), static_cast<std::size_t>(match.rm_eo - match.rm_so))
            << "'" << pattern << "' in '" << line << "'";
      }
      ++compared;
    }
    ::regfree(&expression);
  }
  EXPECT_GT(compared, 10'000);
}

}  // namespace
}  // namespace layoutfs
