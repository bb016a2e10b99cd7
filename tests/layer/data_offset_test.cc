// The place of content in a layer's stream.
#include "core/layer/data_offset.h"

#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <span>

#include "core/layer/layer_entries.h"

namespace layoutfs {
namespace {

EntryView file_of(std::uint64_t size, std::uint64_t stream_offset) {
  EntryView file{};
  file.type = EntryType::file;
  file.size = size;
  file.stream_offset = stream_offset;
  return file;
}

EntryView sparse_file_of(std::uint64_t size, std::span<const Extent> extents) {
  EntryView file = file_of(size, 0);
  file.is_sparse = true;
  file.extents = extents;
  return file;
}

TEST(DataOffset, OfAFileIsThatOfItsContent) { EXPECT_EQ(data_offset(file_of(1, 512)), 512u); }

TEST(DataOffset, OfASparseFileIsThatOfItsFirstExtent) {
  constexpr std::array kExtents{Extent{.offset = 4096, .size = 10, .stream_offset = 1024},
                                Extent{.offset = 8192, .size = 10, .stream_offset = 1034}};
  EXPECT_EQ(data_offset(sparse_file_of(10000, kExtents)), 1024u);
}

TEST(DataOffset, OfAFileWithoutStoredContentDoesNotExist) {
  EXPECT_EQ(data_offset(file_of(0, 512)), std::nullopt);
  EXPECT_EQ(data_offset(sparse_file_of(10000, {})), std::nullopt);
  EXPECT_EQ(data_offset(sparse_file_of(0, {})), std::nullopt);
}

TEST(DataOffset, OfAnotherKindOfEntryDoesNotExist) {
  for (const EntryType type : {EntryType::hardlink, EntryType::symlink, EntryType::character,
                               EntryType::block, EntryType::directory, EntryType::fifo}) {
    EntryView entry = file_of(1, 512);
    entry.type = type;
    EXPECT_EQ(data_offset(entry), std::nullopt) << static_cast<int>(type);
  }
}

}  // namespace
}  // namespace layoutfs
