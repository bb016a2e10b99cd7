// The reported common parts of two layers are in both.
#include "core/transfer/shared_spans.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "core/image/cached_tables.h"
#include "core/layer/indexer.h"
#include "layoutfs/open.h"
#include "tests/support/gzip_blobs.h"
#include "tests/support/same_bytes.h"
#include "tests/support/store.h"
#include "tests/support/stream_index_builder.h"
#include "tests/support/tar_writer.h"
#include "tests/support/temp_dir.h"
#include "tests/support/zstd_blobs.h"

namespace layoutfs {
namespace {

using testing::MemoryBlob;
using testing::same_bytes;

constexpr std::size_t kFile = std::size_t{300} << 10;

// Text that compresses to about half.
std::string text_of(unsigned seed) {
  std::mt19937 random(seed);
  std::string text(kFile, ' ');
  for (char& c : text) c = static_cast<char>('a' + random() % 16);
  return text;
}

// A tar of these files.
Bytes tar_of(const std::vector<unsigned>& seeds) {
  testing::TarWriter tar;
  for (const unsigned seed : seeds) tar.file("file-" + std::to_string(seed), text_of(seed));
  return tar.bytes();
}

struct Case {
  const char* name;
  std::function<Bytes(const Bytes&)> compress;
};

class SharedSpansOf : public ::testing::TestWithParam<Case> {
 protected:
  // The blob of a tar of these files, with its index in the cache.
  Bytes layer(const std::vector<unsigned>& seeds) {
    const Bytes blob = GetParam().compress(tar_of(seeds));
    const Digest digest = Digest::of(blob);
    const auto index = index_layer(std::make_shared<MemoryBlob>(blob), digest);
    EXPECT_TRUE(index) << index.error().message();
    EXPECT_TRUE(cache.store(CacheKind::layer_index, digest, *index));
    return blob;
  }
  void put(const Bytes& blob) {
    MemorySource content(blob);
    EXPECT_TRUE(engine->put_blob(content));
  }
  std::vector<SharedSpan> find(const Bytes& blob) const {
    return shared_spans_by_index(engine, cache)({.digest = Digest::of(blob), .size = blob.size()});
  }

  testing::TempDir directory;
  IndexCache cache{directory / "cache"};
  std::shared_ptr<Engine> engine = open_dir(directory / "layout", {.create_if_missing = true}).value();
};
INSTANTIATE_TEST_SUITE_P(Compressions, SharedSpansOf,
                         ::testing::Values(Case{"plain", [](const Bytes& tar) { return tar; }},
                                           Case{"gzip",
                                                [](const Bytes& tar) { return testing::gzip_of(tar); }},
                                           Case{"frames",
                                                [](const Bytes& tar) {
                                                  return testing::zstd_frames_of(tar, std::size_t{1} << 20);
                                                }}),
                         [](const auto& compression) { return std::string(compression.param.name); });

TEST_P(SharedSpansOf, TwoLayersWithOneBeginningAreMostOfThat) {
  const Bytes old_layer = layer({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 100});
  const Bytes new_layer =
      layer({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 200, 201});
  put(old_layer);
  const auto spans = find(new_layer);
  ASSERT_FALSE(spans.empty());
  std::uint64_t shared = 0, end = 0;
  for (const SharedSpan& span : spans) {
    EXPECT_GE(span.offset, end);
    end = span.offset + span.length;
    ASSERT_LE(end, new_layer.size());
    ASSERT_LE(span.from_offset + span.length, old_layer.size());
    EXPECT_EQ(span.from, Digest::of(old_layer));
    EXPECT_TRUE(same_bytes(ByteView(new_layer).subspan(span.offset, span.length),
                           ByteView(old_layer).subspan(span.from_offset, span.length)));
    shared += span.length;
  }
  EXPECT_GT(shared, new_layer.size() * 6 / 10);
}

TEST_P(SharedSpansOf, LayersThatDifferAreNone) {
  put(layer({1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_TRUE(find(layer({11, 12, 13, 14, 15, 16, 17, 18})).empty());
}

TEST_P(SharedSpansOf, LayersWithoutAnIndexAreNone) {
  const Bytes known = layer({1, 2, 3, 4, 5, 6, 7, 8});
  put(known);
  const Bytes blob = GetParam().compress(tar_of({1, 2, 3, 4, 5, 6, 7, 9}));
  EXPECT_TRUE(find(blob).empty());
}

}  // namespace
}  // namespace layoutfs
