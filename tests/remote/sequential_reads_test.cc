// How much is read ahead for a reader.
#include "core/remote/sequential_reads.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace layoutfs::testing {
namespace {

constexpr std::uint64_t kKib = 1024, kMib = 1024 * kKib;

TEST(SequentialReads, AFirstReadAndRandomReadsGetNothing) {
  SequentialReads reads;
  EXPECT_EQ(reads.note(0, 128 * kKib).bytes, 0u);
  for (std::uint64_t i = 1; i < 100; ++i) EXPECT_EQ(reads.note(i * 10 * kMib, 4096).bytes, 0u) << i;
}

TEST(SequentialReads, TheWindowGrowsWithWhatWasRead) {
  SequentialReads reads;
  std::uint64_t last = 0;
  for (std::uint64_t read = 0; read < 16 * kMib; read += 128 * kKib) {
    const std::uint64_t window = reads.note(read, 128 * kKib).bytes;
    EXPECT_GE(window, last);
    EXPECT_GE(window, read > 0 ? 256 * kKib : 0);
    EXPECT_LE(window, std::max((read + 128 * kKib) / 2, 256 * kKib)) << "at most half of what was read";
    last = window;
  }
  EXPECT_EQ(last, 8 * kMib);
}

TEST(SequentialReads, SeveralReadersAreDistinguished) {
  SequentialReads reads;
  for (std::uint64_t step = 0; step < 20; ++step)
    for (std::uint64_t reader = 0; reader < 8; ++reader)
      EXPECT_EQ(reads.note(reader * 100 * kMib + step * 128 * kKib, 128 * kKib).bytes > 0, step > 0);
}

TEST(SequentialReads, ReorderedReadsOfTheKernelAreOneReader) {
  SequentialReads reads;
  for (std::uint64_t read = 0; read < 4 * kMib; read += 256 * kKib) {
    reads.note(read + 128 * kKib, 128 * kKib);
    reads.note(read, 128 * kKib);
  }
  EXPECT_GE(reads.note(4 * kMib, 128 * kKib).bytes, 3 * kMib / 2);
}

TEST(SequentialReads, ReadsInOnePlaceAreNoProgress) {
  SequentialReads reads;
  reads.note(0, 4096);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(reads.note(i % 2 == 0 ? 0 : 1000, 3000).bytes, 0u);
  EXPECT_EQ(reads.note(4096, 4096).bytes, 256 * kKib);
}

TEST(SequentialReads, AReaderOfManyBytesIsEndless) {
  SequentialReads reads;
  for (std::uint64_t read = 0; read < 16 * kMib; read += 128 * kKib)
    EXPECT_EQ(reads.note(read, 128 * kKib).is_endless, read + 128 * kKib >= 4 * kMib) << read;
}

TEST(SequentialReads, ReadsOfAnAnnouncedRangeAreExpectedToEndWithIt) {
  SequentialReads reads;
  reads.announce(kMib, 300 * kKib);
  EXPECT_EQ(reads.note(kMib, 128 * kKib).bytes, 172 * kKib);
  EXPECT_EQ(reads.note(kMib + 128 * kKib, 128 * kKib).bytes, 44 * kKib);
  EXPECT_EQ(reads.note(kMib + 256 * kKib, 128 * kKib).bytes, 64 * kKib) << "the shortest window";
  EXPECT_EQ(reads.note(kMib + 384 * kKib, 128 * kKib).bytes, 106 * kKib)
      << "half of what is behind the range";
  reads.announce(5 * kMib, 100 * kKib);
  EXPECT_EQ(reads.note(5 * kMib, 128 * kKib).bytes, 0u) << "not all behind it is progress";
  EXPECT_EQ(reads.note(5 * kMib + 128 * kKib, 32 * kKib).bytes, 64 * kKib);
}

TEST(SequentialReads, AReaderThatComesFromBeforeAnAnnouncedRangeGoesOnBehindIt) {
  SequentialReads reads;
  for (std::uint64_t read = 0; read < 8 * kMib; read += 128 * kKib) {
    if (read % (512 * kKib) == 0) reads.announce(read, 512 * kKib);
    const auto expected = reads.note(read, 128 * kKib);
    EXPECT_GE(expected.bytes, read >= kMib ? read / 4 : 0) << read;
    EXPECT_EQ(expected.is_endless, read >= 4 * kMib + 384 * kKib) << read;
  }
}

}  // namespace
}  // namespace layoutfs::testing
