// Writing an index file and reading it back.
#include "core/layer/layer_index.h"

#include <gtest/gtest.h>

#include <array>
#include <functional>

#include "core/layer/table_file.h"
#include "tests/support/table_files.h"
#include "tests/tar/parse_tar.h"

namespace layoutfs::testing {
namespace {

const Digest kBlob = Digest::of(as_bytes("blob"));
const Digest kDiffId = Digest::of(as_bytes("stream")), kOtherDiffId = Digest::of(as_bytes("stream."));

TarEntry entry_of(EntryType type, const std::string& path) {
  TarEntry entry{};
  entry.type = type;
  entry.path = path;
  entry.mode = 0640;
  entry.mtime = {-5, 999'999'999};
  return entry;
}

std::vector<TarEntry> sample_entries() {
  std::vector<TarEntry> entries = {entry_of(EntryType::directory, ""),  entry_of(EntryType::file, "a/file"),
                                   entry_of(EntryType::hardlink, "b"),  entry_of(EntryType::character, "c"),
                                   entry_of(EntryType::file, "sparse"), entry_of(EntryType::symlink, "l")};
  entries[0].xattrs = {{"user.a", "1"}, {"user.b", ""}};
  entries[1].size = 1000;
  entries[1].stream_offset = 1024;
  entries[1].uid = 0xffffffff;
  entries[1].xattrs = {{"user.a", "1"}};
  entries[2].target = "a/file";
  entries[3].device_major = 4095;
  entries[3].device_minor = 1048575;
  entries[4].is_sparse = true;
  entries[4].size = 1 << 20;
  entries[4].extents = {{0, 10, 2048}, {4096, 20, 2058}};
  entries[5].target = "../somewhere";
  return entries;
}

Bytes sample_file(const std::vector<TarEntry>& entries) {
  LayerIndexBuilder builder;
  for (const TarEntry& entry : entries) EXPECT_TRUE(builder.add_entry(entry).has_value());
  builder.add_point(0, 0, {});
  builder.add_span(0, {1, 2});
  builder.add_point(2048, 777, as_bytes("state"));
  builder.add_span(2048, {3, 4});
  auto file = builder.finish({.blob = kBlob,
                              .diff_ids = {kDiffId, kOtherDiffId},
                              .blob_size = 500,
                              .stream_size = 4096,
                              .compression = Compression::gzip});
  return file ? std::move(*file) : Bytes();
}

// An entry of the index as a TarEntry.
TarEntry copy_of(const LayerEntries& entries, std::size_t number) {
  const EntryView view = entries.entry(number);
  TarEntry entry{.type = view.type,
                 .path = std::string(view.path),
                 .target = std::string(view.target),
                 .mode = view.mode,
                 .uid = view.uid,
                 .gid = view.gid,
                 .mtime = view.mtime,
                 .device_major = view.device_major,
                 .device_minor = view.device_minor,
                 .size = view.size,
                 .stream_offset = view.stream_offset,
                 .is_sparse = view.is_sparse,
                 .extents = {view.extents.begin(), view.extents.end()},
                 .xattrs = {}};
  for (std::uint32_t i = 0; i < view.xattr_count; ++i) {
    const auto [name, value] = entries.xattr(view.first_xattr + i);
    entry.xattrs.emplace_back(name, value);
  }
  return entry;
}

TEST(LayerIndex, KeepsEveryEntry) {
  const auto entries = sample_entries();
  const auto index = LayerIndex::open(SharedBytes::of(sample_file(entries)), kBlob);
  ASSERT_TRUE(index.has_value()) << index.error().message();
  ASSERT_EQ((*index)->entry_count(), entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i)
    EXPECT_EQ(describe(copy_of(*(*index)->entries(), i)), describe(entries[i]));
}

TEST(LayerIndex, KeepsTheTablesOfTheStream) {
  const auto index = LayerIndex::open(SharedBytes::of(sample_file(sample_entries())), kBlob);
  ASSERT_TRUE(index.has_value()) << index.error().message();
  EXPECT_EQ((*index)->blob(), kBlob);
  EXPECT_EQ((*index)->diff_id(), kDiffId);
  EXPECT_EQ((*index)->facts().diff_ids, (std::vector{kDiffId, kOtherDiffId}));
  EXPECT_TRUE((*index)->has_diff_ids(std::vector{kDiffId, kOtherDiffId}));
  EXPECT_FALSE((*index)->has_diff_ids(std::vector{kDiffId}));
  EXPECT_EQ((*index)->blob_size(), 500u);
  const StreamIndex stream = (*index)->stream();
  EXPECT_EQ(stream.compression, Compression::gzip);
  EXPECT_EQ(stream.size, 4096u);
  ASSERT_EQ(stream.points.size(), 2u);
  EXPECT_EQ(stream.points[1].offset, 2048u);
  EXPECT_EQ(stream.points[1].position, 777u);
  EXPECT_EQ(as_text(stream.states.subspan(stream.points[1].state_offset, stream.points[1].state_size)),
            "state");
  ASSERT_EQ(stream.spans.size(), 2u);
  EXPECT_EQ(stream.spans[1].point, 1u);
  EXPECT_EQ(stream.spans[1].digest[0], 3u);
  EXPECT_EQ(stream.spans[1].digest[1], 4u);
}

TEST(LayerIndex, PointsMayBeAddedAfterTheirSpans) {
  LayerIndexBuilder builder;
  builder.add_point(0, 0, {});
  for (const std::uint64_t offset : {0UL, 1000UL, 2000UL, 3000UL}) builder.add_span(offset, {offset, 0});
  builder.add_point(1000, 300, as_bytes("first"));
  builder.add_point(3000, 700, as_bytes("second"));
  const auto file = builder.finish({kBlob, {kDiffId}, 500, 4000, Compression::zstd});
  ASSERT_TRUE(file.has_value());
  const auto index = LayerIndex::open(SharedBytes::of(*file), kBlob);
  ASSERT_TRUE(index.has_value()) << index.error().message();
  std::vector<std::uint64_t> points;
  for (const SpanRecord& span : (*index)->stream().spans) points.push_back(span.point);
  EXPECT_EQ(points, (std::vector<std::uint64_t>{0, 1, 1, 2}));
}

TEST(LayerIndex, OutlivesTheFileThroughTheStreamsOwner) {
  StreamIndex stream;
  {
    const auto index = LayerIndex::open(SharedBytes::of(sample_file(sample_entries())), kBlob);
    ASSERT_TRUE(index.has_value());
    stream = (*index)->stream();
  }
  EXPECT_EQ(stream.points[1].position, 777u);
}

TEST(LayerIndex, MayBeEmpty) {
  LayerIndexBuilder builder;
  const auto file = builder.finish({kBlob, {kDiffId}, 0, 0, Compression::none});
  ASSERT_TRUE(file.has_value());
  const auto index = LayerIndex::open(SharedBytes::of(*file), kBlob);
  ASSERT_TRUE(index.has_value()) << index.error().message();
  EXPECT_EQ((*index)->entry_count(), 0u);
}

TEST(LayerIndex, MoreXattrsThanTheBoundAreRefused) {
  constexpr std::size_t kOfAnEntry = 100'000;
  static_assert(kMaxLayerXattrs % kOfAnEntry == 0);
  LayerIndexBuilder builder;
  TarEntry entry = entry_of(EntryType::file, "f");
  entry.xattrs.assign(kOfAnEntry, {"", ""});
  for (std::size_t i = 0; i < kMaxLayerXattrs / kOfAnEntry; ++i) ASSERT_TRUE(builder.add_entry(entry));
  entry.xattrs.resize(1);
  const auto added = builder.add_entry(entry);
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code(), Errc::unsupported);
}

TEST(LayerIndex, WithoutADiffIdIsRefused) {
  LayerIndexBuilder builder;
  const auto file = builder.finish({kBlob, {}, 0, 0, Compression::none});
  ASSERT_TRUE(file.has_value());
  EXPECT_FALSE(LayerIndex::open(SharedBytes::of(*file), kBlob).has_value());
}

TEST(LayerIndex, OfAnotherBlobIsRefused) {
  const auto index = LayerIndex::open(SharedBytes::of(sample_file(sample_entries())), kDiffId);
  ASSERT_FALSE(index.has_value());
  EXPECT_EQ(index.error().code(), Errc::corrupt);
}

TEST(LayerIndex, TablesThatContradictEachOtherAreRefused) {
  const auto is_refused = [](const std::function<void(std::vector<TarEntry>&)>& spoil) {
    auto entries = sample_entries();
    spoil(entries);
    const auto index = LayerIndex::open(SharedBytes::of(sample_file(entries)), kBlob);
    return !index && index.error().message() == "index file: inconsistent tables";
  };
  EXPECT_TRUE(is_refused([](auto& entries) { entries[1].size = 4000; }));
  EXPECT_TRUE(is_refused([](auto& entries) { entries[1].stream_offset = UINT64_MAX; }));
  EXPECT_TRUE(is_refused([](auto& entries) { entries[0].size = 1; }));
  EXPECT_TRUE(is_refused([](auto& entries) { entries[0].mode = 010000; }));
  EXPECT_TRUE(is_refused([](auto& entries) { entries[0].mtime.nanoseconds = 1'000'000'000; }));
  EXPECT_TRUE(is_refused([](auto& entries) { entries[0].type = static_cast<EntryType>(7); }));
  EXPECT_TRUE(is_refused([](auto& entries) { entries[4].extents[1].offset = 5; }));
  EXPECT_TRUE(is_refused([](auto& entries) { entries[4].extents[1].size = 1 << 20; }));
  EXPECT_TRUE(is_refused([](auto& entries) { entries[4].extents[1].stream_offset = 4090; }));
  EXPECT_TRUE(is_refused([](auto& entries) { entries[4].extents[1].size = 0; }));
}

// The totals are 0, which FlatBuffers leaves out: they would not be aligned either.
TEST(LayerIndex, TablesThatAreNotAlignedAreRefused) {
  LayerIndexBuilder builder;
  builder.add_point(0, 0, {});
  const auto file = builder.finish({kBlob, {kDiffId}, 0, 0, Compression::none});
  ASSERT_TRUE(file.has_value());
  const auto index =
      LayerIndex::open(SharedBytes::of(testing::unaligned(*file, TableKind::layer_index, kBlob)), kBlob);
  ASSERT_FALSE(index.has_value());
  EXPECT_EQ(index.error().message(), "index file: inconsistent tables");
}

TEST(LayerIndex, CutOrDamagedFilesAreRefused) {
  const Bytes file = sample_file(sample_entries());
  for (std::size_t size = 0; size < file.size(); ++size) {
    Bytes cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(LayerIndex::open(SharedBytes::of(std::move(cut)), kBlob).has_value()) << size;
  }
  constexpr std::size_t kUnusedFrom = 97, kPayload = 128;  // of the container's header
  for (std::size_t at = 0; at < file.size(); ++at) {
    Bytes damaged = file;
    damaged[at] ^= std::byte{0xff};
    const bool is_unused = at >= kUnusedFrom && at < kPayload;
    EXPECT_EQ(LayerIndex::open(SharedBytes::of(std::move(damaged)), kBlob).has_value(), is_unused) << at;
  }
}

// Touches everything that can be reached through an index.
std::size_t read_all(const LayerIndex& index) {
  std::size_t sum = index.stream().states.size();
  const auto entries = index.entries();
  for (std::size_t i = 0; i < entries->size(); ++i) sum += describe(copy_of(*entries, i)).size();
  for (const PointRecord& point : index.stream().points) {
    for (const std::byte byte : index.stream().states.subspan(point.state_offset, point.state_size)) {
      sum += std::to_integer<std::size_t>(byte);
    }
  }
  return sum;
}

TEST(LayerIndex, DamagedTablesUnderARightChecksumAreRefusedOrSafeToRead) {
  const Bytes file = sample_file(sample_entries());
  const auto header = load_le<std::array<std::uint32_t, 4>>(file);
  const Bytes payload(file.begin() + 128, file.end());
  std::size_t accepted = 0, refused = 0;
  for (std::size_t at = 0; at < payload.size(); ++at) {
    for (const std::byte bits : {std::byte{1}, std::byte{0x10}, std::byte{0x80}, std::byte{0xff}}) {
      Bytes damaged = payload;
      damaged[at] ^= bits;
      const Bytes sealed = seal_table_file(TableKind::layer_index, header[3], kBlob, damaged);
      const auto index = LayerIndex::open(SharedBytes::of(sealed), kBlob);
      if (index) {
        ++accepted;
        EXPECT_GT(read_all(**index), 0u);
      } else {
        ++refused;
        EXPECT_EQ(index.error().code(), Errc::corrupt);
      }
    }
  }
  EXPECT_GT(accepted, 0u);
  EXPECT_GT(refused, 0u);
  for (std::size_t size = 0; size < payload.size(); ++size) {
    const auto sealed =
        seal_table_file(TableKind::layer_index, header[3], kBlob, ByteView(payload).first(size));
    const auto index = LayerIndex::open(SharedBytes::of(sealed), kBlob);
    if (index) {
      EXPECT_GT(read_all(**index), 0u);
    }
  }
}

TEST(LayerIndex, HoldersOfEntriesShareThem) {
  const auto index = LayerIndex::open(SharedBytes::of(sample_file(sample_entries())), kBlob);
  ASSERT_TRUE(index.has_value());
  const auto entries = (*index)->entries();
  EXPECT_EQ((*index)->entries(), entries);
  EXPECT_EQ(entries->size(), (*index)->entry_count());
}

TEST(LayerIndex, TakesAtMost20BytesAnEntry) {
  LayerIndexBuilder builder;
  TarEntry entry = entry_of(EntryType::file, "");
  constexpr std::size_t kEntries = 10'000;
  for (std::size_t i = 0; i < kEntries; ++i) {
    entry.path = "usr/share/doc/some-package-name/examples/" + std::to_string(i);
    entry.size = i * 1237 % 100'000;
    entry.stream_offset = i << 17;
    ASSERT_TRUE(builder.add_entry(entry).has_value());
  }
  builder.add_point(0, 0, {});
  builder.add_span(0, {1, 2});
  const auto file = builder.finish({kBlob, {kDiffId}, kEntries << 17, kMaxSpanSize, Compression::none});
  ASSERT_TRUE(file.has_value());
  EXPECT_LT(file->size(), kEntries * 20);
}

}  // namespace
}  // namespace layoutfs::testing
