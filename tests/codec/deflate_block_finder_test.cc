#include "core/codec/deflate_block_finder.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "tests/support/gzip_blobs.h"

namespace layoutfs {
namespace {

using testing::gzip_of;
using testing::sample_bytes;

std::uint64_t bits_of(ByteView blob, std::uint64_t position, unsigned count) {
  std::uint64_t bits = 0;
  for (unsigned i = 0; i < count; ++i, ++position)
    bits |= (std::to_integer<std::uint64_t>(blob[position / 8]) >> (position % 8) & 1) << i;
  return bits;
}

// Returns the bits at which zlib reads a dynamic block that is not the last one.
std::vector<std::uint64_t> dynamic_blocks_of(ByteView blob) {
  std::vector<std::uint64_t> starts;
  z_stream zlib{};
  EXPECT_EQ(inflateInit2(&zlib, MAX_WBITS + 16), Z_OK);
  zlib.next_in = reinterpret_cast<const Bytef*>(blob.data());
  zlib.avail_in = static_cast<uInt>(blob.size());
  Bytes out(1 << 16);
  for (int result = Z_OK; result == Z_OK;) {
    zlib.next_out = reinterpret_cast<Bytef*>(out.data());
    zlib.avail_out = static_cast<uInt>(out.size());
    result = inflate(&zlib, Z_BLOCK);
    const bool is_between_blocks = (zlib.data_type & 128) != 0 && (zlib.data_type & 64) == 0;
    const std::uint64_t position = zlib.total_in * 8 - static_cast<unsigned>(zlib.data_type & 63);
    if (result == Z_OK && is_between_blocks && bits_of(blob, position, 3) == 4) starts.push_back(position);
  }
  inflateEnd(&zlib);
  return starts;
}

std::vector<std::uint64_t> found_in(ByteView blob) {
  std::vector<std::uint64_t> starts;
  const std::uint64_t end = blob.size() * 8;
  for (auto found = find_dynamic_block(blob, 0, end); found;
       found = find_dynamic_block(blob, *found + 1, end))
    starts.push_back(*found);
  return starts;
}

TEST(DeflateBlockFinder, FindsEveryDynamicBlockAndNothingElse) {
  const Bytes plain = sample_bytes(700'000, 31);
  for (int level = 1; level <= 9; ++level)
    for (const int strategy : {Z_DEFAULT_STRATEGY, Z_HUFFMAN_ONLY, Z_RLE}) {
      SCOPED_TRACE("level " + std::to_string(level) + ", strategy " + std::to_string(strategy));
      const Bytes blob = gzip_of(plain, {.level = level, .strategy = strategy, .memory_level = level});
      const auto expected = dynamic_blocks_of(blob);
      EXPECT_GT(expected.size(), 2u);
      EXPECT_EQ(found_in(blob), expected);
    }
}

TEST(DeflateBlockFinder, FindsNoBlockInNoise) {
  const std::uint64_t seed = 32;
  std::mt19937_64 random(seed);
  Bytes noise(3'000'000);
  for (auto& byte : noise) byte = static_cast<std::byte>(random());
  EXPECT_EQ(found_in(noise), std::vector<std::uint64_t>()) << "seed " << seed;
}

TEST(DeflateBlockFinder, FindsNoBlockInUniformContent) {
  for (int value = 0; value < 256; ++value)
    EXPECT_EQ(found_in(Bytes(10'000, static_cast<std::byte>(value))), std::vector<std::uint64_t>()) << value;
}

TEST(DeflateBlockFinder, FindsBlocksInStoredContent) {
  const Bytes inner = gzip_of(sample_bytes(300'000, 33));
  const auto expected = dynamic_blocks_of(inner);
  const Bytes stored = gzip_of(inner, {.level = 0, .piece = inner.size()});
  const auto found = found_in(stored);
  EXPECT_FALSE(found.empty());
  EXPECT_LE(found.size(), expected.size());
}

TEST(DeflateBlockFinder, KeepsToTheGivenRange) {
  const Bytes blob = gzip_of(sample_bytes(300'000, 34));
  const auto starts = dynamic_blocks_of(blob);
  ASSERT_GT(starts.size(), 2u);
  const std::uint64_t start = starts[1];
  EXPECT_EQ(find_dynamic_block(blob, start, start + 1), start);
  EXPECT_EQ(find_dynamic_block(blob, starts[0] + 1, start), std::nullopt);
  EXPECT_EQ(find_dynamic_block(blob, start, start), std::nullopt);
  for (std::uint64_t from = start - 200; from < start; ++from)
    EXPECT_EQ(find_dynamic_block(blob, from, blob.size() * 8), start);
  // The header must lie in the bytes.
  const ByteView cut = ByteView(blob).first(start / 8 + 20);
  EXPECT_EQ(find_dynamic_block(cut, start, cut.size() * 8), std::nullopt);
  EXPECT_EQ(find_dynamic_block({}, 0, 100), std::nullopt);
}

TEST(DeflateBlockFinder, TheLastBlockOfAStreamIsNotFound) {
  const Bytes blob = gzip_of(sample_bytes(20'000, 35));
  EXPECT_EQ(bits_of(blob, 10 * 8, 3), 5u) << "a single dynamic block";
  EXPECT_EQ(found_in(blob), std::vector<std::uint64_t>());
}

}  // namespace
}  // namespace layoutfs
