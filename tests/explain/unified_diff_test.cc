#include "core/explain/unified_diff.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace layoutfs {
namespace {

using TextLines = std::vector<std::string>;

// Lines with their line breaks.
TextLines split_lines(const std::string& text) {
  TextLines lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    lines.push_back(text.substr(at, end - at));
    at = end;
  }
  return lines;
}

struct Patched {
  std::string text;
  std::size_t changed = 0;  // lines with '-' or '+'
};

// Applies the hunks strictly: ranges and unchanged lines must be right.
Patched patched(const std::string& before, const std::string& hunks) {
  const TextLines lines = split_lines(before);
  Patched result;
  std::size_t next = 0, written = 0;
  const TextLines patch = split_lines(hunks);
  for (std::size_t i = 0; i < patch.size();) {
    std::size_t begin = 0, count = 1, new_begin = 0, new_count = 1;
    char sign = 0, comma = 0;
    std::istringstream head(patch[i].substr(patch[i].find("@@") + 2));
    head >> sign >> begin;
    if (head.peek() == ',') head >> comma >> count;
    head >> sign >> new_begin;
    if (head.peek() == ',') head >> comma >> new_count;
    EXPECT_EQ(sign, '+') << patch[i];
    if (count > 0) --begin;
    if (new_count > 0) --new_begin;
    EXPECT_GE(begin, next);
    for (; next < begin && next < lines.size(); ++next, ++written) result.text += lines[next];
    EXPECT_EQ(written, new_begin) << patch[i];
    for (++i; i < patch.size() && !patch[i].starts_with("@@"); ++i) {
      std::string line = patch[i].substr(1);
      if (i + 1 < patch.size() && patch[i + 1].starts_with('\\')) line.pop_back();
      if (patch[i][0] == '\\') continue;
      if (patch[i][0] != '+') {
        EXPECT_EQ(next < lines.size() ? lines[next] : "the end", line);
        ++next;
        --count;
      }
      if (patch[i][0] != '-') {
        result.text += line;
        ++written;
        --new_count;
      }
      if (patch[i][0] != ' ') ++result.changed;
    }
    EXPECT_EQ(count, 0u);
    EXPECT_EQ(new_count, 0u);
  }
  for (; next < lines.size(); ++next) result.text += lines[next];
  return result;
}

// By dynamic programming.
std::size_t fewest_changes(const TextLines& before, const TextLines& after) {
  std::vector<std::size_t> row(after.size() + 1);
  for (std::size_t j = 0; j <= after.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= before.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= after.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = before[i - 1] == after[j - 1] ? diagonal : 1 + std::min(above, row[j - 1]);
      diagonal = above;
    }
  }
  return row.back();
}

class RandomTexts {
 public:
  explicit RandomTexts(std::uint32_t seed) : random_(seed) {}
  std::string text(std::size_t most_lines, std::uint32_t kinds) {
    std::string text;
    for (std::size_t i = random_() % (most_lines + 1); i-- > 0;) text += line(kinds);
    if (random_() % 3 == 0 && !text.empty()) text.pop_back();
    return text;
  }
  std::string changed(const std::string& from, std::uint32_t kinds) {
    std::string text;
    for (const std::string& each : split_lines(from)) {
      if (random_() % 10 == 0) text += line(kinds);
      if (random_() % 10 != 0) text += each;
    }
    return text;
  }

 private:
  std::string line(std::uint32_t kinds) {
    return std::string(1, static_cast<char>('a' + random_() % kinds)) + "\n";
  }
  std::mt19937 random_;
};

