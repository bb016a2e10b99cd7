// Broken zstd streams and broken access points: an error or the right bytes, never anything else.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/codec/zstd.h"
#include "tests/support/gzip_blobs.h"
#include "tests/support/same_bytes.h"
#include "tests/support/stream_index_builder.h"
#include "tests/support/zstd_blobs.h"

namespace layoutfs {
namespace {

using testing::append;
using testing::bytes_of;
using testing::index_stream;
using testing::MemoryBlob;
using testing::PiecewiseSource;
using testing::same_bytes;
using testing::sample_bytes;
using testing::zstd_block_header;
using testing::zstd_frame_header;
using testing::zstd_of;
using testing::zstd_skippable_frame;

constexpr std::uint64_t kHostileZstdSpacing = 4 << 10;

// Decodes a blob with libzstd; nullopt if it returns an error.
std::optional<Bytes> libzstd_decodes(ByteView blob) {
  const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(), &ZSTD_freeDCtx);
  Bytes plain;
  Bytes piece(1 << 17);
  ZSTD_inBuffer in{blob.data(), blob.size(), 0};
  std::size_t code = 1;
  while (true) {
    ZSTD_outBuffer out{piece.data(), piece.size(), 0};
    code = ZSTD_decompressStream(context.get(), &out, &in);
    if (ZSTD_isError(code)) return std::nullopt;
    append(plain, ByteView(piece).first(out.pos));
    if (in.pos == in.size && out.pos < out.size) break;
  }
  return code == 0 ? std::optional(plain) : std::nullopt;
}

// Reads to the end from a point; an error is as good as bytes.
void read_to_end(const Bytes& blob, std::uint64_t position, ByteView state, std::size_t limit) {
  const auto decoder = resume_zstd(std::make_shared<const MemoryBlob>(blob), position, state);
  if (!decoder) {
    EXPECT_TRUE(decoder.error().code() == Errc::corrupt || decoder.error().code() == Errc::unsupported);
    return;
  }
  Bytes out(10'000);
  for (std::size_t size = 0; size < limit;) {
    const auto got = (*decoder)->read(out);
    if (!got) {
      EXPECT_TRUE(got.error().code() == Errc::corrupt || got.error().code() == Errc::unsupported);
      return;
    }
    if (*got < out.size()) return;
    size += *got;
  }
}

Bytes small_stream_of_every_kind(std::uint64_t seed) {
  Bytes blob = zstd_of(sample_bytes(14'000, seed), {.level = 3, .window_log = 10, .has_checksum = true});
  append(blob, zstd_skippable_frame(9, 3));
  append(blob, zstd_of(sample_bytes(5'000, seed + 1), {.level = 19, .has_content_size = true}));
  append(blob, zstd_of({}));
  append(blob, zstd_of(sample_bytes(16'000, seed + 2), {.level = 1, .window_log = 11, .flush_every = 900}));
  return blob;
}

TEST(ZstdHostile, AStreamCutAnywhereButAfterAFrameBreaksOff) {
  Bytes blob;
  std::vector<std::size_t> ends;
  for (const Bytes& frame :
       {zstd_of(sample_bytes(6'000, 31), {.window_log = 10, .has_checksum = true}), zstd_skippable_frame(20),
        zstd_of({}), zstd_of(sample_bytes(3'000, 32), {.has_content_size = true})}) {
    append(blob, frame);
    ends.push_back(blob.size());
  }
  for (std::size_t cut = 0; cut < blob.size(); ++cut) {
    const auto indexed = index_stream(Compression::zstd, ByteView(blob).first(cut), kHostileZstdSpacing);
    if (std::ranges::find(ends, cut) != ends.end()) {
      EXPECT_TRUE(indexed) << "cut at " << cut;
      continue;
    }
    ASSERT_FALSE(indexed) << "cut at " << cut;
    EXPECT_EQ(indexed.error().code(), Errc::corrupt);
    EXPECT_EQ(indexed.error().message(), "unexpected end of zstd stream") << "cut at " << cut;
  }
}

TEST(ZstdHostile, ABlobCutBehindAPointBreaksOffThereToo) {
  const Bytes plain = sample_bytes(40'000, 33);
  const Bytes blob = zstd_of(plain, {.window_log = 10, .has_checksum = true});
  const auto stream = index_stream(Compression::zstd, blob, kHostileZstdSpacing);
  ASSERT_TRUE(stream);
  ASSERT_GT(stream->tables->points.size(), 2U);
  const auto point = stream->tables->points[2];
  ASSERT_GT(point.state_size, 1U);
  const auto state = ByteView(stream->tables->states).subspan(point.state_offset, point.state_size);
  for (std::size_t cut = point.position / 8; cut < blob.size(); ++cut) {
    const Bytes part(blob.begin(), blob.begin() + static_cast<std::ptrdiff_t>(cut));
    const auto decoder = resume_zstd(std::make_shared<const MemoryBlob>(part), point.position, state);
    ASSERT_TRUE(decoder);
    Bytes out(plain.size());
    const auto got = (*decoder)->read(out);
    ASSERT_FALSE(got) << "cut at " << cut;
    EXPECT_EQ(got.error().message(), "unexpected end of zstd stream");
  }
}

TEST(ZstdHostile, BytesThatAreNoFrameBehindTheLastAreRefused) {
  const Bytes frame = zstd_of(sample_bytes(1'000, 34));
  for (const Bytes& tail : {Bytes(4), Bytes(100), bytes_of({0x28, 0xB5, 0x2F, 0xFC, 0, 0}), bytes_of({0})}) {
    Bytes blob = frame;
    append(blob, tail);
    const auto indexed = index_stream(Compression::zstd, blob, kHostileZstdSpacing);
    ASSERT_FALSE(indexed);
    EXPECT_EQ(indexed.error().code(), Errc::corrupt);
  }
}

TEST(ZstdHostile, HugeWindowsAndDictionariesAreUnsupported) {
  const Bytes huge = bytes_of({0x28, 0xB5, 0x2F, 0xFD, 0, (18 << 3), 1, 0, 0});
  const Bytes huge_segment = bytes_of({0x28, 0xB5, 0x2F, 0xFD, 0xE0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0});
  const Bytes dictionary = bytes_of({0x28, 0xB5, 0x2F, 0xFD, 1, 0, 77, 1, 0, 0});
  for (const Bytes& blob : {huge, huge_segment, dictionary}) {
    const auto indexed = index_stream(Compression::zstd, blob, kHostileZstdSpacing);
    ASSERT_FALSE(indexed);
    EXPECT_EQ(indexed.error().code(), Errc::unsupported) << indexed.error().message();
    const auto decoder = resume_zstd(std::make_shared<const MemoryBlob>(blob), 0, {});
    ASSERT_TRUE(decoder);
    Bytes out(10);
    const auto got = (*decoder)->read(out);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code(), Errc::unsupported) << got.error().message();
  }
}

TEST(ZstdHostile, BrokenBlockHeadersAreCorrupt) {
  for (const auto& block : {zstd_block_header(3, 1, true), zstd_block_header(0, (128 << 10) + 1, true),
                            zstd_block_header(1, 2'000'000, true), zstd_block_header(1, 1025, true)}) {
    Bytes blob = zstd_frame_header(0);
    append(blob, block);
    blob.resize(blob.size() + 200'000);
    const auto indexed = index_stream(Compression::zstd, blob, kHostileZstdSpacing);
    ASSERT_FALSE(indexed);
    EXPECT_EQ(indexed.error().code(), Errc::corrupt);
  }
}

TEST(ZstdHostile, AFrameThatDeclaresAnotherSizeIsCorrupt) {
  const Bytes empty = bytes_of({0x28, 0xB5, 0x2F, 0xFD, 0x20, 121, 1, 0, 0});
  const Bytes rle = bytes_of({0x28, 0xB5, 0x2F, 0xFD, 0x20, 4, (3 << 3) | 3, 0, 0, 'x'});
  for (const Bytes& blob : {empty, rle}) {
    const auto indexed = index_stream(Compression::zstd, blob, kHostileZstdSpacing);
    ASSERT_FALSE(indexed);
    EXPECT_EQ(indexed.error().code(), Errc::corrupt);
  }
}

TEST(ZstdHostile, ManyEmptyBlocksAndFramesEnd) {
  Bytes blob = zstd_frame_header(0);
  for (int i = 0; i < 50'000; ++i) append(blob, zstd_block_header(0, 0, false));
  append(blob, zstd_block_header(0, 0, true));
  for (int i = 0; i < 5'000; ++i) append(blob, zstd_of({}));
  const auto indexed = index_stream(Compression::zstd, blob, kHostileZstdSpacing);
  ASSERT_TRUE(indexed) << indexed.error().message();
  EXPECT_TRUE(indexed->plain.empty());
  EXPECT_EQ(indexed->tables->points.size(), 1U);
}

// One step delivers all of them.
TEST(ZstdHostile, ManyTinyFramesTakeNoMemoryEach) {
  Bytes frame = zstd_frame_header(0);
  append(frame, zstd_block_header(1, 1, true));
  frame.push_back(std::byte{'a'});
  constexpr std::size_t kFrames = 200'000;
  Bytes blob;
  for (std::size_t i = 0; i < kFrames; ++i) append(blob, frame);
  PiecewiseSource source(blob);
  const auto decoder = start_indexing_zstd(source, 2 * kFrames);
  Bytes out(2 * kFrames);
  auto step = decoder->step(out);
  ASSERT_TRUE(step) << step.error().message();
  EXPECT_EQ(step->size, kFrames);
  EXPECT_TRUE(step->end);
  EXPECT_FALSE(step->search);
}

TEST(ZstdHostile, FlippedBytesAreFoundOrGiveWhatLibzstdGives) {
  const std::uint64_t seed = 35;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const Bytes whole = small_stream_of_every_kind(random());
  int found = 0;
  for (int round = 0; round < 4'000; ++round) {
    Bytes blob = whole;
    for (auto flips = 1 + random() % 2; flips > 0; --flips)
      blob[random() % blob.size()] ^= static_cast<std::byte>(1 + random() % 255);
    const auto expected = libzstd_decodes(blob);
    const auto indexed = index_stream(Compression::zstd, blob, kHostileZstdSpacing);
    ASSERT_EQ(indexed.has_value(), expected.has_value())
        << "round " << round << ": " << (indexed ? "" : indexed.error().message());
    if (!indexed) {
      ++found;
      continue;
    }
    ASSERT_TRUE(indexed->plain == *expected) << "round " << round;
    const auto shared = std::make_shared<const MemoryBlob>(blob);
    for (const auto& point : indexed->tables->points) {
      const auto decoder =
          resume_zstd(shared, point.position,
                      ByteView(indexed->tables->states).subspan(point.state_offset, point.state_size));
      ASSERT_TRUE(decoder);
      Bytes out(expected->size() - point.offset);
      const auto got = (*decoder)->read(out);
      ASSERT_TRUE(got) << "round " << round << ", point at " << point.offset;
      EXPECT_TRUE(same_bytes(out, ByteView(*expected).subspan(point.offset)))
          << "round " << round << ", point at " << point.offset;
    }
  }
  EXPECT_GT(found, 1'000);
}

TEST(ZstdHostile, BrokenStatesAndPositionsAreErrorsOrBytes) {
  const std::uint64_t seed = 36;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const Bytes blob = zstd_of(sample_bytes(30'000, random()), {.window_log = 10, .has_checksum = true});
  const auto stream = index_stream(Compression::zstd, blob, kHostileZstdSpacing);
  ASSERT_TRUE(stream);
  ASSERT_GT(stream->tables->points.size(), 1U);
  const auto point = stream->tables->points[1];
  const Bytes whole(stream->tables->states.begin(),
                    stream->tables->states.begin() + static_cast<std::ptrdiff_t>(point.state_size));
  for (int round = 0; round < 3'000; ++round) {
    Bytes state = whole;
    std::uint64_t position = point.position;
    if (round % 3 == 0) state.resize(random() % state.size());
    if (round % 3 == 1) state[random() % state.size()] ^= static_cast<std::byte>(1 + random() % 255);
    if (round % 3 == 2) position = random() % (blob.size() + 2) * 8;
    read_to_end(blob, position, state, 1 << 20);
  }
  for (const Bytes& state : {bytes_of({2}), bytes_of({0, 0}), bytes_of({1}), bytes_of({1, 0, 0})}) {
    const auto decoder = resume_zstd(std::make_shared<const MemoryBlob>(blob), 0, state);
    ASSERT_FALSE(decoder);
    EXPECT_EQ(decoder.error().code(), Errc::corrupt);
  }
  for (const std::uint64_t position : {std::uint64_t{3}, (blob.size() + 1) * 8, ~std::uint64_t{7}}) {
    const auto decoder = resume_zstd(std::make_shared<const MemoryBlob>(blob), position, {});
    ASSERT_FALSE(decoder) << position;
    EXPECT_EQ(decoder.error().code(), Errc::corrupt);
  }
}

}  // namespace
}  // namespace layoutfs
