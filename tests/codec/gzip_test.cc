#include "core/codec/gzip.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "core/codec/gzip_window.h"
#include "tests/support/gzip_blobs.h"
#include "tests/support/stream_index_builder.h"

namespace layoutfs {
namespace {

using testing::append;
using testing::gzip_members_of;
using testing::gzip_of;
using testing::gzip_of_one_block;
using testing::index_stream;
using testing::IndexedStream;
using testing::MemoryBlob;
using testing::PiecewiseSource;
using testing::sample_bytes;

constexpr std::size_t kGzipSpacing = 16 << 10;

Bytes part_of(const Bytes& bytes, std::size_t offset, std::size_t size) {
  const auto part = ByteView(bytes).subspan(offset, std::min(size, bytes.size() - offset));
  return {part.begin(), part.end()};
}

// Decodes at most `size` bytes from `point` with reads of odd sizes.
Bytes read_gzip_from(const Bytes& blob, const PointRecord& point, const Bytes& states, std::size_t size,
                     DeflateLibrary library = best_deflate_library()) {
  auto decoder = resume_gzip_by(library, std::make_shared<MemoryBlob>(blob), point.position,
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

std::set<DeflateLibrary> libraries() { return {DeflateLibrary::zlib, best_deflate_library()}; }

Result<IndexedStream> index_by(DeflateLibrary library, const Bytes& blob, std::uint64_t spacing,
                               std::size_t piece = 1 << 16, std::size_t step = 1 << 16) {
  PiecewiseSource source(blob, piece);
  return index_stream(Compression::gzip, start_indexing_gzip_by(library, source, spacing), 2 * spacing, step);
}

// Tests each library with the points, regardless of the one that found them.
void expect_resumes_everywhere(const Bytes& blob, const IndexedStream& indexed, std::size_t size) {
  for (const DeflateLibrary library : libraries())
    for (const auto& point : indexed.tables->points)
      EXPECT_TRUE(read_gzip_from(blob, point, indexed.tables->states, size, library) ==
                  part_of(indexed.plain, point.offset, size))
          << "point at " << point.offset << ", bit " << point.position;
}

struct Variant {
  std::string name;
  Bytes blob;
  bool has_only_fixed_codes = false;
};

std::vector<Variant> variants_of(const Bytes& plain) {
  std::vector<Variant> variants;
  for (int level = 0; level <= 9; ++level)
    variants.push_back({"level " + std::to_string(level), gzip_of(plain, {.level = level})});
  for (const int strategy : {Z_FILTERED, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED})
    variants.push_back({"strategy " + std::to_string(strategy), gzip_of(plain, {.strategy = strategy}),
                        strategy == Z_FIXED});
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
  for (const auto& [name, blob, has_only_fixed_codes] : variants_of(plain)) {
    for (const DeflateLibrary library : libraries()) {
      SCOPED_TRACE(name);
      const auto indexed = index_by(library, blob, kGzipSpacing);
      ASSERT_TRUE(indexed) << indexed.error().message();
      ASSERT_TRUE(indexed->plain == plain);
      // zlib ends a block after at most 16383 symbols, about 100 KB of this content. ISA-L does not show the
      // boundaries of blocks with headers of three bits.
      if (library == DeflateLibrary::zlib || !has_only_fixed_codes) {
        EXPECT_GT(indexed->tables->points.size(), 4u);
      }
      EXPECT_TRUE(is_consistent(indexed->index(), blob.size()));
      expect_resumes_everywhere(blob, *indexed, 80'000);
    }
  }
}

TEST(Gzip, APointResumesUpToTheEndOfTheStream) {
  const Bytes plain = sample_bytes(300'000, 8);
  for (const Bytes& blob : {gzip_of(plain), gzip_members_of(plain, 70'000)}) {
    const auto indexed = index_stream(Compression::gzip, blob, kGzipSpacing);
    ASSERT_TRUE(indexed);
    expect_resumes_everywhere(blob, *indexed, plain.size() + 1);
  }
}

TEST(Gzip, PointsKeepTheirDistance) {
  const Bytes plain = sample_bytes(1'000'000, 9);
  const Bytes blob = gzip_of(plain, {.flush = Z_SYNC_FLUSH, .piece = 1'000});
  for (const DeflateLibrary library : libraries()) {
    const auto indexed = index_by(library, blob, kGzipSpacing);
    ASSERT_TRUE(indexed);
    const auto& points = indexed->tables->points;
    // ISA-L decodes ahead.
    const std::size_t late = library == DeflateLibrary::isal ? 2 * kDeflateWindow : 1'000;
    for (std::size_t i = 1; i < points.size(); ++i) {
      EXPECT_GE(points[i].offset - points[i - 1].offset, kGzipSpacing);
      EXPECT_LE(points[i].offset - points[i - 1].offset, kGzipSpacing + late);
    }
  }
}

TEST(Gzip, TheBlobMayArriveInAnyPiecesAndTheStreamBeAskedForInAny) {
  const Bytes plain = sample_bytes(200'000, 10);
  const Bytes blob = gzip_members_of(plain, 90'000, {.memory_level = 1, .with_header_fields = true});
  for (const DeflateLibrary library : libraries()) {
    const auto expected = index_by(library, blob, kGzipSpacing);
    ASSERT_TRUE(expected);
    for (const std::size_t piece : {1u, 13u, 1u << 20}) {
      for (const std::size_t room : {1u, 1000u, 1u << 20}) {
        SCOPED_TRACE("pieces of " + std::to_string(piece) + ", room for " + std::to_string(room));
        const auto indexed = index_by(library, blob, kGzipSpacing, piece, room);
        ASSERT_TRUE(indexed) << indexed.error().message();
        EXPECT_TRUE(indexed->plain == plain);
        EXPECT_GT(indexed->tables->points.size(), 4u);
        expect_resumes_everywhere(blob, *indexed, 40'000);
        // zlib stops at every block.
        if (library != DeflateLibrary::zlib) continue;
        EXPECT_TRUE(std::ranges::equal(indexed->tables->points, expected->tables->points, {},
                                       &PointRecord::position, &PointRecord::position));
      }
    }
  }
}

TEST(Gzip, AStreamOfOneBlockHasNoPointsAndIsRead) {
  const Bytes plain = sample_bytes(1'000'000, 11);
  const Bytes blob = gzip_of_one_block(plain);
  const auto indexed = index_stream(Compression::gzip, blob, kGzipSpacing, 4 * kGzipSpacing);
  ASSERT_TRUE(indexed) << indexed.error().message();
  EXPECT_TRUE(indexed->plain == plain);
  EXPECT_EQ(indexed->tables->points.size(), 1u);
  EXPECT_EQ(indexed->tables->spans.size(), (plain.size() + 4 * kGzipSpacing - 1) / (4 * kGzipSpacing));
}

TEST(Gzip, EmptyMembersAndPaddingMakeAnEmptyStream) {
  Bytes blob = gzip_of({});
  append(blob, gzip_of({}, {.with_header_fields = true}));
  for (int padding = 0; padding < 2; ++padding, blob.resize(blob.size() + 1000)) {
    const auto indexed = index_stream(Compression::gzip, blob, kGzipSpacing);
    ASSERT_TRUE(indexed) << indexed.error().message();
    EXPECT_TRUE(indexed->plain.empty());
    EXPECT_EQ(read_gzip_from(blob, {}, {}, 100), Bytes());
  }
}

TEST(Gzip, ZeroPaddingAfterTheLastMemberIsAccepted) {
  const Bytes plain = sample_bytes(100'000, 12);
  Bytes blob = gzip_of(plain);
  blob.resize(blob.size() + 300'000);
  const auto indexed = index_stream(Compression::gzip, blob, kGzipSpacing);
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
  WindowThinner thinner(best_deflate_library());
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

    Bytes window =
        part_of(plain, before - std::min(before, kDeflateWindow), std::min(before, kDeflateWindow));
    const Bytes whole = window;
    const BlockStart start{unused, std::to_integer<std::uint8_t>(blob[at - 1]), ByteView(blob).subspan(at)};
    ASSERT_TRUE(thinner.thin(window, start, ByteView(plain).subspan(before)));
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

TEST(GzipWindow, AWindowThatGivesOtherBytesIsRefused) {
  const Bytes plain = sample_bytes(2 * kDeflateWindow, 16);
  const Bytes blob = gzip_of(plain, {.flush = Z_SYNC_FLUSH, .piece = kDeflateWindow});
  // A sync flush ends with an empty stored block, at the end of a byte.
  constexpr std::array kFlushed{std::byte{0}, std::byte{0}, std::byte{0xff}, std::byte{0xff}};
  const auto flushed = std::ranges::search(blob, kFlushed);
  const BlockStart start{0, 0, ByteView(flushed.end(), blob.end())};
  for (const DeflateLibrary library : libraries()) {
    WindowThinner thinner(library);
    for (const std::size_t known : {std::size_t{100}, kDeflateWindow}) {
      const auto following = ByteView(plain).subspan(kDeflateWindow, known);
      Bytes window = part_of(plain, 0, kDeflateWindow);
      EXPECT_TRUE(thinner.thin(window, start, following));
      Bytes other = part_of(plain, kDeflateWindow, kDeflateWindow);
      EXPECT_FALSE(thinner.thin(other, start, following));
      EXPECT_TRUE(other == part_of(plain, kDeflateWindow, kDeflateWindow));
    }
  }
}

TEST(GzipWindow, AWindowStaysWholeWhereTooLittleIsKnownOfWhatFollows) {
  const Bytes whole = sample_bytes(kDeflateWindow, 15);
  Bytes window = whole;
  EXPECT_TRUE(WindowThinner(best_deflate_library()).thin(window, {0, 0, {}}, whole));
  EXPECT_TRUE(window == whole);
}

}  // namespace
}  // namespace layoutfs
