// Hashing on a second thread.
#include "core/base/hash_pipe.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace layoutfs {
namespace {

Bytes counting(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 31 + (i >> 8) * 7);
  return bytes;
}

Digest digest_through_pipe(ByteView content, std::size_t piece_size, Algorithm algorithm) {
  HashPipe pipe(algorithm);
  while (!content.empty()) {
    const auto piece = content.first(std::min(content.size(), piece_size));
    std::ranges::copy(piece, pipe.buffer().begin());
    pipe.submit(piece.size());
    content = content.subspan(piece.size());
  }
  return pipe.finish();
}

TEST(HashPipe, GivesTheDigestOfAllPieces) {
  for (const std::size_t size : {0U, 1U, 1000U, 262'143U, 262'144U, 262'145U, 5'000'001U})
    for (const std::size_t piece : {std::size_t{4097}, HashPipe::kPieceSize}) {
      const Bytes content = counting(size);
      EXPECT_EQ(digest_through_pipe(content, piece, Algorithm::sha256), Digest::of(content)) << size;
    }
  const Bytes content = counting(3'000'000);
  EXPECT_EQ(digest_through_pipe(content, HashPipe::kPieceSize, Algorithm::sha512),
            Digest::of(content, Algorithm::sha512));
}

TEST(HashPipe, MayBeGivenUpAtAnyTime) {
  for (int pieces = 0; pieces < 6; ++pieces) {
    HashPipe pipe(Algorithm::sha256);
    for (int i = 0; i < pieces; ++i) {
      std::ranges::fill(pipe.buffer(), std::byte{1});
      pipe.submit(HashPipe::kPieceSize);
    }
  }
  SUCCEED();
}

}  // namespace
}  // namespace layoutfs
