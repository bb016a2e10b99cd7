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

TEST(Base64, DecodingReversesEncoding) {
  Bytes bytes;
  for (int i = 0; i < 256; ++i) {
    EXPECT_EQ(base64_bytes(base64(bytes)), bytes);
    bytes.push_back(static_cast<std::byte>(i * 7));
  }
  const auto wrapped = base64_bytes("Zm9v\r\nYmFy\n");
  ASSERT_TRUE(wrapped);
  EXPECT_EQ(as_text(*wrapped), "foobar");
}

TEST(Base64, MalformedTextHasNoBytes) {
  for (const char* const text :
       {"Z", "Zg", "Zg=", "Zg===", "=", "Z===", "Zg==Zg==", "Zm9v=", "Zm9-", "Z g=", "Zg=A"})
    EXPECT_EQ(base64_bytes(text), std::nullopt) << text;
}

}  // namespace
}  // namespace layoutfs
