// Random access into zstd blobs of any origin: every point gives the same bytes as libzstd.
#include "core/codec/zstd.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/gzip_blobs.h"
#include "tests/support/same_bytes.h"
#include "tests/support/stream_index_builder.h"
#include "tests/support/zstd_blobs.h"

namespace layoutfs {
namespace {

using testing::append;
using testing::index_stream;
using testing::IndexedStream;
using testing::MemoryBlob;
using testing::PiecewiseSource;
using testing::same_bytes;
using testing::sample_bytes;
using testing::zstd_block_header;
using testing::zstd_frame_header;
using testing::zstd_of;
using testing::zstd_skippable_frame;
using testing::ZstdOptions;

constexpr std::size_t kKiB = 1024;
constexpr std::size_t kMiB = 1024 * kKiB;
constexpr std::uint64_t kZstdSpacing = 64 * kKiB;

Bytes random_bytes(std::size_t size, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Bytes bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

ByteView state_of(const IndexedStream& stream, const PointRecord& point) {
  return ByteView(stream.tables->states).subspan(point.state_offset, point.state_size);
}

bool is_inside_frame(const PointRecord& point) { return point.state_size > 1; }

std::size_t points_inside_frames(const IndexedStream& stream) {
  return static_cast<std::size_t>(std::ranges::count_if(stream.tables->points, is_inside_frame));
}

// Reads at most `size` bytes from a point on, in reads of `piece` bytes. Uses an ended decoder, and returns
// it.
Result<Bytes> read_zstd_from(const std::shared_ptr<const MemoryBlob>& blob, const IndexedStream& stream,
                             const PointRecord& point, std::size_t size, std::size_t piece,
                             std::unique_ptr<Decoder>* ended = nullptr) {
  auto decoder =
      resume_zstd(blob, point.position, state_of(stream, point), ended ? std::move(*ended) : nullptr);
  if (!decoder) return std::unexpected(std::move(decoder.error()));
  Bytes out(size);
  std::size_t at = 0;
  while (at < size) {
    const std::size_t wanted = std::min(piece, size - at);
    auto got = (*decoder)->read(std::span(out).subspan(at, wanted));
    if (!got) return std::unexpected(std::move(got.error()));
    at += *got;
    if (*got < wanted) break;
  }
  out.resize(at);
  EXPECT_TRUE((*decoder)->end());
  if (ended != nullptr) *ended = *std::move(decoder);
  return out;
}

// Indexes `blob`, which libzstd made of `plain`, and reads from every point to the end.
IndexedStream expect_all_points_right(const Bytes& blob, const Bytes& plain,
                                      std::uint64_t spacing = kZstdSpacing) {
  auto stream = index_stream(Compression::zstd, blob, spacing);
  EXPECT_TRUE(stream) << stream.error().message();
  if (!stream) return {.tables = std::make_shared<testing::IndexTables>()};
  EXPECT_TRUE(stream->plain == plain);
  EXPECT_TRUE(is_consistent(stream->index(), blob.size()));
  const auto shared = std::make_shared<const MemoryBlob>(blob);
  std::unique_ptr<Decoder> ended;
  for (const auto& point : stream->tables->points) {
    const auto got = read_zstd_from(shared, *stream, point, plain.size() + 1, 100'000, &ended);
    EXPECT_TRUE(got) << "point at " << point.offset << ": " << got.error().message();
    EXPECT_TRUE(got && same_bytes(*got, ByteView(plain).subspan(point.offset)))
        << "point at " << point.offset;
  }
  return *std::move(stream);
}

// A decoder leaves neither bytes nor tables to the next one that uses its memory, wherever it stopped.
TEST(Zstd, AnEndedDecoderIsAsGoodAsANewOneAtAnyPoint) {
  const std::uint64_t seed = 38;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  struct Source {
    std::shared_ptr<const MemoryBlob> blob;
    IndexedStream stream;
  };
  std::vector<Source> sources;
  for (const ZstdOptions& options : {ZstdOptions{.level = 3, .window_log = 14, .has_checksum = true},
                                     ZstdOptions{.level = 9, .window_log = 16, .is_long = true},
                                     ZstdOptions{.level = 1, .window_log = 10, .has_content_size = false}}) {
    const Bytes blob = zstd_of(sample_bytes(kMiB, random()), options);
    sources.push_back({std::make_shared<const MemoryBlob>(blob),
                       index_stream(Compression::zstd, blob, kZstdSpacing).value()});
  }
  std::unique_ptr<Decoder> ended;
  for (int round = 0; round < 300; ++round) {
    const auto& [blob, stream] = sources[random() % sources.size()];
    const auto& points = stream.tables->points;
    const PointRecord& point = points[random() % points.size()];
    const ByteView rest = ByteView(stream.plain).subspan(point.offset);
    const std::size_t size = 1 + random() % rest.size();
    const auto got = read_zstd_from(blob, stream, point, size, 1 + random() % 200'000, &ended);
    ASSERT_TRUE(got) << "round " << round << ": " << got.error().message();
    ASSERT_TRUE(same_bytes(*got, rest.first(size))) << "round " << round;
  }
}

// The windows are smaller than the levels' defaults, because a frame gets about one point for every four
// windows.
TEST(Zstd, EveryPointOfOneFrameGivesTheSameBytesAtEveryLevel) {
  const Bytes plain = sample_bytes(2 * kMiB, 1);
  for (int level = 0; level <= 19; ++level) {
    const unsigned flags = static_cast<unsigned>(level) * 5 / 2;  // each combination of them
    const ZstdOptions options{.level = level == 0 ? -5 : level,
                              .window_log = std::array{10, 14, 16}[static_cast<unsigned>(level) % 3],
                              .has_checksum = (flags & 1) != 0,
                              .has_content_size = (flags & 2) != 0,
                              .is_long = (flags & 4) != 0};
    SCOPED_TRACE("level " + std::to_string(options.level) + ", window log " +
                 std::to_string(options.window_log));
    const auto stream = expect_all_points_right(zstd_of(plain, options), plain);
    EXPECT_GE(points_inside_frames(stream), options.window_log == 16 ? 1U : 8U);
  }
}

// Their window is the content, and the first point would be four windows from the start: decoding the whole
// frame is faster than the distance between two points of others.
TEST(Zstd, ASingleSegmentIsReadFromItsStart) {
  Bytes blob;
  Bytes plain;
  for (std::uint64_t i = 0; i < 3; ++i) {
    const Bytes piece = sample_bytes(900'000, 80 + i);
    const Bytes frame = zstd_of(piece, {.has_checksum = i == 1, .has_content_size = true});
    EXPECT_NE(std::to_integer<unsigned>(frame[4]) & 0x20U, 0U) << "no single segment";
    append(blob, frame);
    append(plain, piece);
  }
  const auto stream = expect_all_points_right(blob, plain);
  EXPECT_EQ(stream.tables->points.size(), 3U);
  EXPECT_EQ(points_inside_frames(stream), 0U);
}

TEST(Zstd, ChecksumsAndContentSizesAndFlushesDoNotMatter) {
  const Bytes plain = sample_bytes(2 * kMiB, 2);
  for (const bool has_checksum : {false, true}) {
    for (const bool has_content_size : {false, true}) {
      for (const std::size_t flush_every : {std::size_t{0}, std::size_t{700}, std::size_t{40'000}}) {
        SCOPED_TRACE(std::to_string(has_checksum) + std::to_string(has_content_size) + " flush " +
                     std::to_string(flush_every));
        const Bytes blob = zstd_of(plain, {.level = 3,
                                           .window_log = 15,
                                           .has_checksum = has_checksum,
                                           .has_content_size = has_content_size,
                                           .flush_every = flush_every});
        EXPECT_GE(points_inside_frames(expect_all_points_right(blob, plain)), 3U);
      }
    }
  }
}

TEST(Zstd, FramesOfContentThatIsNotCompressedHavePoints) {
  const Bytes noise = random_bytes(1 * kMiB, 3);
  EXPECT_GE(points_inside_frames(expect_all_points_right(zstd_of(noise, {.window_log = 12}), noise)), 2U);
  const Bytes zeros(2 * kMiB);
  EXPECT_GE(points_inside_frames(expect_all_points_right(zstd_of(zeros, {.window_log = 12}), zeros)), 2U);
}

TEST(Zstd, RawAndRleBlocksByHandHavePoints) {
  Bytes blob = zstd_frame_header(0);
  Bytes plain;
  for (int round = 0; round < 200; ++round) {
    const Bytes noise = random_bytes(1000, static_cast<std::uint64_t>(round));
    append(blob, zstd_block_header(0, noise.size(), false));
    append(blob, noise);
    append(plain, noise);
    append(blob, zstd_block_header(1, 1024, round == 199));
    blob.push_back(std::byte{7});
    plain.resize(plain.size() + 1024, std::byte{7});
  }
  EXPECT_GE(points_inside_frames(expect_all_points_right(blob, plain)), 3U);
}

TEST(Zstd, ManyFramesWithSkippableAndEmptyOnesBetweenHavePointsAtFrameStarts) {
  Bytes blob = zstd_skippable_frame(0);
  append(blob, zstd_skippable_frame(300'000, 15));
  Bytes plain;
  for (std::uint64_t i = 0; i < 40; ++i) {
    const Bytes piece = sample_bytes(30'000 + 1000 * i, i);
    append(blob, zstd_of(piece, {.has_checksum = i % 2 == 0, .has_content_size = i % 3 == 0}));
    append(plain, piece);
    append(blob, zstd_of({}, {.has_checksum = i % 2 == 0, .has_content_size = i % 3 == 0}));
    if (i % 5 == 0) append(blob, zstd_skippable_frame(17));
  }
  append(blob, zstd_skippable_frame(5, 1));
  const auto stream = expect_all_points_right(blob, plain);
  EXPECT_GT(stream.tables->points.size(), 12U);
  EXPECT_EQ(points_inside_frames(stream), 0U);
}

TEST(Zstd, PointsInsideFramesGoOnOverTheFramesThatFollow) {
  Bytes blob;
  Bytes plain;
  for (std::uint64_t i = 0; i < 4; ++i) {
    const Bytes piece = sample_bytes(700'000, 10 + i);
    append(blob, zstd_of(piece, {.level = 5, .window_log = 13, .has_checksum = i % 2 == 0}));
    append(plain, piece);
    append(blob, zstd_skippable_frame(33));
  }
  EXPECT_GE(points_inside_frames(expect_all_points_right(blob, plain)), 8U);
}

TEST(Zstd, PointsOfRandomStreamsAreRight) {
  const std::uint64_t seed = 20'240'611;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  std::size_t inside = 0;
  for (int round = 0; round < 40; ++round) {
    Bytes blob;
    Bytes plain;
    for (auto frames = 1 + random() % 3; frames > 0; --frames) {
      Bytes piece = sample_bytes(random() % (700 * kKiB), random());
      if (random() % 3 == 0) append(piece, random_bytes(random() % (200 * kKiB), random()));
      if (random() % 3 == 0) piece.resize(piece.size() + random() % (200 * kKiB));
      append(blob, zstd_of(piece, {.level = static_cast<int>(random() % 22) - 6,
                                   .window_log = static_cast<int>(10 + random() % 9),
                                   .has_checksum = random() % 2 == 0,
                                   .has_content_size = random() % 2 == 0,
                                   .flush_every = random() % 2 == 0 ? 0 : 500 + random() % 100'000}));
      append(plain, piece);
    }
    SCOPED_TRACE("round " + std::to_string(round));
    inside += points_inside_frames(expect_all_points_right(blob, plain, 8 * kKiB));
  }
  EXPECT_GT(inside, 100U);
}

TEST(Zstd, ALargeFrameAsTheToolWritesItHasPointsThatAreCheap) {
  Bytes plain;
  for (std::uint64_t i = 0; i < 8; ++i) append(plain, sample_bytes(8 * kMiB, i));
  const Bytes blob = zstd_of(plain, {.level = 3, .has_checksum = true});
  const auto stream = index_stream(Compression::zstd, blob, kPointSpacing);
  ASSERT_TRUE(stream) << stream.error().message();
  ASSERT_TRUE(stream->plain == plain);
  EXPECT_GE(points_inside_frames(*stream), 2U);
  EXPECT_LT(stream->tables->states.size(), blob.size() / 40);
  const auto shared = std::make_shared<const MemoryBlob>(blob);
  for (const auto& point : stream->tables->points) {
    const auto got = read_zstd_from(shared, *stream, point, 6 * kMiB, kMiB);
    ASSERT_TRUE(got) << got.error().message();
    EXPECT_TRUE(same_bytes(*got, ByteView(plain).subspan(point.offset, got->size())));
  }
}

// Noise that is repeated after less than a window: a boundary between the copies needs all of it, and one
// after them nothing. The cheapest one within reach is taken, not the first.
TEST(Zstd, PointsAreWhereLittleOfTheWindowIsNeeded) {
  constexpr std::size_t kNoise = 384 * kKiB;
  Bytes plain;
  for (std::uint64_t i = 0; i < 41; ++i) {
    const Bytes noise = random_bytes(kNoise, i);
    append(plain, noise);
    append(plain, noise);
  }
  const Bytes blob = zstd_of(plain, {.level = 3, .window_log = 19, .is_long = true});
  ASSERT_LT(blob.size(), plain.size() * 2 / 3);
  const auto stream = index_stream(Compression::zstd, blob, kPointSpacing);
  ASSERT_TRUE(stream) << stream.error().message();
  EXPECT_GE(points_inside_frames(*stream), 5U);
  for (const auto& point : stream->tables->points) EXPECT_LT(point.state_size, 1'000U) << point.offset;
}

// Also if the stream ends within a region or a window after it.
TEST(Zstd, DistancesBetweenPointsAreBounded) {
  for (const std::size_t size : {3 * kMiB, 4 * kMiB + 300'000}) {
    const Bytes plain = sample_bytes(size, 12);
    const auto stream = index_stream(Compression::zstd, zstd_of(plain, {.level = 1, .window_log = 17}), 1);
    ASSERT_TRUE(stream) << stream.error().message();
    std::uint64_t last = 0;
    for (const auto& point : stream->tables->points) {
      EXPECT_LE(point.offset - last, 5 * 2 * 128 * kKiB) << point.offset;
      last = point.offset;
    }
    EXPECT_LE(size - last, 5 * 2 * 128 * kKiB);
  }
}

TEST(Zstd, StepsAndSourcesOfAnySizeFindTheSamePoints) {
  const Bytes plain = sample_bytes(600'000, 5);
  Bytes blob = zstd_of(plain, {.window_log = 13, .has_checksum = true});
  append(blob, zstd_of(plain, {.window_log = 13}));
  const auto expected = index_stream(Compression::zstd, blob, kZstdSpacing);
  ASSERT_TRUE(expected);
  ASSERT_GT(expected->tables->points.size(), 4U);
  for (const auto& [piece, step] :
       {std::pair<std::size_t, std::size_t>{1, 4096}, {7, 1}, {100'000, 1 << 20}}) {
    PiecewiseSource source(blob, piece);
    const auto decoder = start_indexing_zstd(source, kZstdSpacing);
    Bytes out(step);
    Bytes got;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> points = {{0, 0}};
    while (true) {
      auto done = decoder->step(out);
      ASSERT_TRUE(done) << done.error().message();
      got.insert(got.end(), out.begin(), out.begin() + static_cast<std::ptrdiff_t>(done->size));
      if (done->search)
        for (const LatePoint& point : done->search()) points.emplace_back(point.offset, point.position);
      if (done->point) points.emplace_back(got.size(), done->point->position);
      EXPECT_TRUE(!done->point || done->point->make_state({}));
      if (done->end) break;
    }
    Bytes twice = plain;
    append(twice, plain);
    EXPECT_TRUE(got == twice);
    ASSERT_EQ(points.size(), expected->tables->points.size());
    for (std::size_t i = 0; i < points.size(); ++i) {
      EXPECT_EQ(points[i].first, expected->tables->points[i].offset);
      EXPECT_EQ(points[i].second, expected->tables->points[i].position);
    }
  }
}

TEST(Zstd, ADecoderStaysAtTheEnd) {
  const Bytes plain = sample_bytes(10'000, 6);
  const auto blob = std::make_shared<const MemoryBlob>(zstd_of(plain));
  const auto decoder = resume_zstd(blob, 0, {});
  ASSERT_TRUE(decoder);
  Bytes out(20'000);
  EXPECT_EQ((*decoder)->read(out).value(), plain.size());
  EXPECT_EQ((*decoder)->read(out).value(), 0U);
}

}  // namespace
}  // namespace layoutfs
