// Indexes that are true, and indexes with sound tables and a right checksum that are not.
#include "core/check/index_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/layer/diff_id.h"
#include "core/layer/indexer.h"
#include "tests/support/gzip_blobs.h"
#include "tests/support/stream_index_builder.h"
#include "tests/support/tar_writer.h"
#include "tests/tar/parse_tar.h"

namespace layoutfs::testing {
namespace {

using ::testing::HasSubstr;

std::shared_ptr<SpanCache> spans() { return std::make_shared<SpanCache>(10'000'000, 4); }

std::string sample_tar() {
  TarWriter tar;
  tar.dir("d").file("d/a", "content", {.xattrs = {{"user.note", "value"}}}).symlink("l", "d/a");
  tar.device("null", '3', 1, 3)
      .hardlink("h", "d/a")
      .file("large", std::string(as_text(sample_bytes(700'000, 1))));
  tar.pax({{"GNU.sparse.major", "0"},
           {"GNU.sparse.minor", "1"},
           {"GNU.sparse.name", "sparse"},
           {"GNU.sparse.size", "100000"},
           {"GNU.sparse.map", "1000,512,50000,512"}})
      .file("x", std::string(1024, 's'));
  return tar.text();
}

Bytes zstd_of(ByteView plain) {
  Bytes out(ZSTD_compressBound(plain.size()));
  out.resize(ZSTD_compress(out.data(), out.size(), plain.data(), plain.size(), 3));
  return out;
}

// The content of an index file.
struct Contents {
  struct Point {
    std::uint64_t offset, position;
    Bytes state;
  };
  std::vector<TarEntry> entries;
  std::vector<Point> points;
  std::vector<SpanRecord> spans;
  LayerIndexBuilder::Totals totals;
};

std::shared_ptr<const LayerIndex> write(const Contents& contents) {
  LayerIndexBuilder builder;
  for (const TarEntry& entry : contents.entries) EXPECT_TRUE(builder.add_entry(entry));
  std::size_t points = 0;
  for (const SpanRecord& span : contents.spans) {
    for (; points <= span.point; ++points)
      builder.add_point(contents.points[points].offset, contents.points[points].position,
                        contents.points[points].state);
    builder.add_span(span.offset, span.digest);
  }
  auto file = builder.finish(contents.totals).value();
  // The tables are valid and the checksum is right: the test is about their content.
  return LayerIndex::open(SharedBytes::of(std::move(file)), contents.totals.blob).value();
}

// A layer with several access points, in any compression, and its correct index.
struct Sample {
  explicit Sample(Bytes blob_) : blob(std::move(blob_)) {
    const Digest digest = Digest::of(blob);
    auto file = index_layer(std::make_shared<MemoryBlob>(blob), digest, {.spacing = 150'000}).value();
    index = LayerIndex::open(SharedBytes::of(std::move(file)), digest).value();
    const StreamIndex stream = index->stream();
    const std::string tar = sample_tar();
    contents.entries = parse_tar(tar).value();
    for (const PointRecord& point : stream.points) {
      const ByteView state = stream.states.subspan(point.state_offset, point.state_size);
      contents.points.push_back({point.offset, point.position, {state.begin(), state.end()}});
    }
    contents.spans.assign(stream.spans.begin(), stream.spans.end());
    Hasher hasher;
    hasher.update(as_bytes(tar));
    contents.totals = {.blob = digest,
                       .diff_ids = diff_ids_of(std::move(hasher)),
                       .blob_size = blob.size(),
                       .stream_size = stream.size,
                       .compression = stream.compression};
  }
  Status check(const LayerIndex& checked) const {
    return check_index(checked, std::make_shared<MemoryBlob>(blob), spans());
  }
  TarEntry& entry(Contents& changed, std::string_view path) const {
    return *std::ranges::find(changed.entries, path, &TarEntry::path);
  }

  Bytes blob;
  std::shared_ptr<const LayerIndex> index;
  Contents contents;
};

std::vector<Bytes> sample_blobs() {
  const std::string tar = sample_tar();
  const ByteView bytes = as_bytes(tar);
  return {Bytes(bytes.begin(), bytes.end()), gzip_of(bytes), zstd_of(bytes)};
}

TEST(IndexCheck, WhatTheIndexerBuildsIsTrue) {
  for (const Bytes& blob : sample_blobs()) {
    const Sample sample(blob);
    SCOPED_TRACE(name_of(sample.index->stream().compression));
    const Status checked = sample.check(*sample.index);
    EXPECT_TRUE(checked) << checked.error().message();
    const Status copied = sample.check(*write(sample.contents));
    EXPECT_TRUE(copied) << copied.error().message();
  }
  for (const Bytes& blob : {Bytes(), gzip_of({}), zstd_of({})}) {
    const Digest digest = Digest::of(blob);
    auto file = index_layer(std::make_shared<MemoryBlob>(blob), digest).value();
    const auto index = LayerIndex::open(SharedBytes::of(std::move(file)), digest).value();
    EXPECT_TRUE(check_index(*index, std::make_shared<MemoryBlob>(blob), spans()));
  }
}

TEST(IndexCheck, OtherAccessPointsThatServeAreTrueToo) {
  const Sample sample(gzip_of(as_bytes(sample_tar())));
  ASSERT_GE(sample.contents.points.size(), 4u);
  auto file = index_layer(std::make_shared<MemoryBlob>(sample.blob), sample.contents.totals.blob).value();
  const auto sparser =
      LayerIndex::open(SharedBytes::of(std::move(file)), sample.contents.totals.blob).value();
  ASSERT_LT(sparser->stream().points.size(), sample.contents.points.size());
  EXPECT_TRUE(sample.check(*sparser));
}

TEST(IndexCheck, BitRotOfTheBlobIsFound) {
  for (const Bytes& blob : sample_blobs()) {
    const Sample sample(blob);
    for (const std::size_t at : {std::size_t{0}, blob.size() / 2, blob.size() - 1}) {
      Bytes damaged = blob;
      damaged[at] ^= std::byte{4};
      const Status checked = check_index(*sample.index, std::make_shared<MemoryBlob>(damaged), spans());
      ASSERT_FALSE(checked) << at;
      EXPECT_EQ(checked.error().code(), Errc::corrupt);
      EXPECT_THAT(checked.error().message(), HasSubstr(sample.index->blob().str()));
    }
    Bytes cut = blob;
    cut.pop_back();
    EXPECT_FALSE(check_index(*sample.index, std::make_shared<MemoryBlob>(cut), spans()));
  }
}

struct Lie {
  std::string what;
  std::function<void(const Sample&, Contents&)> tell;
};

TEST(IndexCheck, EveryLieIsFound) {
  const std::vector<Lie> lies{
      {"path", [](const Sample& s, Contents& c) { s.entry(c, "d/a").path = "d/b"; }},
      {"type", [](const Sample& s, Contents& c) { s.entry(c, "d").type = EntryType::fifo; }},
      {"mode", [](const Sample& s, Contents& c) { s.entry(c, "d/a").mode = 04755; }},
      {"uid", [](const Sample& s, Contents& c) { s.entry(c, "d/a").uid = 1; }},
      {"gid", [](const Sample& s, Contents& c) { s.entry(c, "d/a").gid = 1; }},
      {"seconds", [](const Sample& s, Contents& c) { ++s.entry(c, "d/a").mtime.seconds; }},
      {"nanoseconds", [](const Sample& s, Contents& c) { ++s.entry(c, "d/a").mtime.nanoseconds; }},
      {"size", [](const Sample& s, Contents& c) { --s.entry(c, "d/a").size; }},
      {"place", [](const Sample& s, Contents& c) { ++s.entry(c, "d/a").stream_offset; }},
      {"xattr", [](const Sample& s, Contents& c) { s.entry(c, "d/a").xattrs[0].second = "other"; }},
      {"no xattr", [](const Sample& s, Contents& c) { s.entry(c, "d/a").xattrs.clear(); }},
      {"target", [](const Sample& s, Contents& c) { s.entry(c, "l").target = "/etc"; }},
      {"device", [](const Sample& s, Contents& c) { s.entry(c, "null").device_minor = 5; }},
      {"extent", [](const Sample& s, Contents& c) { ++s.entry(c, "sparse").extents[1].offset; }},
      {"extents", [](const Sample& s, Contents& c) { s.entry(c, "sparse").extents.pop_back(); }},
      {"missing entry", [](const Sample&, Contents& c) { c.entries.pop_back(); }},
      {"more entries", [](const Sample&, Contents& c) { c.entries.push_back(c.entries.front()); }},
      {"order", [](const Sample&, Contents& c) { std::swap(c.entries[0], c.entries[1]); }},
      {"span", [](const Sample&, Contents& c) { c.spans.back().digest[1] ^= 1; }},
      {"diff id", [](const Sample&, Contents& c) { c.totals.diff_ids[0] = Digest::of({}); }},
      {"other diff id", [](const Sample&, Contents& c) { c.totals.diff_ids[7] = Digest::of({}); }},
      {"one diff id more", [](const Sample&, Contents& c) { c.totals.diff_ids.push_back(Digest::of({})); }},
  };
  for (const Bytes& blob : sample_blobs()) {
    const Sample sample(blob);
    for (const Lie& lie : lies) {
      Contents changed = sample.contents;
      lie.tell(sample, changed);
      const Status checked = sample.check(*write(changed));
      ASSERT_FALSE(checked) << lie.what << ", " << name_of(changed.totals.compression);
      EXPECT_EQ(checked.error().code(), Errc::corrupt) << lie.what;
      EXPECT_THAT(checked.error().message(), HasSubstr("index file: ")) << lie.what;
    }
  }
}

TEST(IndexCheck, AnAccessPointThatLeadsElsewhereIsFound) {
  const Sample sample(gzip_of(as_bytes(sample_tar())));
  ASSERT_GE(sample.contents.points.size(), 4u);
  for (const int way : {0, 1, 2}) {
    Contents changed = sample.contents;
    if (way == 0) ++changed.points[2].position;
    if (way == 1) changed.points[2].state = changed.points[1].state;
    if (way == 2) changed.points[2].state.clear();
    const Status checked = sample.check(*write(changed));
    ASSERT_FALSE(checked) << way;
    EXPECT_THAT(checked.error().message(),
                HasSubstr("stream bytes " + std::to_string(changed.points[2].offset) + " to"));
  }
}

// Every span is right, but they are not all.
TEST(IndexCheck, AnIndexThatEndsEarlyIsFound) {
  const Sample sample(gzip_of(as_bytes(sample_tar())));
  Contents changed = sample.contents;
  changed.totals.stream_size = changed.spans.back().offset;
  changed.spans.pop_back();
  std::erase_if(changed.entries, [&](const TarEntry& entry) {
    return entry.stream_offset + entry.size > changed.totals.stream_size || entry.is_sparse;
  });
  const Status checked = sample.check(*write(changed));
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code(), Errc::corrupt);
}

TEST(IndexCheck, TellsHowFarItIs) {
  const Sample sample(gzip_of(as_bytes(sample_tar())));
  std::vector<std::uint64_t> calls;
  ASSERT_TRUE(check_index(*sample.index, std::make_shared<MemoryBlob>(sample.blob), spans(),
                          [&](std::uint64_t bytes) { calls.push_back(bytes); }));
  EXPECT_TRUE(std::ranges::is_sorted(calls));
  EXPECT_GT(calls.back(), sample.blob.size());
  EXPECT_LE(calls.back(), 2 * sample.blob.size());
}

}  // namespace
}  // namespace layoutfs::testing
