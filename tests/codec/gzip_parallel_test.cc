// The oracle is start_indexing_gzip, which has its own tests against zlib.
#include "core/codec/gzip_parallel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

#include "core/codec/gzip.h"
#include "tests/support/gzip_blobs.h"
#include "tests/support/stream_index_builder.h"

namespace layoutfs {
namespace {

using testing::append;
using testing::DeflateWriter;
using testing::gzip_members_of;
using testing::gzip_of;
using testing::index_stream;
using testing::IndexedStream;
using testing::MemoryBlob;
using testing::PiecewiseSource;
using testing::sample_bytes;

constexpr std::uint64_t kParallelSpacing = 32 << 10;

// Small pieces, so that small blobs have many.
GzipParallelOptions small_pieces(std::size_t threads, DeflateLibrary library = best_deflate_library()) {
  return {.threads = threads, .library = library, .piece_size = 24 << 10, .chunk_size = 150 << 10};
}

Result<IndexedStream> index_in_parallel(const Bytes& blob, const GzipParallelOptions& options,
                                        std::uint64_t spacing = kParallelSpacing,
                                        std::size_t step = 1 << 16) {
  PiecewiseSource source(blob, 10'000);
  return index_stream(Compression::gzip, start_indexing_gzip_in_parallel(source, spacing, options),
                      kMaxSpanSize, step);
}

void expect_resumes(const Bytes& blob, const IndexedStream& indexed) {
  const auto content = std::make_shared<MemoryBlob>(blob);
  for (const PointRecord& point : indexed.tables->points) {
    const auto state = ByteView(indexed.tables->states).subspan(point.state_offset, point.state_size);
    auto decoder = resume_gzip(content, point.position, state);
    ASSERT_TRUE(decoder) << decoder.error().message();
    Bytes out(std::min<std::size_t>(2 * kDeflateWindow, indexed.plain.size() - point.offset));
    ASSERT_EQ((*decoder)->read(out).value_or(0), out.size());
    EXPECT_TRUE(std::ranges::equal(out, ByteView(indexed.plain).subspan(point.offset, out.size())))
        << "point at " << point.offset << ", bit " << point.position;
  }
}

struct NamedBlob {
  std::string name;
  Bytes blob, plain;
};

void add_blob(std::vector<NamedBlob>& blobs, std::string name, const Bytes& plain, Bytes blob) {
  blobs.push_back({std::move(name), std::move(blob), plain});
}

std::vector<NamedBlob> parallel_blobs() {
  std::vector<NamedBlob> blobs;
  const Bytes plain = sample_bytes(500'000, 41);
  for (int level = 0; level <= 9; ++level)
    add_blob(blobs, "level " + std::to_string(level), plain, gzip_of(plain, {.level = level}));
  for (const int strategy : {Z_FILTERED, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED})
    add_blob(blobs, "strategy " + std::to_string(strategy), plain, gzip_of(plain, {.strategy = strategy}));
  for (const int flush : {Z_PARTIAL_FLUSH, Z_SYNC_FLUSH, Z_FULL_FLUSH, Z_BLOCK})
    for (const std::size_t piece : {700u, 30'000u})
      add_blob(blobs, "flush " + std::to_string(flush) + " each " + std::to_string(piece), plain,
               gzip_of(plain, {.flush = flush, .piece = piece}));
  add_blob(blobs, "small blocks", plain, gzip_of(plain, {.memory_level = 1}));
  for (const std::size_t member : {2'000u, 20'000u, 300'000u})
    add_blob(blobs, "members of " + std::to_string(member), plain,
             gzip_members_of(plain, member, {.memory_level = 1, .with_header_fields = true}));
  Bytes with_empty_members = gzip_of({});
  append(with_empty_members, gzip_members_of(plain, 200'000, {.memory_level = 3}));
  append(with_empty_members, gzip_of({}));
  with_empty_members.resize(with_empty_members.size() + 100'000);
  add_blob(blobs, "empty members and padding", plain, with_empty_members);

  const Bytes zeros(5'000'000);
  add_blob(blobs, "zeros", zeros, gzip_of(zeros));
  Bytes mixed = sample_bytes(400'000, 42);
  mixed.resize(2'000'000);
  append(mixed, sample_bytes(400'000, 43));
  add_blob(blobs, "zeros between others", mixed, gzip_of(mixed, {.memory_level = 4}));

  std::mt19937_64 random(44);
  Bytes noise(600'000);
  for (auto& byte : noise) byte = static_cast<std::byte>(random());
  add_blob(blobs, "noise", noise, gzip_of(noise));
  // Everything refers to bytes 32 KiB before, so no window gets known before the chunk ends.
  Bytes far;
  for (int i = 0; i < 40; ++i) append(far, ByteView(noise).first(kDeflateWindow - 300));
  add_blob(blobs, "a repeated window", far, gzip_of(far, {.level = 9, .memory_level = 1}));

  // The blocks of the stored blobs are none of this one.
  Bytes stored = sample_bytes(100'000, 45);
  for (int i = 0; i < 8; ++i) append(stored, gzip_of(plain, {.level = 1 + i, .memory_level = 2}));
  append(stored, sample_bytes(100'000, 46));
  add_blob(blobs, "stored gzip blobs", stored, gzip_of(stored, {.memory_level = 2}));
  add_blob(blobs, "nothing but stored gzip blobs", stored, gzip_of(stored, {.level = 0}));
  return blobs;
}

TEST(GzipParallel, GivesTheSameBytesAndPointsThatResume) {
  constexpr std::array<std::size_t, 5> kThreads{2, 3, 5, 8, 16};
  std::size_t number = 0;
  for (const auto& [name, blob, plain] : parallel_blobs()) {
    for (const std::size_t threads : {std::size_t{1}, kThreads[number++ % kThreads.size()]}) {
      SCOPED_TRACE(name + ", threads " + std::to_string(threads));
      const auto indexed = index_in_parallel(blob, small_pieces(threads));
      ASSERT_TRUE(indexed) << indexed.error().message();
      ASSERT_TRUE(indexed->plain == plain);
      ASSERT_TRUE(is_consistent(indexed->index(), blob.size()));
      if (threads > 1) expect_resumes(blob, *indexed);
    }
  }
}

TEST(GzipParallel, ZlibGivesTheSameBytesAndPointsThatResume) {
  for (const auto& [name, blob, plain] : parallel_blobs()) {
    SCOPED_TRACE(name);
    const auto indexed = index_in_parallel(blob, small_pieces(3, DeflateLibrary::zlib));
    ASSERT_TRUE(indexed) << indexed.error().message();
    ASSERT_TRUE(indexed->plain == plain);
    expect_resumes(blob, *indexed);
  }
}

TEST(GzipParallel, AnySizesOfPiecesChunksStepsAndSpacingsGiveTheSameBytes) {
  const std::uint64_t seed = 47;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto below = [&random](std::size_t limit) { return static_cast<std::size_t>(random() % limit); };
  for (int round = 0; round < 40; ++round) {
    const Bytes plain = sample_bytes(1 + below(900'000), random());
    const Bytes blob = gzip_members_of(plain, 1 + below(1'500'000),
                                       {.level = static_cast<int>(below(10)),
                                        .memory_level = static_cast<int>(1 + below(9)),
                                        .flush = below(2) == 0 ? Z_NO_FLUSH : Z_SYNC_FLUSH,
                                        .piece = 1000 + below(100'000)});
    GzipParallelOptions options{.threads = 1 + below(6),
                                .piece_size = 500 + below(60'000),
                                .chunk_size = std::size_t{40'000} + below(300'000)};
    // Cores may come and go.
    if (below(2) == 0) options.has_cores = [&below] { return below(3) != 0; };
    const std::uint64_t spacing = below(4) == 0 ? ~std::uint64_t{0} : 1 + below(200'000);
    const auto indexed = index_in_parallel(blob, options, spacing, 1 + below(100'000));
    ASSERT_TRUE(indexed) << indexed.error().message() << " in round " << round;
    ASSERT_TRUE(indexed->plain == plain) << "round " << round;
    expect_resumes(blob, *indexed);
  }
}

TEST(GzipParallel, PointsAreAboutAsFarApartAsAskedFor) {
  const Bytes plain = sample_bytes(3'000'000, 48);
  const Bytes blob = gzip_of(plain, {.memory_level = 2});
  constexpr std::uint64_t kLongestBlock = 64 << 10;
  for (const std::uint64_t spacing : {20'000u, 100'000u, 400'000u}) {
    const auto indexed = index_in_parallel(blob, small_pieces(3), spacing);
    ASSERT_TRUE(indexed) << indexed.error().message();
    const auto& points = indexed->tables->points;
    EXPECT_GT(points.size(), plain.size() / spacing / 2);
    for (std::size_t i = 1; i < points.size(); ++i) {
      EXPECT_GE(points[i].offset - points[i - 1].offset, spacing * 3 / 4);
      EXPECT_LE(points[i].offset - points[i - 1].offset, 2 * spacing + kLongestBlock);
    }
  }
}

// Returns the stream; ignores the points, whose states may contain the damage.
Result<Bytes> drained(IndexingDecoder& decoder) {
  Bytes plain, out(1 << 16);
  for (;;) {
    const auto step = decoder.step(out);
    if (!step) return fail(Error(step.error()));
    append(plain, ByteView(out).first(step->size));
    if (step->end) return plain;
  }
}

TEST(GzipParallel, BrokenStreamsFailAsWithOneThread) {
  const std::uint64_t seed = 49;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const Bytes plain = sample_bytes(400'000, random());
  const Bytes whole = gzip_members_of(plain, 150'000, {.memory_level = 2, .with_header_fields = true});
  int failed = 0;
  for (int round = 0; round < 150; ++round) {
    Bytes blob = whole;
    const std::size_t at = random() % blob.size();
    switch (round % 3) {
      case 0:
        blob.resize(at);
        break;
      case 1:
        blob[at] ^= static_cast<std::byte>(1u << random() % 8);
        break;
      default:
        blob.insert(blob.begin() + static_cast<std::ptrdiff_t>(at), 1 + random() % 5,
                    static_cast<std::byte>(random()));
    }
    SCOPED_TRACE("round " + std::to_string(round));
    PiecewiseSource source(blob), again(blob);
    const auto expected = drained(*start_indexing_gzip(source, kParallelSpacing));
    const auto found =
        drained(*start_indexing_gzip_in_parallel(again, kParallelSpacing, small_pieces(1 + random() % 4)));
    ASSERT_EQ(found.has_value(), expected.has_value());
    if (expected) {
      EXPECT_TRUE(*found == *expected);
      continue;
    }
    ++failed;
    EXPECT_EQ(found.error().code(), Errc::corrupt);
    // Up to the position, which depends on the pieces of input.
    const auto kind = [](const Error& error) {
      const std::string& text = error.message();
      return text.starts_with("invalid gzip stream near byte") ? text.substr(text.find(": ")) : text;
    };
    EXPECT_EQ(kind(found.error()), kind(expected.error()));
  }
  EXPECT_GT(failed, 120);
}

TEST(GzipParallel, EveryByteOfATrailerMattersInTheMiddleOfAChunk) {
  const Bytes plain = sample_bytes(600'000, 50);
  const Bytes first = gzip_of(ByteView(plain).first(300'000), {.memory_level = 2});
  Bytes whole = first;
  append(whole, gzip_of(ByteView(plain).subspan(300'000), {.memory_level = 2}));
  for (std::size_t i = 1; i <= 8; ++i) {
    Bytes blob = whole;
    blob[first.size() - i] ^= std::byte{1};
    const auto indexed = index_in_parallel(blob, small_pieces(3));
    ASSERT_FALSE(indexed);
    EXPECT_EQ(indexed.error().message(), "invalid gzip stream near byte " + std::to_string(first.size()) +
                                             (i > 4 ? ": CRC mismatch" : ": length mismatch"));
  }
}

TEST(GzipParallel, AReferenceToBytesBeforeTheMemberIsAnError) {
  // The member has 300 bytes where a later chunk refers to 20,000 bytes before.
  const Bytes plain = sample_bytes(400'000, 51);
  const Bytes blob = gzip_of(plain, {.memory_level = 1});
  const auto indexed = index_stream(Compression::gzip, blob, 10'000);
  ASSERT_TRUE(indexed);
  const PointRecord& point = indexed->tables->points.at(3);
  DeflateWriter writer;
  writer.bits(0, 1);
  writer.bits(1, 2);
  for (int i = 0; i < 300; ++i) writer.literal(std::byte{'x'});
  writer.code(0, 7);
  for (std::uint64_t bit = point.position; bit < (blob.size() - 8) * 8; ++bit)
    writer.bits(std::to_integer<std::uint32_t>(blob[bit / 8]) >> (bit % 8) & 1, 1);
  const auto broken = index_in_parallel(writer.as_gzip(plain), small_pieces(3));
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code(), Errc::corrupt);
}

TEST(GzipParallel, ManyEmptyBlocksAreReadInOneStep) {
  const Bytes plain{std::byte{'x'}};
  const auto indexed =
      index_in_parallel(testing::gzip_of_empty_blocks(200'000, plain[0]), small_pieces(2), 1);
  ASSERT_TRUE(indexed) << indexed.error().message();
  EXPECT_TRUE(indexed->plain == plain);
}

// Fails after some bytes.
class FailingSource final : public ByteSource {
 public:
  FailingSource(ByteView bytes, Errc error) : rest_(bytes), error_(error) {}
  Result<std::size_t> read(std::span<std::byte> out) override {
    if (rest_.empty()) return fail(error_, "failed");
    const ByteView piece = rest_.first(std::min(out.size(), rest_.size()));
    copy_bytes(piece, out);
    rest_ = rest_.subspan(piece.size());
    return piece.size();
  }

 private:
  ByteView rest_;
  Errc error_;
};

TEST(GzipParallel, AFailedReadEndsThePassWithItsError) {
  const Bytes blob = gzip_of(sample_bytes(1'000'000, 52));
  for (const Errc error : {Errc::cancelled, Errc::io})
    for (std::size_t size = 0; size < blob.size(); size += blob.size() / 7) {
      FailingSource source(ByteView(blob).first(size), error);
      const auto decoder = start_indexing_gzip_in_parallel(source, kParallelSpacing, small_pieces(4));
      Bytes out(1 << 16);
      auto step = decoder->step(out);
      while (step && !step->end) step = decoder->step(out);
      ASSERT_FALSE(step);
      EXPECT_EQ(step.error().code(), error);
    }
}

TEST(GzipParallel, APassMayEndAnywhere) {
  const Bytes blob = gzip_of(sample_bytes(1'000'000, 53), {.memory_level = 3});
  for (int steps = 0; steps < 16; ++steps) {
    PiecewiseSource source(blob);
    const auto decoder = start_indexing_gzip_in_parallel(source, kParallelSpacing, small_pieces(4));
    Bytes out(1 << 16);
    for (int left = steps; left > 0; --left) ASSERT_TRUE(decoder->step(out));
  }
}

TEST(GzipParallel, ReadsOnlyAFewPiecesAhead) {
  std::mt19937_64 random(54);
  Bytes noise(3'000'000);
  for (auto& byte : noise) byte = static_cast<std::byte>(random());
  for (const Bytes& blob : {gzip_of(noise), gzip_of(sample_bytes(3'000'000, 56))}) {
    const auto options = small_pieces(4);
    PiecewiseSource source(blob);
    const auto decoder = start_indexing_gzip_in_parallel(source, ~std::uint64_t{0}, options);
    Bytes out(1 << 10);
    ASSERT_TRUE(decoder->step(out));
    EXPECT_LE(blob.size() - source.rest().size(), (options.threads + 4) * options.piece_size);
  }
}

}  // namespace
}  // namespace layoutfs
