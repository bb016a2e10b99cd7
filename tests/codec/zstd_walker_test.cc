// The parts that libzstd does not offer: table descriptions, decoding tables, bits, and the walk over hostile
// blocks.
#include "core/codec/zstd_walker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

#include "core/codec/zstd_entropy.h"
#include "core/codec/zstd_frame.h"
#include "tests/support/gzip_blobs.h"
#include "tests/support/zstd_blobs.h"

namespace layoutfs::zstd {
namespace {

using testing::bytes_of;
using testing::sample_bytes;
using testing::zstd_of;

constexpr TableLimits kAnyTable = {9, 53};

// Parts that add up to 2^accuracy_log, with gaps and symbols of less than one part.
Distribution random_distribution(std::mt19937_64& random) {
  Distribution distribution;
  distribution.accuracy_log = static_cast<unsigned>(5 + random() % 5);
  std::int64_t left = std::int64_t{1} << distribution.accuracy_log;
  while (left > 0 && distribution.symbols < 52) {
    auto& parts = distribution.parts[distribution.symbols++];
    const auto kind = random() % 4;
    if (kind == 0) parts = 0;
    if (kind == 1) parts = -1;
    if (kind > 1) parts = static_cast<std::int16_t>(1 + random() % static_cast<std::uint64_t>(left));
    if (kind == 2) parts = static_cast<std::int16_t>((parts + 7) / 8);
    left -= parts < 0 ? 1 : parts;
  }
  if (left > 0) distribution.parts[distribution.symbols++] = static_cast<std::int16_t>(left);
  return distribution;
}

TEST(ZstdEntropy, DescriptionsThatAreWrittenAreReadBack) {
  const std::uint64_t seed = 41;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 3'000; ++round) {
    const Distribution distribution = random_distribution(random);
    Bytes description = write_distribution(distribution);
    const std::size_t size = description.size();
    description.push_back(std::byte{0xA5});
    Distribution back;
    ASSERT_EQ(read_distribution(description, kAnyTable, back), size) << "round " << round;
    EXPECT_EQ(back.accuracy_log, distribution.accuracy_log);
    EXPECT_EQ(back.symbols, distribution.symbols);
    EXPECT_EQ(back.parts, distribution.parts);
    EXPECT_FALSE(read_distribution(ByteView(description).first(size - 1), kAnyTable, back))
        << "round " << round;
  }
}

TEST(ZstdEntropy, TheDescriptionOfThePredefinedOffsetsIsTheOneWorkedOutByHand) {
  // 0000: accuracy 5. Then 33 can remain: values under 30 take five bits. Value 2 (one part): 01000 in stream
  // order.
  const auto state = BlockWalker(1024).state();
  ASSERT_TRUE(state);
  EXPECT_EQ(std::to_integer<int>(state->offsets[0]), 0x20);
  EXPECT_EQ(std::to_integer<int>(state->literal_lengths[0]) & 15, 1);
  EXPECT_EQ(state->repeat_offsets, (std::array<std::uint32_t, 3>{1, 4, 8}));
  EXPECT_TRUE(state->huffman.empty());
}

TEST(ZstdEntropy, EveryStateOfATableLeadsToStatesOfTheTable) {
  const std::uint64_t seed = 42;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 1'000; ++round) {
    const Distribution distribution = random_distribution(random);
    StateTable table;
    table.build(distribution);
    const std::uint32_t size = 1U << distribution.accuracy_log;
    std::array<int, kMaxSymbols> cells{};
    for (std::uint32_t state = 0; state < size; ++state) {
      const auto& entry = table[state];
      ++cells.at(table.symbol(state));
      ASSERT_LE(entry.next_base + (1U << entry.next_bits()), size);
    }
    for (std::size_t symbol = 0; symbol < kMaxSymbols; ++symbol)
      ASSERT_EQ(cells[symbol], std::abs(distribution.parts[symbol])) << "symbol " << symbol;
  }
}

TEST(ZstdEntropy, RandomBytesAreRefusedOrDescribeATable) {
  const std::uint64_t seed = 43;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  int accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    Bytes bytes(random() % 40);
    for (auto& byte : bytes) byte = static_cast<std::byte>(random());
    if (!bytes.empty()) bytes[0] &= std::byte{0xF3};
    Distribution distribution;
    const auto size = read_distribution(bytes, kAnyTable, distribution);
    if (!size) continue;
    ++accepted;
    ASSERT_LE(*size, bytes.size());
    ASSERT_LE(distribution.symbols, kAnyTable.symbols);
    int sum = 0;
    for (const auto parts : distribution.parts) sum += std::abs(parts);
    ASSERT_EQ(sum, 1 << distribution.accuracy_log);
    StateTable table;
    table.build(distribution);
  }
  EXPECT_GT(accepted, 100);
}

