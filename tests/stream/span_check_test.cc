// Each kind of check of spans, through streams over good and over damaged blobs.
#include "core/codec/span_check.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/base/file.h"
#include "core/stream/decoded_copy.h"
#include "core/stream/layer_stream.h"
#include "tests/support/gzip_blobs.h"
#include "tests/support/same_bytes.h"
#include "tests/support/stream_index_builder.h"
#include "tests/support/temp_dir.h"
#include "tests/support/zstd_blobs.h"

namespace layoutfs {
namespace {

using testing::index_stream;
using testing::IndexedStream;
using testing::MemoryBlob;
using testing::same_bytes;
using testing::sample_bytes;

constexpr std::uint64_t kPointDistance = 16 << 10;

// An index with `kinds` as the checks of its spans, in turn. A foreign index has no XXH3 of a span, and
// neither has this one.
struct CheckedLayer {
  CheckedLayer(Compression compression, Bytes content, std::vector<SpanCheck> kinds_in_turn,
               std::uint64_t max_span = kMaxSpanSize)
      : blob(std::move(content)), indexed(index_stream(compression, blob, kPointDistance, max_span).value()) {
    points = indexed.tables->points;
    spans = indexed.tables->spans;
    for (std::size_t i = 0; i < spans.size(); ++i) {
      kinds.push_back(kinds_in_turn[i % kinds_in_turn.size()]);
      if (kinds[i] == SpanCheck::xxh3) continue;
      spans[i].digest = {chunks.size(), 0};
      if (kinds[i] == SpanCheck::sha256)
        chunks.push_back(sha256_bytes(Digest::of(plain_of(i), Algorithm::sha256)));
    }
  }

  ByteView plain_of(std::size_t span) const {
    const std::uint64_t begin = spans[span].offset;
    return ByteView(indexed.plain).subspan(begin, indexed.index().span_end(span) - begin);
  }

  StreamIndex index() const {
    StreamIndex index = indexed.index();
    index.spans = spans;
    index.points = points;
    index.checks = {.kinds = kinds, .chunks = chunks, .learned = learned};
    return index;
  }

  // Returns a stream over `content` instead of the blob, with its own cache.
  LayerStream stream(const Bytes& content,
                     std::shared_ptr<SpanCache> cache = std::make_shared<SpanCache>(10'000'000)) const {
    return LayerStream([opened = std::make_shared<MemoryBlob>(content)] { return Result<BlobPtr>(opened); },
                       index(), std::move(cache));
  }

  // The blob with one bit of span `span` changed; of an uncompressed layer.
  Bytes damaged_in(std::size_t span) const {
    Bytes changed = blob;
    changed[spans[span].offset + 3] ^= std::byte{1};
    return changed;
  }

