// Base64 against the test vectors of RFC 4648, section 10, and bytes with every digit.
#include "core/base/base64.h"

#include <gtest/gtest.h>

namespace layoutfs {
namespace {

TEST(Base64, VectorsOfTheRfc) {
  EXPECT_EQ(base64(as_bytes("")), "");
  EXPECT_EQ(base64(as_bytes("f")), "Zg==");
  EXPECT_EQ(base64(as_bytes("fo")), "Zm8=");
  EXPECT_EQ(base64(as_bytes("foo")), "Zm9v");
  EXPECT_EQ(base64(as_bytes("foob")), "Zm9vYg==");
  EXPECT_EQ(base64(as_bytes("fooba")), "Zm9vYmE=");
  EXPECT_EQ(base64(as_bytes("foobar")), "Zm9vYmFy");
}

TEST(Base64, EveryDigitInOrder) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  Bytes bytes;
  for (std::size_t i = 0; i < 64; i += 4) {
    const std::size_t group = i << 18 | (i + 1) << 12 | (i + 2) << 6 | (i + 3);
    for (int shift = 16; shift >= 0; shift -= 8)
      bytes.push_back(static_cast<std::byte>(group >> shift & 255));
  }
  EXPECT_EQ(base64(bytes), kDigits);
}

}  // namespace
}  // namespace layoutfs
