#include "core/base/io_buffers.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>

namespace layoutfs {
namespace {

Bytes bytes_of(const IoBuffers& pieces) {
  Bytes bytes(pieces.size());
  pieces.copy_to(bytes);
  return bytes;
}

TEST(IoBuffers, LongOnesAreNotCopiedAndStayAlive) {
  IoBuffers pieces;
  auto owner = std::make_shared<const Bytes>(IoBuffers::kShortest, std::byte{7});
  const std::weak_ptr<const Bytes> watch = owner;
  const auto* const place = owner->data();
  pieces.append(*owner, owner);
  owner.reset();
  ASSERT_FALSE(watch.expired());
  ASSERT_EQ(pieces.views().size(), 1U);
  EXPECT_EQ(pieces.views()[0].data(), place);
  EXPECT_EQ(bytes_of(pieces), *watch.lock());
}

TEST(IoBuffers, ShortOnesAreCopiedNextToEachOther) {
  IoBuffers pieces;
  auto owner = std::make_shared<Bytes>(1'000, std::byte{7});
  pieces.append(*owner, owner);
  owner->assign(1'000, std::byte{8});
  pieces.append(*owner, owner);
  EXPECT_EQ(owner.use_count(), 1);
  EXPECT_EQ(pieces.views().size(), 1U);
  const Bytes bytes = bytes_of(pieces);
  EXPECT_EQ(bytes.front(), std::byte{7});
  EXPECT_EQ(bytes.back(), std::byte{8});
}

TEST(IoBuffers, AreNeverManyAndGiveWhatWasAppended) {
  const std::uint64_t seed = 47;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 300; ++round) {
    IoBuffers pieces;
    Bytes expected;
    for (auto count = random() % 40; count > 0; --count) {
      const auto kind = random() % 3;
      const std::size_t size = random() % (random() % 2 == 0 ? 200'000 : 100);
      const auto part = std::make_shared<Bytes>(size, kind == 0 ? std::byte{0} : std::byte(random()));
      if (kind == 0) pieces.append_zeros(size);
      if (kind == 1) pieces.append_copy(*part);
      if (kind == 2) pieces.append(*part, part);
      expected.insert(expected.end(), part->begin(), part->end());
    }
    ASSERT_EQ(bytes_of(pieces), expected) << "round " << round;
    EXPECT_LE(pieces.views().size(), 2 * (expected.size() / IoBuffers::kShortest + 1)) << "round " << round;
    for (const ByteView view : pieces.views()) EXPECT_FALSE(view.empty());
  }
}

}  // namespace
}  // namespace layoutfs
