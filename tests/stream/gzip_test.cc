#include "core/stream/gzip.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/stream/gzip_window.h"
#include "tests/support/gzip_blobs.h"
#include "tests/support/stream_index_builder.h"

namespace layoutfs {
namespace {

using testing::append;
using testing::gzip_members_of;
using testing::gzip_of;
using testing::gzip_of_one_block;
using testing::GzipOptions;
using testing::index_stream;
using testing::IndexedStream;
using testing::MemoryBlob;
using testing::PiecewiseSource;
using testing::sample_bytes;

constexpr std::size_t kSpacing = 16 << 10;

Bytes part_of(const Bytes& bytes, std::size_t offset, std::size_t size) {
  const auto part = ByteView(bytes).subspan(offset, std::min(size, bytes.size() - offset));
  return {part.begin(), part.end()};
}

// What a decoder resumed at `point` reads, at most `size` bytes, in reads of odd sizes.
Bytes read_from(const Bytes& blob, const PointRecord& point, const Bytes& states, std::size_t size) {
  auto decoder = resume_gzip(std::make_shared<MemoryBlob>(blob), point.position,
                             ByteView(states).subspan(point.state_offset, point.state_size));
  if (!decoder) {
    ADD_FAILURE() << decoder.error().message();
    return {};
  }
  Bytes out(size);
  std::size_t done = 0;
  while (done < size) {
    const auto got = (*decoder)->read(std::span(out).subspan(done, std::min<std::size_t>(size - done, 7777)));
    if (!got) ADD_FAILURE() << got.error().message();
    if (!got || *got == 0) break;
    done += *got;
  }
  out.resize(done);
  return out;
}

void expect_resumes_everywhere(const Bytes& blob, const IndexedStream& indexed, std::size_t size) {
  for (const auto& point : indexed.tables->points)
    EXPECT_TRUE(read_from(blob, point, indexed.tables->states, size) ==
                part_of(indexed.plain, point.offset, size))
        << "point at " << point.offset << ", bit " << point.position;
}

struct Variant {
  std::string name;
  Bytes blob;
};

std::vector<Variant> variants_of(const Bytes& plain) {
  std::vector<Variant> variants;
  for (int level = 0; level <= 9; ++level)
    variants.push_back({"level " + std::to_string(level), gzip_of(plain, {.level = level})});
  for (const int strategy : {Z_FILTERED, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED})
    variants.push_back({"strategy " + std::to_string(strategy), gzip_of(plain, {.strategy = strategy})});
  for (const int flush : {Z_PARTIAL_FLUSH, Z_SYNC_FLUSH, Z_FULL_FLUSH, Z_BLOCK})
    for (const std::size_t piece : {100u, 1'000u, 50'000u})
      variants.push_back({"flush " + std::to_string(flush) + " each " + std::to_string(piece),
                          gzip_of(plain, {.flush = flush, .piece = piece})});
  variants.push_back({"small blocks", gzip_of(plain, {.memory_level = 1})});
  variants.push_back({"members of 512 bytes", gzip_members_of(plain, 512)});
  variants.push_back(
      {"members of 512 bytes with header fields", gzip_members_of(plain, 512, {.with_header_fields = true})});
  variants.push_back({"members of 100000 bytes", gzip_members_of(plain, 100'000)});
  Bytes with_empty_members = gzip_of({});
  append(with_empty_members, gzip_members_of(plain, 40'000));
  append(with_empty_members, gzip_of({}));
  variants.push_back({"empty members around others", with_empty_members});
  return variants;
}

TEST(Gzip, EveryPointOfEveryKindOfStreamResumesWithTheRightBytes) {
  const Bytes plain = sample_bytes(700'000, 7);
  for (const auto& [name, blob] : variants_of(plain)) {
    SCOPED_TRACE(name);
    const auto indexed = index_stream(Compression::gzip, blob, kSpacing, 2 * kSpacing);
    ASSERT_TRUE(indexed) << indexed.error().message();
    ASSERT_TRUE(indexed->plain == plain);
    // zlib ends a block after 16383 symbols at the latest, at most some 100 KB of this content.
    EXPECT_GT(indexed->tables->points.size(), 4u);
    EXPECT_TRUE(is_consistent(indexed->index(), blob.size()));
    expect_resumes_everywhere(blob, *indexed, 80'000);
  }
}

TEST(Gzip, APointResumesUpToTheEndOfTheStream) {
  const Bytes plain = sample_bytes(300'000, 8);
  for (const Bytes& blob : {gzip_of(plain), gzip_members_of(plain, 70'000)}) {
    const auto indexed = index_stream(Compression::gzip, blob, kSpacing);
    ASSERT_TRUE(indexed);
    expect_resumes_everywhere(blob, *indexed, plain.size() + 1);
  }
}

TEST(Gzip, PointsKeepTheirDistance) {
  const Bytes plain = sample_bytes(1'000'000, 9);
  const auto indexed =
      index_stream(Compression::gzip, gzip_of(plain, {.flush = Z_SYNC_FLUSH, .piece = 1'000}), kSpacing);
  ASSERT_TRUE(indexed);
  const auto& points = indexed->tables->points;
  for (std::size_t i = 1; i < points.size(); ++i) {
    EXPECT_GE(points[i].offset - points[i - 1].offset, kSpacing);
    EXPECT_LE(points[i].offset - points[i - 1].offset, kSpacing + 1'000);
  }
}

TEST(Gzip, PointsDoNotDependOnHowTheBlobArrivesOrTheStreamIsAskedFor) {
  const Bytes plain = sample_bytes(200'000, 10);
  const Bytes blob = gzip_members_of(plain, 90'000, {.memory_level = 1, .with_header_fields = true});
  const auto expected = index_stream(Compression::gzip, blob, kSpacing);
  ASSERT_TRUE(expected);
  for (const std::size_t piece : {1u, 13u, 1u << 20}) {
    for (const std::size_t room : {1u, 1000u, 1u << 20}) {
      PiecewiseSource source(blob, piece);
      const auto decoder = start_indexing_gzip(source, kSpacing);
      Bytes plain_again;
      std::vector<std::uint64_t> offsets{0}, positions{0};
      Bytes out(room);
      while (true) {
        const auto step = decoder->step(out);
        ASSERT_TRUE(step) << step.error().message();
        append(plain_again, ByteView(out).first(step->size));
        if (step->end) break;
        ASSERT_TRUE(step->size > 0 || step->point);
        if (!step->point) continue;
        offsets.push_back(plain_again.size());
        positions.push_back(step->point->position);
      }
      EXPECT_TRUE(plain_again == plain);
      ASSERT_EQ(offsets.size(), expected->tables->points.size())
          << "pieces of " << piece << ", room for " << room;
      for (std::size_t i = 0; i < offsets.size(); ++i) {
        EXPECT_EQ(offsets[i], expected->tables->points[i].offset);
        EXPECT_EQ(positions[i], expected->tables->points[i].position);
      }
    }
  }
}

TEST(Gzip, AStreamOfOneBlockHasNoPointsAndIsRead) {
  const Bytes plain = sample_bytes(1'000'000, 11);
  const Bytes blob = gzip_of_one_block(plain);
  const auto indexed = index_stream(Compression::gzip, blob, kSpacing, 4 * kSpacing);
  ASSERT_TRUE(indexed) << indexed.error().message();
  EXPECT_TRUE(indexed->plain == plain);
  EXPECT_EQ(indexed->tables->points.size(), 1u);
  EXPECT_EQ(indexed->tables->spans.size(), (plain.size() + 4 * kSpacing - 1) / (4 * kSpacing));
}

TEST(Gzip, EmptyMembersAndPaddingMakeAnEmptyStream) {
  Bytes blob = gzip_of({});
  append(blob, gzip_of({}, {.with_header_fields = true}));
  for (int padding = 0; padding < 2; ++padding, blob.resize(blob.size() + 1000)) {
    const auto indexed = index_stream(Compression::gzip, blob, kSpacing);
    ASSERT_TRUE(indexed) << indexed.error().message();
    EXPECT_TRUE(indexed->plain.empty());
    EXPECT_EQ(read_from(blob, {}, {}, 100), Bytes());
  }
}

TEST(Gzip, ZeroPaddingAfterTheLastMemberIsAccepted) {
  const Bytes plain = sample_bytes(100'000, 12);
  Bytes blob = gzip_of(plain);
  blob.resize(blob.size() + 300'000);
  const auto indexed = index_stream(Compression::gzip, blob, kSpacing);
  ASSERT_TRUE(indexed) << indexed.error().message();
  EXPECT_TRUE(indexed->plain == plain);
  expect_resumes_everywhere(blob, *indexed, plain.size() + 1);
}

TEST(Gzip, WindowsKeepOnlyWhatIsReferredTo) {
  const Bytes plain = sample_bytes(2'000'000, 13);
  const Bytes blob = gzip_of(plain);
  const auto indexed = index_stream(Compression::gzip, blob, 64 << 10);
  ASSERT_TRUE(indexed);
  const auto& points = indexed->tables->points;
  ASSERT_GT(points.size(), 10u);
  // A whole window of this content takes 9 KB at least, compressed with deflate as the blob itself.
  EXPECT_LT(indexed->tables->states.size() / (points.size() - 1), 7'000u);
}

TEST(GzipWindow, ThinningChangesNothingOfWhatFollows) {
  const std::uint64_t seed = 14;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  WindowThinner thinner;
  for (int round = 0; round < 40; ++round) {
    const std::size_t before = 1 + random() % 70'000;
    const Bytes plain = sample_bytes(before + 1 + random() % 70'000, random());
    // The flush ends a block after `before` bytes, with the window still in use.
    const int level = 1 + static_cast<int>(random() % 9);
    const Bytes blob = gzip_of(plain, {.level = level, .flush = Z_SYNC_FLUSH, .piece = before});
    z_stream zlib{};
    ASSERT_EQ(inflateInit2(&zlib, MAX_WBITS + 16), Z_OK);
    Bytes out(plain.size());
    zlib.next_in = reinterpret_cast<const Bytef*>(blob.data());
    zlib.avail_in = static_cast<uInt>(blob.size());
    zlib.next_out = reinterpret_cast<Bytef*>(out.data());
    zlib.avail_out = static_cast<uInt>(out.size());
    while (zlib.total_out < before || (zlib.data_type & 128) == 0) ASSERT_EQ(inflate(&zlib, Z_BLOCK), Z_OK);
    ASSERT_EQ(zlib.total_out, before);
    const auto unused = static_cast<unsigned>(zlib.data_type & 7);
    const auto at = static_cast<std::size_t>(reinterpret_cast<const std::byte*>(zlib.next_in) - blob.data());
    inflateEnd(&zlib);

    Bytes window = part_of(plain, before - std::min(before, kGzipWindow), std::min(before, kGzipWindow));
    const Bytes whole = window;
    const BlockStart start{unused, std::to_integer<std::uint8_t>(blob[at - 1]), ByteView(blob).subspan(at)};
    thinner.thin(window, start);
    for (std::size_t i = 0; i < window.size(); ++i)
      ASSERT_TRUE(window[i] == whole[i] || window[i] == std::byte{0}) << i;

    z_stream raw{};
    ASSERT_EQ(inflateInit2(&raw, -MAX_WBITS), Z_OK);
    if (unused > 0) inflatePrime(&raw, static_cast<int>(unused), start.byte_before >> (8 - unused));
    inflateSetDictionary(&raw, reinterpret_cast<const Bytef*>(window.data()),
                         static_cast<uInt>(window.size()));
    Bytes after(plain.size() - before);
    raw.next_in = reinterpret_cast<const Bytef*>(start.following.data());
    raw.avail_in = static_cast<uInt>(start.following.size());
    raw.next_out = reinterpret_cast<Bytef*>(after.data());
    raw.avail_out = static_cast<uInt>(after.size());
    const int result = inflate(&raw, Z_NO_FLUSH);
    EXPECT_TRUE(result == Z_OK || result == Z_STREAM_END) << result;
    inflateEnd(&raw);
    EXPECT_TRUE(after == part_of(plain, before, plain.size())) << "round " << round;
  }
}

TEST(GzipWindow, AWindowStaysWholeWhereTooLittleIsKnownOfWhatFollows) {
  const Bytes whole = sample_bytes(kGzipWindow, 15);
  Bytes window = whole;
  WindowThinner().thin(window, {0, 0, {}});
  EXPECT_TRUE(window == whole);
}

}  // namespace
}  // namespace layoutfs
