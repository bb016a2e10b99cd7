// The pass over a whole blob: plain, gzip and zstd layers, broken ones, and ones with wrong digests.
#include "core/layer/indexer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>

#include "core/codec/parallel_indexing.h"
#include "core/codec/span_digest.h"
#include "core/layer/layer_index.h"
#include "tests/support/gzip_blobs.h"
#include "tests/support/same_bytes.h"
#include "tests/support/stream_index_builder.h"
#include "tests/support/tar_writer.h"
#include "tests/support/wrong_blob.h"
#include "tests/support/zstd_blobs.h"

namespace layoutfs::testing {
namespace {

using ::testing::HasSubstr;

// A blob on a medium that is broken from some offset on.
class FailingBlob final : public Blob {
 public:
  FailingBlob(Bytes content, std::uint64_t fails_from)
      : content_(std::move(content)), fails_from_(fails_from) {}
  std::uint64_t size() const noexcept override { return content_.size(); }
  Result<std::size_t> read_at(std::span<std::byte> out, std::uint64_t offset, const Context&) const override {
    if (offset + out.size() > fails_from_) return fail(Error::system(EIO, "cannot read"));
    return content_.read_at(out, offset);
  }

 private:
  MemoryBlob content_;
  std::uint64_t fails_from_;
};

Bytes tar_of_files(std::size_t count, std::size_t size) {
  TarWriter tar;
  for (std::size_t i = 0; i < count; ++i) {
    const Bytes content = sample_bytes(size, i);
    tar.file("file-" + std::to_string(i), std::string(as_text(content)));
  }
  return tar.bytes();
}

Result<std::shared_ptr<const LayerIndex>> index_of(const Bytes& blob,
                                                   Algorithm algorithm = Algorithm::sha256) {
  const Digest digest = Digest::of(blob, algorithm);
  auto file = index_layer(std::make_shared<MemoryBlob>(blob), digest);
  if (!file) return fail(std::move(file).error());
  return LayerIndex::open(SharedBytes::of(std::move(*file)), digest);
}

// Whether `index` describes `tar`, made by tar_of_files, byte for byte.
void expect_describes(const LayerIndex& index, const Bytes& tar, std::size_t files) {
  EXPECT_EQ(index.diff_id(), Digest::of(tar));
  const StreamIndex stream = index.stream();
  EXPECT_EQ(stream.size, tar.size());
  ASSERT_EQ(index.entry_count(), files);
  const auto entries = index.entries();
  for (std::size_t i = 0; i < files; ++i) {
    const EntryView entry = entries->entry(i);
    EXPECT_EQ(entry.path, "file-" + std::to_string(i));
    const Bytes content = sample_bytes(entry.size, i);
    EXPECT_TRUE(same_bytes(ByteView(tar).subspan(entry.stream_offset, entry.size), content)) << entry.path;
  }
  for (std::size_t i = 0; i < stream.spans.size(); ++i) {
    const std::uint64_t from = stream.spans[i].offset;
    const auto digest = span_digest(ByteView(tar).subspan(from, stream.span_end(i) - from));
    EXPECT_EQ(digest[0], stream.spans[i].digest[0]) << "span " << i;
    EXPECT_EQ(digest[1], stream.spans[i].digest[1]) << "span " << i;
  }
}

TEST(Indexer, DescribesPlainGzipAndZstdLayers) {
  const Bytes tar = tar_of_files(3, 1'500'000);
  const std::pair<Compression, Bytes> blobs[] = {
      {Compression::none, tar}, {Compression::gzip, gzip_of(tar)}, {Compression::zstd, zstd_of(tar)}};
  for (const auto& [compression, blob] : blobs) {
    for (const Algorithm algorithm : {Algorithm::sha256, Algorithm::sha512}) {
      SCOPED_TRACE(name_of(compression));
      const auto index = index_of(blob, algorithm);
      ASSERT_TRUE(index.has_value()) << index.error().message();
      EXPECT_EQ((*index)->stream().compression, compression);
      EXPECT_EQ((*index)->blob_size(), blob.size());
      expect_describes(**index, tar, 3);
      // A read waits for a whole span.
      const StreamIndex stream = (*index)->stream();
      std::uint64_t largest = 0;
      for (std::size_t i = 0; i < stream.spans.size(); ++i)
        largest = std::max(largest, stream.span_end(i) - stream.spans[i].offset);
      EXPECT_EQ(largest, kMaxSpanSize);
    }
  }
}

TEST(Indexer, AFrameHasAccessPointsAtBoundariesThatWereChosenLater) {
  const Bytes tar = tar_of_files(8, 1'000'000);
  const Bytes blob = zstd_of(tar, {.window_log = 17});
  const Digest digest = Digest::of(blob);
  const auto file = index_layer(std::make_shared<MemoryBlob>(blob), digest);
  ASSERT_TRUE(file.has_value()) << file.error().message();
  const auto index = LayerIndex::open(SharedBytes::of(*file), digest);
  ASSERT_TRUE(index.has_value()) << index.error().message();
  const StreamIndex stream = (*index)->stream();
  EXPECT_GT(stream.points.size(), 8u);
  for (const SpanRecord& span : stream.spans) {
    const std::uint64_t point = stream.points[span.point].offset;
    EXPECT_LE(point, span.offset);
    EXPECT_TRUE(span.point + 1 == stream.points.size() || stream.points[span.point + 1].offset > span.offset);
  }
  expect_describes(**index, tar, 8);
}

TEST(Indexer, GzipLayersHaveAccessPointsAtTheSpacingAskedFor) {
  const Bytes tar = tar_of_files(3, 1'000'000);
  const Bytes blob = gzip_of(tar);
  const Digest digest = Digest::of(blob);
  const auto file = index_layer(std::make_shared<MemoryBlob>(blob), digest, {.spacing = 200'000});
  ASSERT_TRUE(file.has_value()) << file.error().message();
  const auto index = LayerIndex::open(SharedBytes::of(*file), digest);
  ASSERT_TRUE(index.has_value()) << index.error().message();
  EXPECT_GT((*index)->stream().points.size(), 8u);
  expect_describes(**index, tar, 3);
}

// See diff_id.h for writers of such layers.
TEST(Indexer, ALayerMayLackZerosAtTheEndOfItsTar) {
  const Bytes tar = tar_of_files(1, 1000);
  for (const Bytes& blob : {tar, gzip_of(tar), zstd_of(tar)}) {
    const auto index = index_of(blob);
    ASSERT_TRUE(index.has_value()) << index.error().message();
    const auto facts = (*index)->facts();
    Bytes whole = tar;
    for (std::size_t missing = 0; missing <= 21; ++missing, whole.resize(whole.size() + 512))
      EXPECT_EQ(facts.missing_blocks(Digest::of(whole)),
                missing <= 20 ? std::optional(missing) : std::nullopt);
    whole.back() = std::byte{1};
    EXPECT_EQ(facts.missing_blocks(Digest::of(whole)), std::nullopt);
  }
}

TEST(Indexer, AnEmptyBlobAndAnEmptyStreamHaveNoEntries) {
  for (const Bytes& blob : {Bytes(), gzip_of({}), zstd_of({})}) {
    const auto index = index_of(blob);
    ASSERT_TRUE(index.has_value()) << index.error().message();
    EXPECT_EQ((*index)->entry_count(), 0u);
    EXPECT_EQ((*index)->stream().size, 0u);
    EXPECT_EQ((*index)->diff_id(), Digest::of({}));
  }
}

TEST(Indexer, WhatIsNeitherCompressedNorATarIsCorrupt) {
  const Bytes blob = sample_bytes(100'000, 1);
  const auto index = index_of(blob);
  ASSERT_FALSE(index.has_value());
  EXPECT_EQ(index.error().code(), Errc::corrupt);
  EXPECT_EQ(index.error().message(), "tar header at byte 0: invalid checksum");
}

TEST(Indexer, ABlobOfAnotherDigestIsNamedWhateverElseIsWrong) {
  const Bytes tar = tar_of_files(2, 300'000);
  Bytes cut = gzip_of(tar);
  cut.resize(cut.size() / 2);
  Bytes damaged = gzip_of(tar);
  damaged[damaged.size() / 2] ^= std::byte{0x40};
  for (const Bytes& blob : {cut, damaged, tar, gzip_of(sample_bytes(5000, 3))}) {
    const Digest expected = Digest::of(as_bytes("another blob"));
    const auto file = index_layer(std::make_shared<MemoryBlob>(blob), expected);
    ASSERT_FALSE(file.has_value());
    EXPECT_EQ(file.error().code(), Errc::corrupt);
    EXPECT_EQ(file.error().message(),
              "blob " + expected.str() + ": content has digest " + Digest::of(blob).str());
  }
}

TEST(Indexer, ACutStreamOfTheRightDigestIsCorrupt) {
  const Bytes tar = tar_of_files(2, 300'000);
  Bytes in_gzip = gzip_of(tar), in_zstd = zstd_of(tar), in_tar = tar;
  in_gzip.resize(in_gzip.size() / 2);
  in_zstd.resize(in_zstd.size() / 2);
  in_tar.resize(100'000);
  for (const Bytes& blob : {in_gzip, in_zstd, in_tar}) {
    const auto index = index_of(blob);
    ASSERT_FALSE(index.has_value());
    EXPECT_EQ(index.error().code(), Errc::corrupt) << index.error().message();
    EXPECT_THAT(index.error().message(), ::testing::Not(HasSubstr("content has digest")));
  }
}

TEST(Indexer, AReadErrorIsReportedAsOne) {
  const Bytes tar = tar_of_files(2, 600'000);
  for (const Bytes& blob : {tar, gzip_of(tar)}) {
    const auto file = index_layer(std::make_shared<FailingBlob>(blob, 150'000), Digest::of(blob));
    ASSERT_FALSE(file.has_value());
    EXPECT_EQ(file.error().code(), Errc::io) << file.error().message();
    EXPECT_EQ(file.error().sys(), EIO);
  }
}

TEST(Indexer, ManyCoresGiveTheSameEntriesSpansAndDigests) {
  const Bytes tar = tar_of_files(40, 700'000);
  const Bytes blob = gzip_of(tar, {.level = 1});
  ASSERT_GT(blob.size(), kLeastSharedBlob);
  const Digest digest = Digest::of(blob);
  for (const std::size_t cores : {std::size_t{2}, std::size_t{8}}) {
    auto file = index_layer(std::make_shared<MemoryBlob>(blob), digest, {.cores = cores});
    ASSERT_TRUE(file.has_value()) << file.error().message();
    const auto index = LayerIndex::open(SharedBytes::of(*std::move(file)), digest);
    ASSERT_TRUE(index.has_value()) << index.error().message();
    EXPECT_EQ((*index)->blob_size(), blob.size());
    EXPECT_GT((*index)->stream().points.size(), tar.size() / kPointSpacing / 2);
    expect_describes(**index, tar, 40);
  }
}

TEST(Indexer, AReadErrorIsOneOnManyCores) {
  const Bytes blob = gzip_of(tar_of_files(40, 700'000), {.level = 1});
  for (const std::size_t size : {std::size_t{100'000}, std::size_t{3'000'000}, blob.size() - 1000}) {
    const auto file = index_layer(std::make_shared<FailingBlob>(blob, size), Digest::of(blob), {.cores = 8});
    ASSERT_FALSE(file.has_value());
    EXPECT_EQ(file.error().code(), Errc::io) << file.error().message();
  }
}

TEST(Indexer, WrongBytesOfANetworkAreFetchedAgain) {
  const Bytes tar = tar_of_files(3, 500'000);
  for (const Bytes& blob : {tar, gzip_of(tar), zstd_of(tar)})
    for (const std::uint64_t wrong_at : {std::uint64_t{0}, blob.size() / 2, blob.size() - 1}) {
      const auto wrong = std::make_shared<WrongBlob>(blob, wrong_at, Blob::kMostRereads);
      const auto file = index_layer(wrong, Digest::of(blob));
      ASSERT_TRUE(file) << file.error().message();
      EXPECT_EQ(*file, index_layer(std::make_shared<MemoryBlob>(blob), Digest::of(blob)).value());
      const auto always = std::make_shared<WrongBlob>(blob, wrong_at, WrongBlob::kForEver);
      const auto failed = index_layer(always, Digest::of(blob));
      ASSERT_FALSE(failed);
      EXPECT_EQ(failed.error().code(), Errc::corrupt);
      EXPECT_THAT(failed.error().message(), HasSubstr("content has digest"));
      EXPECT_EQ(always->reports(), Blob::kMostRereads);
    }
}

TEST(Indexer, ABrokenStreamOfTheRightDigestIsReadOnce) {
  const Bytes blob = gzip_of(Bytes(1'000, std::byte{'x'}));
  const auto whole = std::make_shared<WrongBlob>(blob, 0, 0);
  EXPECT_EQ(index_layer(whole, Digest::of(blob)).error().code(), Errc::corrupt);
  EXPECT_EQ(whole->reports(), 0);
}

TEST(Indexer, ReportsProgressAboutEachMebibyte) {
  const Bytes tar = tar_of_files(5, 1'000'000);
  std::vector<std::uint64_t> calls;
  const IndexingOptions options = {.progress = [&calls](std::uint64_t read) { calls.push_back(read); }};
  ASSERT_TRUE(index_layer(std::make_shared<MemoryBlob>(tar), Digest::of(tar), options).has_value());
  EXPECT_GE(calls.size(), 3u);
  EXPECT_LE(calls.size(), 5u);
  EXPECT_TRUE(std::ranges::is_sorted(calls));
  EXPECT_LE(calls.back(), tar.size());
}

}  // namespace
}  // namespace layoutfs::testing
