// Matching lines of content in pieces, and of binary files.
#include "core/explain/line_search.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace layoutfs {
namespace {

const LinePattern& foo() {
  static const LinePattern pattern = LinePattern::compile({"foo"}, {}).value();
  return pattern;
}

struct Outcome {
  std::string lines;  // "1:foo 3:xfoo"
  bool is_binary, has_matched;
};

Outcome search(const std::string& content, std::size_t piece, const SearchOptions& options = {},
               const LinePattern& pattern = foo()) {
  std::string lines;
  LineSearch searching(pattern, options, [&](const LineSearch::Line& line) {
    lines += (lines.empty() ? "" : " ") + std::to_string(line.number) + (line.is_selected ? ":" : "-") +
             std::string(line.text);
    return true;
  });
  bool goes_on = true;
  for (std::size_t at = 0; at < content.size() && goes_on; at += piece)
    goes_on = searching.feed(std::string_view(content).substr(at, piece));
  if (goes_on) searching.finish();
  return {lines, searching.is_binary(), searching.has_matched()};
}

// The model: divides the content into lines first.
std::string expected_lines(const std::string& content, const SearchOptions& options) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < content.size(); at += lines.back().size() + 1)
    lines.push_back(content.substr(at, content.find('\n', at) - at));
  std::vector<bool> is_selected, is_near(lines.size());
  std::uint64_t selected = 0;
  for (std::size_t at = 0; at < lines.size(); ++at) {
    const bool is_match = lines[at].contains("foo") != options.is_inverted;
    is_selected.push_back(is_match && selected < options.most);
    if (is_selected[at]) {
      ++selected;
      for (std::size_t near = at - std::min<std::size_t>(at, options.before); near < at; ++near)
        is_near[near] = true;
    }
    for (std::size_t last = at; last-- > 0 && at - last <= options.after;)
      if (is_selected[last]) is_near[at] = true;
  }
  std::string all;
  for (std::size_t at = 0; at < lines.size(); ++at)
    if (is_selected[at] || is_near[at])
      all += (all.empty() ? "" : " ") + std::to_string(at + 1) + (is_selected[at] ? ":" : "-") + lines[at];
  return all;
}

TEST(LineSearch, LinesHaveNumbers) {
  for (const std::size_t piece : {1uz, 2uz, 3uz, 5uz, 100uz}) {
    EXPECT_EQ(search("foo\nbar\nxfoo\n\nfoo", piece).lines, "1:foo 3:xfoo 5:foo");
    EXPECT_EQ(search("foo\nbar\nxfoo\n\nfoo", piece, {.is_inverted = true}).lines, "2:bar 4:");
    EXPECT_EQ(search("", piece).lines, "");
    EXPECT_EQ(search("\n", piece, {.is_inverted = true}).lines, "1:");
  }
}

TEST(LineSearch, LinesAroundAMatchAreDeliveredOnce) {
  const std::string content = "a\nb\nfoo\nc\nfoo\nd\ne\nf\n";
  for (const std::size_t piece : {1uz, 2uz, 3uz, 100uz}) {
    EXPECT_EQ(search(content, piece, {.before = 1}).lines, "2-b 3:foo 4-c 5:foo");
    EXPECT_EQ(search(content, piece, {.after = 1}).lines, "3:foo 4-c 5:foo 6-d");
    EXPECT_EQ(search(content, piece, {.before = 9, .after = 2}).lines, "1-a 2-b 3:foo 4-c 5:foo 6-d 7-e");
    EXPECT_EQ(search(content, piece, {.after = 2, .most = 1}).lines, "3:foo 4-c 5-foo");
    EXPECT_EQ(search(content, piece, {.most = 0}).lines, "");
  }
}