Bytes padded(const Bytes& bitstream) {
  Bytes bytes(ReverseBits::kPadding, std::byte{0});
  testing::append(bytes, bitstream);
  return bytes;
}

TEST(ZstdEntropy, BitsAreTakenFromTheEndAndNeverFromBeforeTheFront) {
  const Bytes bytes = padded(bytes_of({0xAB, 0xCD, 0x16}));  // 1 0110, 1100 1101, 1010 1011 after the marker
  ReverseBits bits(bytes);
  const auto take = [&bits](unsigned count) {
    bits.refill();
    const auto taken = bits.peek(count);
    EXPECT_EQ(bits.peek(0), 0U);
    bits.consume(count);
    return taken;
  };
  bits.refill();
  std::uint64_t fields = bits.peek(12);
  EXPECT_EQ(take_low(fields, 8), 0xCDU);
  EXPECT_EQ(take_low(fields, 0), 0U);
  EXPECT_EQ(fields, 0x6U);
  EXPECT_EQ(take(4), 0x6U);
  EXPECT_EQ(take(8), 0xCDU);
  EXPECT_EQ(take(0), 0U);
  EXPECT_FALSE(bits.is_exhausted());
  EXPECT_EQ(take(8), 0xABU);
  EXPECT_TRUE(bits.is_exhausted());
  bits.unconsume(1);
  EXPECT_FALSE(bits.is_exhausted());
  EXPECT_EQ(take(1), 1U);
  EXPECT_EQ(take(1), 0U);
  EXPECT_TRUE(bits.has_overrun());
  EXPECT_TRUE(ReverseBits(padded({})).has_overrun());
  EXPECT_TRUE(ReverseBits(padded(bytes_of({0xFF, 0}))).has_overrun());
}

// Walks over the frame in `blob`; returns the regenerated size, nullopt if the walker or a header refuses it.
std::optional<std::size_t> walk(ByteView blob) {
  const auto frame = parse_frame_header(blob);
  if (!frame || !*frame) return std::nullopt;
  BlockWalker walker((*frame)->window_size);
  std::size_t size = 0;
  for (std::size_t at = (*frame)->size; blob.size() - at >= kBlockHeaderSize;) {
    const auto header = parse_block_header(blob.subspan(at));
    at += kBlockHeaderSize;
    if (!header || header->content_size > blob.size() - at) return std::nullopt;
    if (!walker.follow(*header, blob.subspan(at, header->content_size))) return std::nullopt;
    const auto regenerated = walker.last_size();
    if (!regenerated) return std::nullopt;
    size += *regenerated;
    if (header->is_last) return size;
    at += header->content_size;
  }
  return std::nullopt;
}

