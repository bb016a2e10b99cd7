// Texts of table files: stored once, and found quickly in the worst case.
#include "core/layer/text_pool.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <unordered_set>

namespace layoutfs {
namespace {

struct Text {
  std::uint32_t offset, size;
  bool operator==(const Text&) const = default;
};

TEST(TextPool, RepeatedTextsAreStoredOnceIfTheyAreShared) {
  TextPool pool;
  const Text first = pool.add_shared<Text>("text");
  EXPECT_EQ(pool.add_shared<Text>("other"), (Text{4, 5}));
  EXPECT_EQ(pool.add_shared<Text>("text"), first);
  EXPECT_EQ(pool.add<Text>("text"), (Text{9, 4}));
  EXPECT_EQ(pool.add_shared<Text>(""), (Text{0, 0}));
  EXPECT_EQ(pool.bytes(), "textothertext");
}

// Collisions of MurmurHash64A, the std::hash of libstdc++, with any seed: one bit passes through a block and
// is cancelled by the next one.
class MurmurCollisions {
 public:
  // Number `number` of 2^`pairs` texts.
  static std::string text(unsigned number, unsigned pairs) {
    std::string out;
    for (unsigned i = 0; i < pairs; ++i) {
      const std::uint64_t bit = (number >> i & 1) != 0 ? std::uint64_t{1} << 63 : 0;
      append(out, unmixed(bit));
      append(out, unmixed(bit));
    }
    return out;
  }

 private:
  static constexpr std::uint64_t kFactor = 0xc6a4a7935bd1e995;
  // The block of which mixing makes `mixed`.
  static std::uint64_t unmixed(std::uint64_t mixed) {
    std::uint64_t inverse = 1;
    for (int i = 0; i < 6; ++i) inverse *= 2 - kFactor * inverse;
    std::uint64_t block = mixed * inverse;
    block ^= block >> 47;
    return block * inverse;
  }
  static void append(std::string& out, std::uint64_t block) {
    out.append(reinterpret_cast<const char*>(&block), sizeof block);
  }
};

TEST(TextPool, TextsChosenToCollideDoNot) {
  constexpr unsigned kPairs = 12, kCount = 1u << kPairs;
  TextPool pool;
  std::unordered_set<std::string> plain;
  for (unsigned i = 0; i < kCount; ++i) {
    const std::string text = MurmurCollisions::text(i, kPairs);
    pool.add_shared<Text>(text);
    plain.insert(text);
  }
  ASSERT_EQ(plain.size(), kCount);
  EXPECT_LE(pool.longest_chain(), 32u);
#ifdef __GLIBCXX__
  // The texts are effective: they collide in a table without a seed.
  EXPECT_EQ(plain.bucket_size(plain.bucket(MurmurCollisions::text(0, kPairs))), kCount);
#endif
}

}  // namespace
}  // namespace layoutfs