TEST(LineSearch, LinesBeforeAMatchNeedLittleMemory) {
  std::uint64_t lines = 0;
  LineSearch searching(foo(), {.before = 1'000'000'000},
                       [&](const LineSearch::Line&) { return ++lines > 0; });
  const std::string empty(1 << 20, '\n');
  for (int i = 0; i < 3; ++i) searching.feed(empty);
  searching.feed("foo\n");
  EXPECT_GT(lines, 50'000u);
  EXPECT_LT(lines, 2 * LineSearch::kMaxLine / sizeof(std::string));
}

TEST(LineSearch, OnlySelectedLinesMakeAFileBinary) {
  const std::string content("a\nb\0\nfoo\n", 9);
  EXPECT_EQ(search(content, 2, {.binary = BinaryFiles::without_match, .before = 1}).lines,
            std::string("2-b\0 3:foo", 10));
}

TEST(LineSearch, TheCallerCanStop) {
  int calls = 0;
  LineSearch searching(foo(), {}, [&](const LineSearch::Line&) { return ++calls < 2; });
  EXPECT_FALSE(searching.feed("foo\nfoo\nfoo\n"));
  EXPECT_EQ(calls, 2);
}

TEST(LineSearch, BinaryFilesAreSummarized) {
  const std::string content("foo\n\0foo\n", 9);
  const auto summary = search(content, 100);
  EXPECT_EQ(summary.lines, "");
  EXPECT_TRUE(summary.is_binary && summary.has_matched);
  EXPECT_EQ(search(content, 100, {.binary = BinaryFiles::text}).lines, std::string("1:foo 2:\0foo", 12));
  EXPECT_FALSE(search(content, 100, {.binary = BinaryFiles::without_match}).has_matched);
  EXPECT_FALSE(search(std::string("\0bar", 4), 100).has_matched);
  EXPECT_EQ(search(content, 100, {.is_counting = true}).lines, "1:foo 3:foo");
}

TEST(LineSearch, ANulIsTheEndOfALineOfABinaryFile) {
  const auto pattern = LinePattern::compile({"^foo$"}, {}).value();
  EXPECT_TRUE(search(std::string("x\0foo\0y", 7), 100, {}, pattern).has_matched);
}

TEST(LineSearch, ALateNulEndsTheDelivery) {
  const auto late = search(std::string("foo\nfoo\nbar\0\nfoo\0\nfoo\n", 22), 4);
  EXPECT_EQ(late.lines, "1:foo 2:foo");
  EXPECT_TRUE(late.is_binary);
}

TEST(LineSearch, LongLinesNeedLittleMemory) {
  const std::string content =
      std::string(3 * LineSearch::kMaxLine, 'x') + "foo" + std::string(10, 'x') + "\nfoo\n";
  int lines = 0;
  std::uint64_t last = 0;
  std::size_t longest = 0;
  constexpr std::size_t kPiece = 1 << 20;
  LineSearch searching(foo(), {.before = 2}, [&](const LineSearch::Line& line) {
    lines += line.is_selected ? 1 : 0;
    last = line.number;
    longest = std::max(longest, line.text.size());
    return true;
  });
  for (std::size_t at = 0; at < content.size(); at += kPiece)
    searching.feed(std::string_view(content).substr(at, kPiece));
  searching.finish();
  EXPECT_EQ(lines, 2);
  EXPECT_EQ(last, 2u);
  EXPECT_LE(longest, LineSearch::kMaxLine + kPiece);
}

TEST(LineSearch, PiecesDoNotMatter) {
  const auto seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 500; ++round) {
    std::string content;
    for (auto size = random() % 60; size > 0; --size) content += "foo\nx"[random() % 5];
    SearchOptions options{.is_inverted = random() % 2 == 0};
    if (random() % 2 == 0) options.before = random() % 4;
    if (random() % 2 == 0) options.after = random() % 4;
    if (random() % 3 == 0) options.most = random() % 4;
    EXPECT_EQ(search(content, 1 + random() % 20, options).lines, expected_lines(content, options))
        << content << "\n"
        << options.before << " " << options.after << " " << options.most;
  }
}

}  // namespace
}  // namespace layoutfs