TEST(ZstdWalker, KnowsHowManyBytesBlocksRegenerate) {
  for (const int level : {-7, 1, 3, 7, 12, 19}) {
    for (const std::size_t size : {0UZ, 1UZ, 100UZ, 5'000UZ, 200'000UZ, 900'000UZ}) {
      const Bytes blob = zstd_of(sample_bytes(size, size), {.level = level, .window_log = 17});
      EXPECT_EQ(walk(blob), size) << "level " << level << ", size " << size;
    }
  }
}

TEST(ZstdWalker, TellsWhatBlocksCopyFromWhere) {
  for (const int level : {-5, 1, 3, 9, 19}) {
    SCOPED_TRACE("level " + std::to_string(level));
    const Bytes plain = sample_bytes(700'000, 46);
    const Bytes blob = zstd_of(plain, {.level = level, .window_log = 17});
    const auto frame = parse_frame_header(blob);
    ASSERT_TRUE(frame && *frame);
    BlockWalker walker((*frame)->window_size);
    std::vector<Match> matches;
    std::size_t copied = 0, from_earlier_blocks = 0, block_at = 0;
    for (std::size_t at = (*frame)->size;;) {
      const auto header = parse_block_header(ByteView(blob).subspan(at));
      ASSERT_TRUE(header);
      ASSERT_TRUE(
          walker.follow(*header, ByteView(blob).subspan(at + kBlockHeaderSize, header->content_size)));
      matches.clear();
      const auto size = walker.last_matches(matches);
      ASSERT_TRUE(size);
      std::size_t end = 0;
      for (const Match& match : matches) {
        ASSERT_GE(match.at, end);
        end = match.at + match.length;
        ASSERT_LE(end, *size);
        ASSERT_LE(match.offset, std::min<std::uint64_t>((*frame)->window_size, block_at + match.at));
        const auto to = plain.begin() + static_cast<std::ptrdiff_t>(block_at + match.at);
        ASSERT_TRUE(std::equal(to, to + static_cast<std::ptrdiff_t>(match.length), to - match.offset));
        copied += match.length;
        from_earlier_blocks += match.offset > match.at ? 1 : 0;
      }
      block_at += *size;
      if (header->is_last) break;
      at += kBlockHeaderSize + header->content_size;
    }
    EXPECT_EQ(block_at, plain.size());
    EXPECT_GT(copied, plain.size() / 4);
    EXPECT_GT(from_earlier_blocks, 10U);
  }
}

TEST(ZstdWalker, BrokenBlocksAreRefusedOrKeepTheLimits) {
  const std::uint64_t seed = 44;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const Bytes whole = zstd_of(sample_bytes(12'000, random()), {.level = 5, .window_log = 10});
  int refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    Bytes blob = whole;
    for (auto flips = 1 + random() % 4; flips > 0; --flips)
      blob[random() % blob.size()] ^= static_cast<std::byte>(1 + random() % 255);
    const auto size = walk(blob);
    if (!size)
      ++refused;
    else
      ASSERT_LE(*size, blob.size() / kBlockHeaderSize * kMaxBlockSize);
  }
  EXPECT_GT(refused, 5'000);
}

TEST(ZstdWalker, ATableThatRepeatsOneSymbolHasNoStateUntilItIsReplaced) {
  // One raw literal and one sequence, with one symbol in each table: literal length 1, offset value 4 (two
  // more bits), match length 3. The bits: marker, then 00.
  const Bytes single = bytes_of({0x08, 'a', 1, 0x54, 1, 2, 0, 0x04});
  const Bytes predefined = bytes_of({0x08, 'a', 0});
  BlockWalker walker(1024);
  EXPECT_TRUE(walker.follow({false, BlockType::compressed, single.size(), 0}, single));
  EXPECT_EQ(walker.last_size(), 4U);
  EXPECT_FALSE(walker.state());
  EXPECT_TRUE(walker.follow({false, BlockType::compressed, predefined.size(), 0}, predefined));
  EXPECT_EQ(walker.last_size(), 1U);
  EXPECT_FALSE(walker.state());
}

TEST(ZstdWalker, KnowsTheRepeatOffsetsOfSequencesThatSayThemAnew) {
  const Bytes plain = sample_bytes(900'000, 45);
  const Bytes blob = zstd_of(plain, {.level = 3, .window_log = 17});
  const auto frame = parse_frame_header(blob);
  ASSERT_TRUE(frame && *frame);
  // One walker is asked after each block, the other after every third.
  BlockWalker always((*frame)->window_size), seldom((*frame)->window_size);
  int known = 0, blocks = 0;
  for (std::size_t at = (*frame)->size;; ++blocks) {
    const auto header = parse_block_header(ByteView(blob).subspan(at));
    ASSERT_TRUE(header);
    const auto content = ByteView(blob).subspan(at + kBlockHeaderSize, header->content_size);
    ASSERT_TRUE(always.follow(*header, content) && seldom.follow(*header, content));
    const auto state = always.state();
    ASSERT_TRUE(state) << "behind block " << blocks;
    if (blocks % 3 == 2)
      if (const auto same = seldom.state()) {
        ++known;
        EXPECT_EQ(same->repeat_offsets, state->repeat_offsets) << "behind block " << blocks;
      }
    if (header->is_last) break;
    at += kBlockHeaderSize + header->content_size;
  }
  EXPECT_GE(known, blocks / 3);
}

TEST(ZstdFrame, AMadeHeaderHasAtLeastTheWindow) {
  for (const std::uint64_t window :
       {1ULL, 1024ULL, 1025ULL, 1152ULL, 300'000ULL, 8ULL << 20, (16ULL << 20) - 1}) {
    Bytes header = make_frame_header(window, 0);
    const auto parsed = parse_frame_header(header);
    ASSERT_TRUE(parsed && *parsed);
    EXPECT_GE((*parsed)->window_size, window);
    EXPECT_LE((*parsed)->window_size, std::max<std::uint64_t>(1024, window + window / 8 + 1));
    EXPECT_EQ((*parsed)->size, header.size());
    EXPECT_FALSE((*parsed)->has_checksum);
  }
}

}  // namespace
}  // namespace layoutfs::zstd
