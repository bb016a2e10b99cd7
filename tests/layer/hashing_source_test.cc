// A blob on its way to a decoder: all of it, in order, hashed; failures that stay.
#include "core/layer/hashing_source.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "tests/support/gzip_blobs.h"
#include "tests/support/stream_index_builder.h"

namespace layoutfs::testing {
namespace {

constexpr std::size_t kPiece = std::size_t{256} << 10;

Status nothing(std::uint64_t) { return {}; }

TEST(HashingSource, DeliversTheBlobAndTheEndAsOftenAsItIsAskedFor) {
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, kPiece - 1, kPiece, kPiece + 1, 7 * kPiece}) {
    for (const std::size_t room : {std::size_t{10'007}, 2 * kPiece}) {
      const Bytes content = sample_bytes(size, size);
      std::uint64_t told = 0;
      HashingSource source(std::make_shared<MemoryBlob>(content), Algorithm::sha256,
                           [&](std::uint64_t bytes) -> Status { return told += bytes, Status(); });
      Bytes got, buffer(room);
      for (;;) {
        const auto read = source.read(buffer);
        ASSERT_TRUE(read) << read.error().message();
        if (*read == 0) break;
        got.insert(got.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*read));
      }
      EXPECT_TRUE(got == content) << size;
      EXPECT_EQ(told, size);
      for (int again = 0; again < 10; ++again) EXPECT_EQ(source.read(buffer).value(), 0u);
      EXPECT_EQ(source.finish().value().finish(), Digest::of(content));
    }
  }
}

TEST(HashingSource, WhatIsLeftCountsToo) {
  const Bytes content = sample_bytes(5 * kPiece + 5, 1);
  for (const std::size_t taken : {std::size_t{0}, std::size_t{100}, kPiece + 1}) {
    HashingSource source(std::make_shared<MemoryBlob>(content), Algorithm::sha512, nothing);
    Bytes buffer(taken);
    for (std::size_t done = 0; done < taken;) {
      const auto read = source.read(std::span(buffer).subspan(done));
      ASSERT_TRUE(read && *read > 0);
      done += *read;
    }
    EXPECT_EQ(source.finish().value().finish(), Digest::of(content, Algorithm::sha512));
    EXPECT_EQ(source.bytes_read(), content.size());
  }
}

TEST(HashingSource, AFailureStaysAndEndsInTime) {
  const Bytes content = sample_bytes(6 * kPiece, 2);
  HashingSource source(std::make_shared<MemoryBlob>(content), Algorithm::sha256,
                       [told = 0](std::uint64_t) mutable -> Status {
                         if (++told == 3) return fail(Errc::cancelled, "enough");
                         return {};
                       });
  Bytes buffer(kPiece);
  EXPECT_TRUE(source.read(buffer));
  EXPECT_TRUE(source.read(buffer));
  for (int again = 0; again < 10; ++again) {
    const auto read = source.read(buffer);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code(), Errc::cancelled);
  }
  EXPECT_FALSE(source.finish());
}

}  // namespace
}  // namespace layoutfs::testing
