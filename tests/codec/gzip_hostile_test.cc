// Broken gzip streams and broken access points: an error or the right bytes, never anything else.
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <random>
#include <string>

#include "core/codec/gzip.h"
#include "core/codec/gzip_state.h"
#include "tests/support/gzip_blobs.h"
#include "tests/support/stream_index_builder.h"

namespace layoutfs {
namespace {

using testing::append;
using testing::DeflateWriter;
using testing::gzip_members_of;
using testing::gzip_of;
using testing::index_stream;
using testing::MemoryBlob;
using testing::sample_bytes;

constexpr std::size_t kHostileGzipSpacing = 4 << 10;

TEST(GzipHostile, AStreamCutAnywhereButAfterAMemberBreaksOff) {
  const Bytes plain = sample_bytes(3'000, 21);
  Bytes blob;
  std::vector<std::size_t> ends;
  for (const Bytes& member :
       {gzip_of(plain), gzip_of(plain, {.level = 0, .with_header_fields = true}), gzip_of({})}) {
    append(blob, member);
    ends.push_back(blob.size());
  }
  for (std::size_t cut = 0; cut < blob.size(); ++cut) {
    const auto indexed = index_stream(Compression::gzip, ByteView(blob).first(cut), kHostileGzipSpacing);
    if (std::ranges::find(ends, cut) != ends.end()) {
      EXPECT_TRUE(indexed) << "cut at " << cut;
      continue;
    }
    ASSERT_FALSE(indexed) << "cut at " << cut;
    EXPECT_EQ(indexed.error().code(), Errc::corrupt);
    EXPECT_EQ(indexed.error().message(), "unexpected end of gzip stream") << "cut at " << cut;
  }
}

TEST(GzipHostile, FlippedBitsAreFoundOrHarmless) {
  const std::uint64_t seed = 22;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const Bytes plain = sample_bytes(30'000, random());
  const Bytes whole = gzip_members_of(plain, 11'000, {.memory_level = 2, .with_header_fields = true});
  int found = 0;
  for (int round = 0; round < 2'000; ++round) {
    Bytes blob = whole;
    const std::size_t at = round < 500 ? static_cast<std::size_t>(round) : random() % blob.size();
    blob[at] ^= static_cast<std::byte>(1u << random() % 8);
    const auto indexed = index_stream(Compression::gzip, blob, kHostileGzipSpacing);
    if (indexed) {
      EXPECT_TRUE(indexed->plain == plain) << "flipped at " << at;
    } else {
      EXPECT_EQ(indexed.error().code(), Errc::corrupt) << indexed.error().message();
      ++found;
    }
  }
  EXPECT_GT(found, 1'900);  // headers and content have check values
}

TEST(GzipHostile, EveryByteOfATrailerMatters) {
  const Bytes plain = sample_bytes(5'000, 23);
  const Bytes whole = gzip_members_of(plain, 2'000);
  const std::size_t first_member = gzip_of(ByteView(plain).first(2'000)).size();
  for (const std::size_t end : {first_member, whole.size()}) {
    for (std::size_t i = 1; i <= 8; ++i) {
      Bytes blob = whole;
      blob[end - i] ^= std::byte{1};
      const auto indexed = index_stream(Compression::gzip, blob, kHostileGzipSpacing);
      ASSERT_FALSE(indexed);
      EXPECT_EQ(indexed.error().code(), Errc::corrupt);
      EXPECT_NE(indexed.error().message().find(i > 4 ? "CRC mismatch" : "length mismatch"), std::string::npos)
          << indexed.error().message();
    }
  }
}

TEST(GzipHostile, ReservedFlagsOtherMethodsAndWrongHeaderCrcsAreRefused) {
  for (const auto& [at, value] : {std::pair{std::size_t{2}, 7}, {3, 0x20}, {3, 0x80}}) {
    Bytes blob = gzip_of(sample_bytes(100, 24));
    blob[at] = static_cast<std::byte>(value);
    EXPECT_EQ(index_stream(Compression::gzip, blob, kHostileGzipSpacing).error().code(), Errc::corrupt);
  }
  Bytes blob = gzip_of(sample_bytes(100, 24), {.with_header_fields = true});
  blob[4] ^= std::byte{1};
  EXPECT_NE(index_stream(Compression::gzip, blob, kHostileGzipSpacing)
                .error()
                .message()
                .find("header CRC mismatch"),
            std::string::npos);
}

TEST(GzipHostile, WhatFollowsTheLastMemberIsPaddingOrAnError) {
  const Bytes whole = gzip_of(sample_bytes(5'000, 25));
  for (const auto& tail : {Bytes{std::byte{1}}, Bytes{std::byte{0}, std::byte{0x1f}},
                           Bytes{std::byte{0x1f}, std::byte{0x8c}}, Bytes(whole.rbegin(), whole.rend())}) {
    Bytes blob = whole;
    append(blob, tail);
    const auto indexed = index_stream(Compression::gzip, blob, kHostileGzipSpacing);
    ASSERT_FALSE(indexed);
    EXPECT_EQ(indexed.error().code(), Errc::corrupt);
    EXPECT_EQ(indexed.error().message(), "trailing garbage after the gzip stream");
  }
  EXPECT_EQ(
      index_stream(Compression::gzip, as_bytes("no gzip at all"), kHostileGzipSpacing).error().message(),
      "not a gzip stream");
}

TEST(GzipHostile, ManyEmptyBlocksAreReadInOneStep) {
  const Bytes plain{std::byte{'x'}};
  const auto indexed = index_stream(Compression::gzip, testing::gzip_of_empty_blocks(1'000'000, plain[0]), 1);
  ASSERT_TRUE(indexed) << indexed.error().message();
  EXPECT_TRUE(indexed->plain == plain);
}

// Reads all; the bytes do not matter, only that it ends.
std::size_t drain(Result<std::unique_ptr<Decoder>> decoder, std::size_t limit) {
  if (!decoder) {
    EXPECT_EQ(decoder.error().code(), Errc::corrupt);
    return 0;
  }
  Bytes out(1'000);
  std::size_t total = 0;
  while (total <= limit) {
    const auto size = (*decoder)->read(out);
    if (!size) {
      EXPECT_EQ(size.error().code(), Errc::corrupt) << size.error().message();
      break;
    }
    if (*size == 0) break;
    total += *size;
  }
  return total;
}

TEST(GzipHostile, BrokenPointsEndInErrorsOrBytes) {
  const std::uint64_t seed = 26;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const Bytes plain = sample_bytes(400'000, random());
  const auto blob = std::make_shared<MemoryBlob>(gzip_of(plain, {.memory_level = 2}));
  Bytes content(blob->size());
  ASSERT_EQ(blob->read_at(content, 0).value(), content.size());
  const auto indexed = index_stream(Compression::gzip, content, kHostileGzipSpacing);
  ASSERT_TRUE(indexed);
  ASSERT_GT(indexed->tables->points.size(), 3u);
  const PointRecord& point = indexed->tables->points[2];
  const auto state = ByteView(indexed->tables->states).subspan(point.state_offset, point.state_size);
  constexpr std::size_t kLimit = 1 << 20;

  EXPECT_EQ(drain(resume_gzip(blob, point.position, state), kLimit), plain.size() - point.offset);
  for (std::size_t size = 0; size < state.size(); size += 7)
    EXPECT_EQ(drain(resume_gzip(blob, point.position, state.first(size)), kLimit), 0u)
        << "state cut at " << size;
  for (int round = 0; round < 500; ++round) {
    Bytes flipped(state.begin(), state.end());
    flipped[random() % flipped.size()] ^= static_cast<std::byte>(1u << random() % 8);
    EXPECT_LE(drain(resume_gzip(blob, point.position, flipped), kLimit), kLimit);
    EXPECT_LE(drain(resume_gzip(blob, random() % (content.size() * 8 + 100), state), kLimit), kLimit);
  }
  EXPECT_EQ(resume_gzip(blob, content.size() * 8 + 8, state).error().code(), Errc::corrupt);
  EXPECT_EQ(resume_gzip(blob, ~std::uint64_t{0}, state).error().code(), Errc::corrupt);
  EXPECT_EQ(resume_gzip(blob, 8, {}).error().code(), Errc::corrupt);
}

TEST(GzipHostile, AResumedDecoderNeverReadsPastABlobThatWasCut) {
  const Bytes plain = sample_bytes(20'000, 27);
  const Bytes blob = gzip_of(plain, {.memory_level = 2});
  const auto indexed = index_stream(Compression::gzip, blob, kHostileGzipSpacing);
  ASSERT_TRUE(indexed);
  for (const auto& point : indexed->tables->points) {
    const auto state = ByteView(indexed->tables->states).subspan(point.state_offset, point.state_size);
    for (std::size_t cut = 0; cut < blob.size(); cut += 97) {
      const auto shorter =
          std::make_shared<MemoryBlob>(Bytes(blob.begin(), blob.begin() + static_cast<std::ptrdiff_t>(cut)));
      EXPECT_LE(drain(resume_gzip(shorter, point.position, state), plain.size()),
                plain.size() - point.offset);
    }
  }
}

}  // namespace
}  // namespace layoutfs
