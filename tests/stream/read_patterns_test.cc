#include "core/stream/read_patterns.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace layoutfs {
namespace {

constexpr std::uint64_t kRead = 128 << 10;
constexpr std::uint64_t kFar = std::uint64_t{1} << 30;

TEST(ReadPatterns, AReaderInOrderIsFollowed) {
  ReadPatterns patterns;
  EXPECT_EQ(patterns.note(1'000, kRead), nullptr);
  for (std::uint64_t i = 1; i < 100; ++i) {
    const auto* reader = patterns.note(1'000 + i * kRead, kRead);
    ASSERT_NE(reader, nullptr);
    EXPECT_EQ(reader->begin, 1'000u);
    EXPECT_EQ(reader->end, 1'000 + (i + 1) * kRead);
  }
}

TEST(ReadPatterns, AsManyReadersAsThereIsRoomForAreEachFollowed) {
  ReadPatterns patterns;
  for (std::uint64_t i = 0; i < 50; ++i)
    for (std::uint64_t reader = 0; reader < ReadPatterns::kMost; ++reader) {
      const auto* found = patterns.note(reader * kFar + i * kRead, kRead);
      ASSERT_EQ(found != nullptr, i > 0);
      if (found != nullptr) {
        EXPECT_EQ(found->begin, reader * kFar);
      }
    }
}

TEST(ReadPatterns, WhoReadsStaysKnownWhileOthersReadAtRandom) {
  ReadPatterns patterns;
  std::mt19937_64 random(5);
  for (std::uint64_t i = 0; i < 200; ++i) {
    const auto* reader = patterns.note(i * kRead, kRead);
    ASSERT_EQ(reader != nullptr, i > 0) << i;
    if (reader != nullptr) {
      EXPECT_EQ(reader->begin, 0u);
    }
    for (int other = 0; other < 8; ++other)
      EXPECT_EQ(patterns.note((1 + random() % 10'000) * kFar, kRead), nullptr);
  }
}

TEST(ReadPatterns, HeadersBetweenFilesAreNoBreak) {
  ReadPatterns patterns;
  patterns.note(0, 10'000);
  const auto* reader = patterns.note(12'288, 10'000);
  ASSERT_NE(reader, nullptr);
  EXPECT_EQ(reader->end, 22'288u);
  EXPECT_EQ(reader->size, 20'000u);
  EXPECT_EQ(patterns.note(22'288 + ReadPatterns::kMostGap + 1, 10'000), nullptr);
  EXPECT_EQ(patterns.note(22'287, 10'000), nullptr) << "back is not on";
}

TEST(ReadPatterns, ReadsThatComeALittleOutOfOrderAreOneReader) {
  ReadPatterns patterns;
  const ReadPatterns::Reader* reader = nullptr;
  for (std::uint64_t i = 0; i < 40; i += 4)
    for (const std::uint64_t k : {i, i + 2, i + 3, i + 1}) reader = patterns.note(k * kRead, kRead);
  ASSERT_NE(reader, nullptr);
  EXPECT_EQ(reader->begin, 0u);
  EXPECT_EQ(reader->end, 40 * kRead);
  EXPECT_EQ(reader->size, 40 * kRead);
}

}  // namespace
}  // namespace layoutfs
