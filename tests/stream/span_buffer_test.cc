#include "core/stream/span_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "core/codec/stream_index.h"

namespace layoutfs {
namespace {

TEST(SpanBuffer, MemoryThatIsGivenBackIsUsedAgain) {
  const auto pool = SpanBufferPool::create();
  const std::byte* const place = pool->make(kMaxSpanSize)->data();
  EXPECT_EQ(pool->make(kMaxSpanSize - 1)->data(), place);
}

TEST(SpanBuffer, OutlivesThePoolThatItIsFrom) {
  auto pool = SpanBufferPool::create();
  const auto buffer = pool->make(kMaxSpanSize);
  pool.reset();
  std::ranges::fill(std::span<std::byte>(*buffer), std::byte{7});
  EXPECT_EQ(buffer->end()[-1], std::byte{7});
}

TEST(SpanBuffer, CountsAllTheMemoryThatItTakes) {
  const auto pool = SpanBufferPool::create();
  for (const std::size_t size :
       {std::size_t{1}, kMaxSpanSize / 2, kMaxSpanSize / 2 + 1, kMaxSpanSize, 2 * kMaxSpanSize}) {
    const auto buffer = pool->make(size);
    EXPECT_EQ(buffer->size(), size);
    EXPECT_GE(buffer->capacity(), size);
    EXPECT_LT(buffer->capacity(), 2 * size);
  }
}

TEST(SpanBuffer, NoTwoShareMemory) {
  const std::uint64_t seed = 48;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto pool = SpanBufferPool::create();
  std::vector<std::pair<std::shared_ptr<SpanBuffer>, std::byte>> held;
  for (int round = 0; round < 500; ++round) {
    if (held.size() < 40 && random() % 5 < 3) {
      const auto mark = static_cast<std::byte>(random());
      held.emplace_back(pool->make(1 + random() % kMaxSpanSize), mark);
      std::ranges::fill(std::span<std::byte>(*held.back().first), mark);
    } else if (!held.empty()) {
      const auto given_back = held.begin() + static_cast<std::ptrdiff_t>(random() % held.size());
      const ByteView bytes = std::as_const(*given_back->first);
      ASSERT_EQ(std::ranges::count(bytes, given_back->second), std::ssize(bytes)) << "round " << round;
      held.erase(given_back);
    }
  }
}

}  // namespace
}  // namespace layoutfs
