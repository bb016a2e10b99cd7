// Digests against the published test vectors (FIPS 180-4).
#include "layoutfs/digest.h"

#include <gtest/gtest.h>

#include "tests/support/byte_sum.h"

namespace layoutfs {
namespace {

using testing::byte_sum;
using testing::start_byte_sum;

const std::string kAbc256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const std::string kEmpty256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const std::string kAbc512 =
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";

TEST(Digest, AgreesWithThePublishedVectors) {
  EXPECT_EQ(Digest::of(as_bytes("abc")).str(), "sha256:" + kAbc256);
  EXPECT_EQ(Digest::of({}).str(), "sha256:" + kEmpty256);
  EXPECT_EQ(Digest::of(as_bytes("abc"), Algorithm::sha512).str(), "sha512:" + kAbc512);
}

TEST(Digest, ContentInPiecesHasTheDigestOfTheWhole) {
  const std::string text(100'000, 'x');
  Hasher hasher(Algorithm::sha512);
  std::size_t taken = 0;
  for (std::size_t piece = 1; taken < text.size(); piece = piece * 3 + 1) {
    const auto part = std::string_view(text).substr(taken, piece);
    hasher.update(as_bytes(part));
    taken += part.size();
  }
  EXPECT_EQ(hasher.finish(), Digest::of(as_bytes(text), Algorithm::sha512));
}

TEST(Digest, ParsedAndWrittenItIsTheSameText) {
  for (const auto& text : {"sha256:" + kAbc256, "sha512:" + kAbc512}) {
    const auto digest = Digest::parse(text);
    ASSERT_TRUE(digest) << text;
    EXPECT_EQ(digest->str(), text);
  }
  const auto digest = Digest::parse("sha256:" + kAbc256).value();
  EXPECT_EQ(digest.algorithm(), Algorithm::sha256);
  EXPECT_EQ(digest.hex(), kAbc256);
  EXPECT_EQ(digest.short_hex(), "ba7816bf8f01");
  EXPECT_EQ(digest.blob_path(), "blobs/sha256/" + kAbc256);
}

TEST(Digest, WhateverBreaksTheGrammarIsInvalid) {
  const std::string upper = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD";
  for (const std::string& text :
       {std::string(), std::string(":"), std::string("sha256"), std::string("sha256:"), "sha256" + kAbc256,
        "sha256:" + upper, "sha256:" + kAbc256 + "0", "sha256:" + kAbc256.substr(1), "sha512:" + kAbc256,
        std::string("sha256:../../../../../../../../../../../../../../../../../etc/passwd0000"),
        "sha256:" + kAbc256.substr(1) + "/", "sha256:" + kAbc256.substr(2) + "..",
        "sha256:" + kAbc256.substr(1) + std::string(1, '\0'), "SHA256:" + kAbc256, "+sha256:" + kAbc256,
        "sha256+:" + kAbc256, "../sha256:" + kAbc256, " sha256:" + kAbc256, "sha256:" + kAbc256 + "\n"}) {
    const auto digest = Digest::parse(text);
    ASSERT_FALSE(digest) << text;
    EXPECT_EQ(digest.error().code(), Errc::digest_invalid) << text;
  }
}

TEST(Digest, LowerCaseHexDigitsAndNoOtherBytesAreItsDigits) {
  for (int byte = 0; byte < 256; ++byte) {
    std::string hex = kAbc256;
    hex[17] = static_cast<char>(byte);
    const bool is_digit = std::string_view("0123456789abcdef").contains(hex[17]);
    EXPECT_EQ(Digest::parse("sha256:" + hex).has_value(), is_digit) << byte;
  }
}

TEST(Digest, AnAlgorithmThatIsNotRegisteredIsUnsupported) {
  for (const char* text : {"md5:d41d8cd98f00b204e9800998ecf8427e", "blake3:00", "multihash+base58:QmRZxt"}) {
    const auto digest = Digest::parse(text);
    ASSERT_FALSE(digest) << text;
    EXPECT_EQ(digest.error().code(), Errc::unsupported) << text;
  }
}

TEST(Digest, OfARegisteredAlgorithmIsParsedAndComputedAsAnyOther) {
  const Digest digest = Digest::of(as_bytes("abc"), byte_sum());
  EXPECT_EQ(digest.str(), "byte+sum:2601000000000000");
  EXPECT_EQ(Digest::parse(digest.str()), digest);
  EXPECT_EQ(digest.blob_path(), "blobs/byte+sum/2601000000000000");
  for (const char* text :
       {"byte+sum:26010000000000", "byte+sum:260100000000000000", "byte+sum:260100000000000G"})
    EXPECT_EQ(Digest::parse(text).error().code(), Errc::digest_invalid) << text;
  EXPECT_EQ(find_algorithm("byte+sum"), byte_sum());
  EXPECT_EQ(algorithms().back(), byte_sum());
}

TEST(Digest, AHasherOfARegisteredAlgorithmCanBeCopied) {
  Hasher first(byte_sum());
  first.update(as_bytes("ab"));
  Hasher second(first);
  second.update(as_bytes("c"));
  EXPECT_EQ(second.finish(), Digest::of(as_bytes("abc"), byte_sum()));
  EXPECT_EQ(first.finish(), Digest::of(as_bytes("ab"), byte_sum()));
}

TEST(Digest, WhatCanBeNoAlgorithmIsNotRegistered) {
  byte_sum();
  for (const char* name : {"", "SHA3", "a/b", "..", "+a", "a+", "uploads"})
    EXPECT_EQ(register_algorithm(name, 32, start_byte_sum).error().code(), Errc::invalid_argument) << name;
  for (const std::size_t size : {0uz, 3uz, 65uz})
    EXPECT_EQ(register_algorithm("sized", size, start_byte_sum).error().code(), Errc::invalid_argument)
        << size;
  for (const char* name : {"sha256", "byte+sum"})
    EXPECT_EQ(register_algorithm(name, 8, start_byte_sum).error().code(), Errc::already_exists) << name;
}

}  // namespace
}  // namespace layoutfs