  Bytes blob;
  IndexedStream indexed;
  std::vector<PointRecord> points;
  std::vector<SpanRecord> spans;
  std::vector<SpanCheck> kinds;
  std::vector<Sha256> chunks;
  std::shared_ptr<LearnedDigests> learned = std::make_shared<LearnedDigests>(indexed.tables->spans.size());
};

const std::vector<std::vector<SpanCheck>> kTurns{{SpanCheck::xxh3},
                                                 {SpanCheck::sha256},
                                                 {SpanCheck::learned},
                                                 {SpanCheck::learned, SpanCheck::sha256, SpanCheck::xxh3}};

// The bytes of the span as read, or the kind of the error.
std::optional<Errc> read_span(const CheckedLayer& layer, const LayerStream& stream, std::size_t span,
                              Bytes& out) {
  out.resize(layer.plain_of(span).size());
  const auto got = stream.read(out, layer.spans[span].offset);
  if (!got) return got.error().code();
  EXPECT_EQ(*got, out.size());
  return std::nullopt;
}

TEST(SpanChecks, OfEveryKindLetTheRightBytesPass) {
  const Bytes plain = sample_bytes(300'000, 71);
  for (const auto& kinds : kTurns)
    for (const auto& [compression, blob] : {std::pair(Compression::none, plain),
                                            {Compression::gzip, testing::gzip_members_of(plain, 20'000)},
                                            {Compression::zstd, testing::zstd_frames_of(plain, 20'000)}}) {
      const CheckedLayer layer(compression, blob, kinds);
      ASSERT_GT(layer.spans.size(), 6u);
      ASSERT_TRUE(is_consistent(layer.index(), blob.size()));
      for (int round = 0; round < 2; ++round) {  // the second one against the digests learned in the first
                                                 // one
        const auto cache = std::make_shared<SpanCache>(10'000'000);
        const auto stream = layer.stream(layer.blob, cache);
        Bytes out(plain.size());
        ASSERT_EQ(stream.read(out, 0), plain.size()) << name_of(compression);
        EXPECT_EQ(out, plain);
        EXPECT_EQ(cache->stats().verify_failures, 0u);
      }
    }
}

TEST(SpanChecks, ByADigestNeverServeDamagedBytes) {
  for (const SpanCheck kind : {SpanCheck::xxh3, SpanCheck::sha256}) {
    const CheckedLayer layer(Compression::none, sample_bytes(100'000, 72), {kind});
    const auto cache = std::make_shared<SpanCache>(10'000'000);
    const auto stream = layer.stream(layer.damaged_in(2), cache);
    Bytes out;
    for (std::size_t span = 0; span < layer.spans.size(); ++span) {
      const auto failure = read_span(layer, stream, span, out);
      EXPECT_EQ(failure, span == 2 ? std::optional(Errc::corrupt) : std::nullopt) << span;
      EXPECT_TRUE(failure || same_bytes(out, layer.plain_of(span))) << span;
    }
    EXPECT_EQ(cache->stats().verify_failures, 1u);
  }
}

TEST(SpanChecks, BySha256RefuseTheContentOfAnotherChunk) {
  CheckedLayer layer(Compression::none, sample_bytes(100'000, 73), {SpanCheck::sha256});
  std::swap(layer.chunks[1], layer.chunks[2]);
  const auto stream = layer.stream(layer.blob);
  Bytes out;
  EXPECT_EQ(read_span(layer, stream, 0, out), std::nullopt);
  EXPECT_EQ(read_span(layer, stream, 1, out), Errc::corrupt);
  EXPECT_EQ(read_span(layer, stream, 2, out), Errc::corrupt);
  EXPECT_EQ(read_span(layer, stream, 3, out), std::nullopt);
}

TEST(SpanChecks, ThatLearnGiveLaterReadersTheBytesOfTheFirstOne) {
  const CheckedLayer layer(Compression::none, sample_bytes(100'000, 74), {SpanCheck::learned});
  Bytes out;
  EXPECT_EQ(read_span(layer, layer.stream(layer.blob), 2, out), std::nullopt);
  // The blob is damaged in spans that were read, and in others.
  const auto cache = std::make_shared<SpanCache>(10'000'000);
  EXPECT_EQ(read_span(layer, layer.stream(layer.damaged_in(2), cache), 2, out), Errc::corrupt);
  EXPECT_EQ(cache->stats().verify_failures, 1u);
  EXPECT_EQ(read_span(layer, layer.stream(layer.damaged_in(3)), 3, out), std::nullopt);
  EXPECT_FALSE(same_bytes(out, layer.plain_of(3)));
  EXPECT_EQ(read_span(layer, layer.stream(layer.blob), 3, out), Errc::corrupt)
      << "not what was served before";
  EXPECT_EQ(read_span(layer, layer.stream(layer.blob), 2, out), std::nullopt);
  EXPECT_TRUE(same_bytes(out, layer.plain_of(2)));
}

TEST(SpanChecks, ThatLearnGiveAllReadersOfASpanTheSameBytes) {
  const CheckedLayer layer(Compression::none, sample_bytes(300'000, 75), {SpanCheck::learned});
  constexpr std::size_t kReaders = 8;
  std::vector<Bytes> blobs{layer.blob, layer.blob};
  for (std::size_t span = 0; span < layer.spans.size(); ++span)
    blobs[1][layer.spans[span].offset] ^= std::byte{1};
  std::vector<std::vector<std::optional<Bytes>>> read(kReaders);
  std::vector<std::thread> readers;
  for (std::size_t i = 0; i < kReaders; ++i)
    readers.emplace_back([&, i] {
      const auto stream = layer.stream(blobs[i % 2]);
      for (std::size_t n = 0; n < layer.spans.size(); ++n) {
        Bytes out;
        const bool is_read = !read_span(layer, stream, n, out);
        read[i].push_back(is_read ? std::optional(std::move(out)) : std::nullopt);
      }
    });
  for (std::thread& reader : readers) reader.join();
  for (std::size_t span = 0; span < layer.spans.size(); ++span) {
    std::optional<Bytes> first;
    std::size_t served = 0;
    for (const auto& spans : read) {
      if (!spans[span]) continue;
      ++served;
      if (!first) first = spans[span];
      EXPECT_EQ(spans[span], first) << span;
    }
    EXPECT_EQ(served, kReaders / 2) << span;
  }
}

TEST(SpanChecks, LearnNothingFromADecodedCopy) {
  const CheckedLayer layer(Compression::none, sample_bytes(100'000, 76), {SpanCheck::learned});
  const testing::TempDir directory;
  auto file = open_at(AT_FDCWD, directory / "copy", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_TRUE(file) << file.error().message();
  const StreamIndex index = layer.index();
  auto copy = DecodedCopy::create(std::move(*file), index);
  ASSERT_TRUE(copy.add(1, layer.plain_of(1)));
  Bytes other(layer.plain_of(2).begin(), layer.plain_of(2).end());
  other[0] ^= std::byte{1};
  ASSERT_TRUE(copy.add(2, other));
  EXPECT_EQ(copy.read(1).error().code(), Errc::corrupt) << "nobody has read the blob there";
  Bytes out;
  const auto stream = layer.stream(layer.blob);
  for (const std::size_t span : {1uz, 2uz}) ASSERT_EQ(read_span(layer, stream, span, out), std::nullopt);
  const auto got = copy.read(1);
  ASSERT_TRUE(got && *got);
  EXPECT_TRUE(same_bytes(***got, layer.plain_of(1)));
  EXPECT_EQ(copy.read(2).error().code(), Errc::corrupt);
}

TEST(SpanChecks, BySha256MayBeOfAWholeChunk) {
  CheckedLayer layer(Compression::none, sample_bytes(kMaxChunkSize + 100, 77), {SpanCheck::sha256});
  const auto make_one_chunk = [&](std::uint64_t size) {
    layer.spans = {{.offset = 0, .point = 0, .digest = {0, 0}},
                   {.offset = size, .point = 1, .digest = {1, 0}}};
    layer.points = {{}, {.offset = size, .position = 8 * size, .state_offset = 0, .state_size = 0}};
    layer.kinds = {SpanCheck::sha256, SpanCheck::sha256};
    layer.chunks = {sha256_bytes(Digest::of(ByteView(layer.blob).first(size), Algorithm::sha256)),
                    sha256_bytes(Digest::of(ByteView(layer.blob).subspan(size), Algorithm::sha256))};
  };
  make_one_chunk(kMaxChunkSize);
  ASSERT_TRUE(is_consistent(layer.index(), layer.blob.size()));
  Bytes out(10);
  EXPECT_EQ(layer.stream(layer.blob).read(out, kMaxChunkSize - 5), out.size());
  EXPECT_TRUE(same_bytes(out, ByteView(layer.blob).subspan(kMaxChunkSize - 5, 10)));
  EXPECT_FALSE(layer.stream(layer.damaged_in(0)).read(out, kMaxChunkSize - 5));
  make_one_chunk(kMaxChunkSize + 1);
  EXPECT_FALSE(is_consistent(layer.index(), layer.blob.size()));
  make_one_chunk(kMaxChunkSize);
  layer.kinds[0] = SpanCheck::xxh3;
  EXPECT_FALSE(is_consistent(layer.index(), layer.blob.size())) << "only a chunk may be so large";
}

}  // namespace
}  // namespace layoutfs
