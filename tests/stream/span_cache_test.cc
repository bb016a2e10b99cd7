#include "core/stream/span_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "core/stream/parked_decoders.h"

namespace layoutfs {
namespace {

SpanBytes span_of(std::size_t size) { return std::make_shared<const Bytes>(size); }

// Whether the cache holds the span: asks for it with a decode that fails.
bool holds(SpanCache& cache, SpanKey key) {
  return cache.get(key, [] -> Result<SpanBytes> { return fail(Errc::io, "not there"); }).has_value();
}

TEST(SpanCache, ASpanIsDecodedOnce) {
  SpanCache cache(1'000);
  int decoded = 0;
  const auto decode = [&] { return ++decoded, Result<SpanBytes>(span_of(10)); };
  const auto first = cache.get({1, 2}, decode);
  const auto second = cache.get({1, 2}, decode);
  EXPECT_EQ(first.value(), second.value());
  EXPECT_EQ(decoded, 1);
  EXPECT_EQ(cache.stats().hits, 1u);
  EXPECT_EQ(cache.stats().misses, 1u);
  EXPECT_EQ(cache.stats().bytes, 10u);
}

TEST(SpanCache, TheSpanUsedLongestAgoLeavesFirst) {
  SpanCache cache(30);
  for (const std::uint64_t span : {0u, 1u, 2u}) cache.add({7, span}, span_of(10));
  EXPECT_TRUE(holds(cache, {7, 0}));
  cache.add({7, 3}, span_of(10));
  EXPECT_TRUE(holds(cache, {7, 0}));
  EXPECT_FALSE(holds(cache, {7, 1}));
  EXPECT_TRUE(holds(cache, {7, 2}));
  EXPECT_TRUE(holds(cache, {7, 3}));
}

TEST(SpanCache, NeverHoldsMoreThanItsBudget) {
  SpanCache cache(1'000);
  for (std::uint64_t i = 0; i < 500; ++i) {
    cache.add({i % 3, i}, span_of((i * 37) % 400));
    EXPECT_LE(cache.stats().bytes, 1'000u);
  }
  EXPECT_GT(cache.stats().bytes, 500u);
}

TEST(SpanCache, ASpanLargerThanTheBudgetIsHandedOutAndNotKept) {
  SpanCache cache(100);
  cache.add({1, 1}, span_of(60));
  const auto span = cache.get({1, 2}, [] { return Result<SpanBytes>(span_of(101)); });
  EXPECT_EQ(span.value()->size(), 101u);
  EXPECT_FALSE(holds(cache, {1, 2}));
  EXPECT_TRUE(holds(cache, {1, 1}));
}

TEST(SpanCache, AddingASpanTwiceCountsItOnce) {
  SpanCache cache(100);
  cache.add({1, 1}, span_of(40));
  cache.add({1, 1}, span_of(40));
  EXPECT_EQ(cache.stats().bytes, 40u);
}

TEST(SpanCache, ErrorsAreNotRemembered) {
  SpanCache cache(100);
  EXPECT_FALSE(holds(cache, {1, 1}));
  EXPECT_TRUE(cache.get({1, 1}, [] { return Result<SpanBytes>(span_of(1)); }));
}

TEST(SpanCache, ThreadsThatAskAtOnceShareOneDecode) {
  SpanCache cache(1'000);
  std::atomic<int> decoded = 0;
  std::vector<SpanBytes> got(8);
  {
    std::vector<std::jthread> threads;
    for (auto& mine : got)
      threads.emplace_back([&cache, &decoded, &mine] {
        mine = cache
                   .get({1, 1},
                        [&] {
                          ++decoded;
                          std::this_thread::sleep_for(std::chrono::milliseconds(50));
                          return Result<SpanBytes>(span_of(10));
                        })
                   .value();
      });
  }
  EXPECT_EQ(decoded, 1);
  for (const auto& span : got) EXPECT_EQ(span, got[0]);
}

// Counts how many are alive.
class CountedDecoder final : public Decoder {
 public:
  explicit CountedDecoder(int& alive) : alive_(alive) { ++alive_; }
  ~CountedDecoder() override { --alive_; }
  Result<std::size_t> read(std::span<std::byte>) override { return std::size_t{0}; }

 private:
  int& alive_;
};

TEST(ParkedDecoders, TheOneFurthestOnWithinTheBoundsIsTaken) {
  int alive = 0;
  ParkedDecoders parked;
  for (const std::uint64_t span : {3u, 5u, 9u})
    parked.park(1, {std::make_unique<CountedDecoder>(alive), span});
  EXPECT_FALSE(parked.take(2, 0, 100));
  EXPECT_FALSE(parked.take(1, 0, 2));
  EXPECT_FALSE(parked.take(1, 6, 8));
  EXPECT_EQ(parked.take(1, 3, 8)->span, 5u);
  EXPECT_EQ(parked.take(1, 3, 8)->span, 3u);
  EXPECT_FALSE(parked.take(1, 3, 8));
  EXPECT_EQ(parked.take(1, 9, 9)->span, 9u);
  EXPECT_EQ(alive, 0);
}

TEST(ParkedDecoders, TheOldestLeaveWhereThereAreTooMany) {
  int alive = 0;
  ParkedDecoders parked;
  for (std::uint64_t span = 0; span < 10; ++span)
    parked.park(1, {std::make_unique<CountedDecoder>(alive), span});
  EXPECT_EQ(alive, static_cast<int>(ParkedDecoders::kMostPerStream));
  EXPECT_FALSE(parked.take(1, 0, 5));
  for (std::uint64_t stream = 2; stream < 40; ++stream)
    parked.park(stream, {std::make_unique<CountedDecoder>(alive), 0});
  EXPECT_EQ(alive, static_cast<int>(ParkedDecoders::kMost));
  EXPECT_EQ(parked.size(), ParkedDecoders::kMost);
  EXPECT_FALSE(parked.take(1, 0, 10));
  EXPECT_TRUE(parked.take(39, 0, 0));
}

TEST(ParkedDecoders, DroppingAStreamEndsItsDecodersOnly) {
  int alive = 0;
  ParkedDecoders parked;
  parked.park(1, {std::make_unique<CountedDecoder>(alive), 0});
  parked.park(2, {std::make_unique<CountedDecoder>(alive), 0});
  parked.park(1, {std::make_unique<CountedDecoder>(alive), 1});
  parked.drop(1);
  EXPECT_EQ(alive, 1);
  EXPECT_TRUE(parked.take(2, 0, 0));
}

}  // namespace
}  // namespace layoutfs
