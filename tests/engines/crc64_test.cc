#include "core/engines/crc64.h"

#include <gtest/gtest.h>

#include <string>

namespace layoutfs {
namespace {

std::uint64_t crc_of(std::string_view text) {
  Crc64 crc;
  crc.update(as_bytes(text));
  return crc.value();
}

TEST(Crc64, HasTheCheckValueOfTheCatalogues) {
  EXPECT_EQ(crc_of("123456789"), 0xB90956C775A41001u);  // CRC-64/GO-ISO
  EXPECT_EQ(crc_of(""), 0u);
}

TEST(Crc64, IsTheSameInPiecesOfAnySize) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += static_cast<char>(i * i % 251);
  const std::uint64_t whole = crc_of(text);
  for (const std::size_t piece : {1u, 3u, 7u, 8u, 9u, 64u}) {
    Crc64 crc;
    for (std::size_t at = 0; at < text.size(); at += piece)
      crc.update(as_bytes(std::string_view(text).substr(at, piece)));
    EXPECT_EQ(crc.value(), whole) << "pieces of " << piece;
  }
}

}  // namespace
}  // namespace layoutfs