TEST(UnifiedDiff, HunksLookAsThoseOfDiff) {
  EXPECT_EQ(unified_hunks("a\nb\nc\n", "a\nx\nc\n"), "@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n");
  EXPECT_EQ(unified_hunks("", "a\n"), "@@ -0,0 +1 @@\n+a\n");
  EXPECT_EQ(unified_hunks("a\nb\n", ""), "@@ -1,2 +0,0 @@\n-a\n-b\n");
  EXPECT_EQ(unified_hunks("a", "a\n"), "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n");
  EXPECT_EQ(unified_hunks("same\n", "same\n"), "");
  EXPECT_EQ(unified_hunks("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\n5\n6\n7\n8\n"),
            "@@ -6,4 +6,3 @@\n 6\n 7\n 8\n-9\n");
}

TEST(UnifiedDiff, DistantChangesHaveHunksOfTheirOwn) {
  const std::string seven = "1\n2\n3\n4\n5\n6\n7\n", six = "1\n2\n3\n4\n5\n6\n";
  EXPECT_EQ(unified_hunks("a\n" + seven + "b\n", "x\n" + seven + "y\n"),
            "@@ -1,4 +1,4 @@\n-a\n+x\n 1\n 2\n 3\n@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-b\n+y\n");
  EXPECT_EQ(unified_hunks("a\n" + six + "b\n", "x\n" + six + "y\n"),
            "@@ -1,8 +1,8 @@\n-a\n+x\n 1\n 2\n 3\n 4\n 5\n 6\n-b\n+y\n");
}

TEST(UnifiedDiff, RandomTextsGetTheFewestChanges) {
  const std::uint32_t seed = std::random_device()();
  for (std::uint32_t round = 0; round < 400; ++round) {
    RandomTexts random(seed + round);
    const std::string before = random.text(30, 2 + round % 20);
    const std::string after = round % 2 == 0 ? random.text(30, 2 + round % 20) : random.changed(before, 25);
    const Patched result = patched(before, unified_hunks(before, after, {.context = round % 4}));
    ASSERT_EQ(result.text, after) << "seed " << seed + round;
    ASSERT_EQ(result.changed, fewest_changes(split_lines(before), split_lines(after)))
        << "seed " << seed + round;
  }
}

TEST(UnifiedDiff, ASearchThatEndsEarlyGivesARightResult) {
  const std::uint32_t seed = std::random_device()();
  for (std::uint32_t round = 0; round < 200; ++round) {
    RandomTexts random(seed + round);
    const std::string before = random.text(60, 4), after = random.text(60, 4);
    const std::string hunks = unified_hunks(before, after, {.steps = round});
    ASSERT_EQ(patched(before, hunks).text, after) << "seed " << seed + round;
  }
}

TEST(UnifiedDiff, ManyChangesAreFoundInPieces) {
  RandomTexts random(7);
  std::string before, after;
  for (int i = 0; i < 40; ++i) {
    before += random.text(400, 20);
    after += random.text(400, 20);
  }
  EXPECT_EQ(patched(before, unified_hunks(before, after)).text, after);
}

TEST(UnifiedDiff, TextsOfTheLargestSizeTakeBoundedTime) {
  std::string before, after;
  for (std::size_t i = 0; i + 1 < kMaxTextLines; ++i) {
    before += std::to_string(i % 7919) + "\n";
    after += std::to_string(i % 7907) + "\n";
  }
  before.resize(std::min(before.size(), kMaxTextSize));
  after.resize(std::min(after.size(), kMaxTextSize));
  ASSERT_TRUE(is_comparable_text(before));
  EXPECT_FALSE(unified_hunks(before, after, {.steps = 1 << 22}).empty());
}

TEST(UnifiedDiff, BinaryAndHugeContentIsNotText) {
  EXPECT_TRUE(is_comparable_text(""));
  EXPECT_TRUE(is_comparable_text("\xff\x01 text"));
  EXPECT_FALSE(is_comparable_text(std::string("a\0b", 3)));
  EXPECT_FALSE(is_comparable_text(std::string(kMaxTextSize + 1, 'a')));
  EXPECT_FALSE(is_comparable_text(std::string(kMaxTextLines, '\n')));
}

}  // namespace
}  // namespace layoutfs
