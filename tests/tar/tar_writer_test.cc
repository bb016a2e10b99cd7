// Headers that are written, read again.
#include "core/tar/tar_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/tar/tar_header.h"
#include "core/tar/tar_parser.h"

namespace layoutfs {
namespace {

// Returns the entry in a tar of this header, without its data.
TarEntry entry_of(ByteView header) {
  std::vector<TarEntry> entries;
  TarParser parser([&](TarEntry&& entry) {
    entries.push_back(std::move(entry));
    return Status();
  });
  EXPECT_TRUE(parser.feed(header));
  if (entries.empty() && parser.skippable() != 0) parser.skip(parser.skippable());
  if (entries.size() != 1) throw std::runtime_error(std::to_string(entries.size()) + " entries");
  return std::move(entries.front());
}

TEST(TarWriter, AShortPathAndASmallSizeTakeOneBlock) {
  const Bytes header = tar_file_header("blobs/sha256/" + std::string(64, 'a'), 12345, 1'700'000'000);
  EXPECT_EQ(header.size(), kTarBlock);
  const auto entry = entry_of(header);
  EXPECT_EQ(entry.path, "blobs/sha256/" + std::string(64, 'a'));
  EXPECT_EQ(entry.size, 12345u);
  EXPECT_EQ(entry.mtime.seconds, 1'700'000'000);
  EXPECT_EQ(entry.stream_offset, kTarBlock);
}

TEST(TarWriter, WhatDoesNotFitStandsInARecord) {
  for (const std::uint64_t size :
       {std::uint64_t{0}, (std::uint64_t{8} << 30) - 1, std::uint64_t{8} << 30, std::uint64_t{3} << 40})
    for (const std::size_t length : {99uz, 100uz, 101uz, 141uz, 980uz, 1000uz}) {
      const std::string path(length, 'p');
      const auto entry = entry_of(tar_file_header(path, size, 0));
      EXPECT_EQ(entry.path, path);
      EXPECT_EQ(entry.size, size) << length;
    }
}

TEST(TarWriter, DataIsPaddedToBlocks) {
  EXPECT_EQ(tar_padding(0), 0u);
  EXPECT_EQ(tar_padding(1), 511u);
  EXPECT_EQ(tar_padding(512), 0u);
  EXPECT_EQ(tar_padding(513), 511u);
}

}  // namespace
}  // namespace layoutfs
