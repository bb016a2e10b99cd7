// Formats by their first bytes.
#include "core/base/compression.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <set>
#include <string>

namespace layoutfs {
namespace {

Bytes bytes_of(std::initializer_list<int> values) {
  Bytes bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

TEST(DetectCompression, GoesByTheFirstBytes) {
  EXPECT_EQ(detect_compression(bytes_of({0x1f, 0x8b})), Compression::gzip);
  EXPECT_EQ(detect_compression(bytes_of({0x1f, 0x8b, 8, 0, 0})), Compression::gzip);
  EXPECT_EQ(detect_compression(bytes_of({0x28, 0xb5, 0x2f, 0xfd})), Compression::zstd);
  EXPECT_EQ(detect_compression(bytes_of({0x50, 0x2a, 0x4d, 0x18})), Compression::zstd);
  EXPECT_EQ(detect_compression(bytes_of({0x5f, 0x2a, 0x4d, 0x18})), Compression::zstd);
  EXPECT_EQ(detect_compression(bytes_of({0x60, 0x2a, 0x4d, 0x18})), Compression::none);
  EXPECT_EQ(detect_compression(bytes_of({0x28, 0xb5, 0x2f})), Compression::none);
  EXPECT_EQ(detect_compression(bytes_of({0x1f})), Compression::none);
  EXPECT_EQ(detect_compression({}), Compression::none);
}

TEST(FindFormat, KnowsMoreFormatsThanLayersHave) {
  const ByteView xz =
      as_bytes(std::string_view("\xfd"
                                "7zXZ\0",
                                6));
  ASSERT_NE(find_format(xz), nullptr);
  EXPECT_EQ(find_format(xz)->name, "xz");
  EXPECT_EQ(detect_compression(xz), Compression::none);
  EXPECT_EQ(find_format(as_bytes("plain text")), nullptr);
}

TEST(CompressionFormats, HaveNamesAndMagicNumbersOfTheirOwn) {
  std::set<std::string_view> names;
  for (const CompressionFormat& format : compression_formats()) {
    EXPECT_TRUE(names.insert(format.name).second) << format.name;
    EXPECT_FALSE(format.command.empty()) << format.name;
    EXPECT_EQ(find_format(as_bytes(format.magic[0].bytes)), &format) << format.name;
    // A name that is read back from an index file or a media type.
    const bool is_of_layers = format.compression != Compression::none;
    EXPECT_EQ(is_of_layers, name_of(format.compression) == format.name) << format.name;
    EXPECT_EQ(is_of_layers, !format.oci_suffix.empty()) << format.name;
    EXPECT_EQ(is_of_layers, !format.docker_suffix.empty()) << format.name;
  }
  EXPECT_EQ(name_of(Compression::none), "none");
  EXPECT_EQ(name_of(static_cast<Compression>(3)), "unknown");
}

}  // namespace
}  // namespace layoutfs
