#include "core/commit/layer_packer.h"

#include <gtest/gtest.h>

#include <random>

#include "core/codec/codec.h"
#include "core/layer/indexer.h"
#include "core/layer/layer_index.h"
#include "tests/support/results.h"
#include "tests/support/tar_writer.h"

namespace layoutfs {
namespace {

using testing::failure_of;
using testing::must;
using testing::TarWriter;

constexpr Compression kCompressions[] = {Compression::none, Compression::gzip, Compression::zstd};

class BlobInMemory final : public Blob {
 public:
  explicit BlobInMemory(Bytes bytes) : bytes_(std::move(bytes)) {}
  std::uint64_t size() const noexcept override { return bytes_.size(); }
  Result<std::size_t> read_at(std::span<std::byte> out, std::uint64_t offset, const Context&) const override {
    const ByteView rest = ByteView(bytes_).subspan(std::min<std::size_t>(offset, bytes_.size()));
    const ByteView part = rest.first(std::min(rest.size(), out.size()));
    copy_bytes(part, out);
    return part.size();
  }

 private:
  Bytes bytes_;
};

// A tar of a few pieces, half of it text and half of it noise.
Bytes several_pieces(std::uint32_t seed) {
  std::mt19937 random(seed);
  std::string noise(1'200'000, '\0');
  for (char& byte : noise) byte = static_cast<char>(random());
  return TarWriter()
      .dir("d")
      .file("d/text", std::string(2'000'000, 't'))
      .file("d/noise", noise, {.mode = 0600, .xattrs = {{"user.x", "y"}}})
      .symlink("link", "d/text")
      .bytes();
}

struct Packed {
  Bytes blob;
  LayerPacker::Packed facts;
  Digest digest;
};

Packed pack(ByteView tar, Compression compression, std::size_t cores) {
  MemorySource source(tar);
  LayerPacker packer(source, compression, cores);
  Packed packed;
  Bytes buffer(100'000);
  while (const std::size_t size = must(packer.read(buffer)))
    packed.blob.insert(packed.blob.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size));
  packed.digest = Digest::of(packed.blob);
  packed.facts = must(packer.finish(packed.digest));
  return packed;
}

TEST(LayerPacker, TheBlobIsTheTarForAnIndependentDecoder) {
  const Bytes tar = several_pieces(1);
  for (const Compression compression : kCompressions) {
    const Packed packed = pack(tar, compression, 2);
    const auto blob = std::make_shared<BlobInMemory>(packed.blob);
    EXPECT_EQ(must(compression_of(*blob)), compression);
    BlobSource source(blob);
    const auto decoder = must(resume(compression, blob, 0, {}));
    Bytes decoded(tar.size() + 1);
    std::size_t size = 0;
    while (const std::size_t got = must(decoder->read(std::span(decoded).subspan(size)))) size += got;
    decoded.resize(size);
    EXPECT_EQ(decoded, tar) << name_of(compression);
    EXPECT_EQ(packed.facts.diff_id, Digest::of(tar));
  }
}

TEST(LayerPacker, TheNumberOfCoresMakesNoDifference) {
  const Bytes tar = several_pieces(2);
  for (const Compression compression : kCompressions) {
    const Packed one = pack(tar, compression, 1), many = pack(tar, compression, 7);
    EXPECT_EQ(one.digest, many.digest) << name_of(compression);
    EXPECT_EQ(one.facts.index, many.facts.index) << name_of(compression);
  }
}

TEST(LayerPacker, TheIndexHasTheFactsOfAnIndexPass) {
  const Bytes tar = several_pieces(3);
  for (const Compression compression : kCompressions) {
    const Packed packed = pack(tar, compression, 2);
    const auto blob = std::make_shared<BlobInMemory>(packed.blob);
    const auto own = must(LayerIndex::open(SharedBytes::of(packed.facts.index), packed.digest));
    const auto other =
        must(LayerIndex::open(SharedBytes::of(must(index_layer(blob, packed.digest))), packed.digest));
    EXPECT_EQ(own->facts().diff_ids, other->facts().diff_ids);
    EXPECT_EQ(own->facts().stream_size, tar.size());
    EXPECT_EQ(own->blob_size(), packed.blob.size());
    ASSERT_EQ(own->entry_count(), other->entry_count());
    const auto own_entries = own->entries(), other_entries = other->entries();
    for (std::uint32_t i = 0; i < own->entry_count(); ++i) {
      const EntryView a = own_entries->entry(i), b = other_entries->entry(i);
      EXPECT_EQ(a.path, b.path);
      EXPECT_EQ(a.stream_offset, b.stream_offset);
    }
  }
}

TEST(LayerPacker, EachPointOfTheIndexGivesTheBytesThere) {
  const Bytes tar = several_pieces(4);
  for (const Compression compression : kCompressions) {
    const Packed packed = pack(tar, compression, 2);
    const auto blob = std::make_shared<BlobInMemory>(packed.blob);
    const auto index = must(LayerIndex::open(SharedBytes::of(packed.facts.index), packed.digest));
    const StreamIndex stream = index->stream();
    EXPECT_EQ(stream.points.size(), 4u);
    for (const PointRecord& point : stream.points) {
      const auto decoder = must(resume_at(point, stream, blob));
      Bytes bytes(10'000);
      EXPECT_EQ(must(decoder->read(bytes)), bytes.size());
      EXPECT_TRUE(std::ranges::equal(bytes, ByteView(tar).subspan(point.offset, bytes.size())))
          << name_of(compression) << " at " << point.offset;
    }
    for (std::size_t span = 0; span < stream.spans.size(); ++span) {
      const std::uint64_t begin = stream.spans[span].offset;
      EXPECT_TRUE(is_right_span(stream, span, ByteView(tar).subspan(begin, stream.span_end(span) - begin)));
    }
  }
}

class FailingSource final : public ByteSource {
 public:
  Result<std::size_t> read(std::span<std::byte> out) override {
    if (++reads_ > 3) return fail(Errc::io, "no more");
    std::ranges::fill(out, std::byte{0});
    return out.size();
  }

 private:
  int reads_ = 0;
};

TEST(LayerPacker, AnErrorOfTheTarEndsIt) {
  FailingSource source;
  LayerPacker packer(source, Compression::zstd, 2);
  Bytes buffer(100'000);
  Result<std::size_t> size = 1;
  while (size && *size > 0) size = packer.read(buffer);
  EXPECT_EQ(failure_of(size), Errc::io);
}

TEST(LayerPacker, ATarThatCannotBeReadIsRefusedBeforeTheEnd) {
  const Bytes noise(1024, std::byte{'x'});
  MemorySource source(noise);
  LayerPacker packer(source, Compression::none, 1);
  Bytes buffer(100'000);
  EXPECT_EQ(must(packer.read(buffer)), noise.size());
  EXPECT_EQ(failure_of(packer.read(buffer)), Errc::corrupt);
}

}  // namespace
}  // namespace layoutfs
