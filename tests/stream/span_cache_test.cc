#include "core/stream/span_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <stop_token>
#include <thread>
#include <vector>

#include "core/stream/parked_decoders.h"

namespace layoutfs {
namespace {

SpanBytes cached_span(std::size_t size) { return std::make_shared<const SpanBuffer>(size); }

// Adds a span that was decoded ahead; returns false if there was no room.
bool add_ahead(SpanCache& cache, SpanKey key, std::size_t size) {
  auto room = cache.room_ahead(size);
  if (room) cache.add_ahead(key, cached_span(size), *room);
  return room.has_value();
}

TEST(SpanCache, ASpanIsFoundOnceItWasAdded) {
  SpanCache cache(1'000);
  EXPECT_EQ(cache.find({1, 2}), nullptr);
  const auto span = cached_span(10);
  cache.add({1, 2}, span);
  EXPECT_EQ(cache.find({1, 2}), span);
  EXPECT_EQ(cache.find({2, 2}), nullptr);
  EXPECT_EQ(cache.find_again({1, 2}), span);
  EXPECT_TRUE(cache.holds({1, 2}));
  EXPECT_EQ(cache.stats().hits, 1u);
  EXPECT_EQ(cache.stats().misses, 2u);
  EXPECT_EQ(cache.stats().bytes, 10u);
}

TEST(SpanCache, TheSpanUsedLongestAgoLeavesFirst) {
  SpanCache cache(30);
  for (const std::uint64_t span : {0u, 1u, 2u}) cache.add({7, span}, cached_span(10));
  EXPECT_TRUE(cache.find({7, 0}));
  EXPECT_TRUE(cache.holds({7, 1})) << "which is no use of it";
  cache.add({7, 3}, cached_span(10));
  EXPECT_TRUE(cache.holds({7, 0}));
  EXPECT_FALSE(cache.holds({7, 1}));
  EXPECT_TRUE(cache.holds({7, 2}));
  EXPECT_TRUE(cache.holds({7, 3}));
}

TEST(SpanCache, NeverHoldsMoreThanItsBudget) {
  SpanCache cache(1'000);
  for (std::uint64_t i = 0; i < 500; ++i) {
    if (i % 5 == 0)
      add_ahead(cache, {i % 3, i}, (i * 37) % 400);
    else
      cache.add({i % 3, i}, cached_span((i * 37) % 400));
    EXPECT_LE(cache.stats().bytes, 1'000u);
    EXPECT_LE(cache.stats().unread_bytes, 500u);
  }
  EXPECT_GT(cache.stats().bytes, 500u);
}

TEST(SpanCache, ASpanLargerThanTheBudgetIsNotKept) {
  SpanCache cache(100);
  cache.add({1, 1}, cached_span(60));
  cache.add({1, 2}, cached_span(101));
  EXPECT_FALSE(cache.holds({1, 2}));
  EXPECT_TRUE(cache.holds({1, 1}));
}

TEST(SpanCache, AddingASpanTwiceCountsItOnce) {
  SpanCache cache(100);
  cache.add({1, 1}, cached_span(40));
  cache.add({1, 1}, cached_span(40));
  EXPECT_TRUE(add_ahead(cache, {1, 1}, 40));
  EXPECT_EQ(cache.stats().bytes, 40u);
  EXPECT_EQ(cache.stats().unread_bytes, 0u);
}

TEST(SpanCache, WhatWasDecodedAheadDoesNotLeaveBeforeItWasRead) {
  SpanCache cache(100);
  EXPECT_TRUE(add_ahead(cache, {1, 1}, 10));
  EXPECT_TRUE(add_ahead(cache, {1, 2}, 10));
  EXPECT_EQ(cache.stats().unread_bytes, 20u);
  for (std::uint64_t span = 10; span < 50; ++span) cache.add({1, span}, cached_span(10));
  EXPECT_TRUE(cache.find({1, 1}));
  EXPECT_EQ(cache.stats().unread_bytes, 10u);
  for (std::uint64_t span = 50; span < 100; ++span) cache.add({1, span}, cached_span(10));
  EXPECT_FALSE(cache.holds({1, 1})) << "it was read";
  EXPECT_TRUE(cache.holds({1, 2}));
}

TEST(SpanCache, SpansThatAReaderHasPassedLeaveFirst) {
  SpanCache cache(100);
  for (const std::uint64_t span : {0u, 1u, 2u}) cache.add({1, span}, cached_span(25));
  cache.pass({1, 2});
  cache.add({2, 0}, cached_span(30));
  EXPECT_TRUE(cache.holds({1, 0})) << "it is older, but was not passed";
  EXPECT_FALSE(cache.holds({1, 2}));
  cache.pass({9, 9});  // not cached
}

TEST(SpanCache, PassedSpansMayUseAQuarterOfIt) {
  SpanCache cache(400);
  for (std::uint64_t span = 0; span < 20; ++span) {
    cache.add({1, span}, cached_span(20));
    cache.pass({1, span});
  }
  EXPECT_EQ(cache.stats().bytes, 100u);
  EXPECT_FALSE(cache.holds({1, 14}));
  EXPECT_TRUE(cache.holds({1, 15}));
}

TEST(SpanCache, APassedSpanThatIsUsedAgainStays) {
  SpanCache cache(400);
  cache.add({1, 0}, cached_span(20));
  cache.pass({1, 0});
  EXPECT_TRUE(cache.find({1, 0}));
  cache.pass({1, 0});
  for (std::uint64_t span = 1; span < 20; ++span) {
    cache.add({1, span}, cached_span(20));
    cache.pass({1, span});
  }
  EXPECT_TRUE(cache.holds({1, 0}));
}

TEST(SpanCache, HalfOfItMayWaitForItsReaders) {
  SpanCache cache(100);
  EXPECT_TRUE(add_ahead(cache, {1, 1}, 30));
  {
    const auto room = cache.room_ahead(20);
    EXPECT_TRUE(room);
    EXPECT_FALSE(cache.room_ahead(1)) << "room is taken before the span is there";
  }
  EXPECT_TRUE(add_ahead(cache, {1, 2}, 20));
  EXPECT_FALSE(cache.room_ahead(1));
  EXPECT_TRUE(cache.find({1, 1}));
  EXPECT_TRUE(cache.room_ahead(30));
  EXPECT_FALSE(cache.room_ahead(31));
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
  for (std::uint64_t span = 0; span < 6 + ParkedDecoders::kMostPerStream; ++span)
    parked.park(1, {std::make_unique<CountedDecoder>(alive), span});
  EXPECT_EQ(alive, static_cast<int>(ParkedDecoders::kMostPerStream));
  EXPECT_FALSE(parked.take(1, 0, 5));
  for (std::uint64_t stream = 2; stream < 40; ++stream)
    parked.park(stream, {std::make_unique<CountedDecoder>(alive), 0});
  EXPECT_EQ(alive, static_cast<int>(ParkedDecoders::kMost));
  EXPECT_EQ(parked.size(), ParkedDecoders::kMost);
  EXPECT_FALSE(parked.take(1, 0, 100));
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

TEST(ParkedDecoders, LargeOnesLeaveTheOldest) {
  class LargeDecoder final : public Decoder {
   public:
    explicit LargeDecoder(std::size_t size) : size_(size) {}
    Result<std::size_t> read(std::span<std::byte>) override { return std::size_t{0}; }
    std::size_t memory() const noexcept override { return size_; }

   private:
    std::size_t size_;
  };
  constexpr std::size_t kHalf = ParkedDecoders::kMostMemory / 2;
  ParkedDecoders parked;
  for (std::uint64_t stream = 1; stream <= 2; ++stream)
    parked.park(stream, {std::make_unique<LargeDecoder>(kHalf), stream});
  EXPECT_TRUE(parked.make_room(3, 0).empty());
  const auto leaving = parked.make_room(3, kHalf);
  ASSERT_EQ(leaving.size(), 1u) << "for their memory";
  EXPECT_EQ(leaving.front().span, 1u);
  parked.park(3, {std::make_unique<LargeDecoder>(kHalf), 0});
  EXPECT_FALSE(parked.has(1, 0, 9));
  EXPECT_TRUE(parked.has(2, 2, 2));
  EXPECT_TRUE(parked.has(3, 0, 0));
  parked.park(4, {std::make_unique<LargeDecoder>(4 * kHalf), 0});
  EXPECT_TRUE(parked.has(4, 0, 0)) << "the newest stays, even if it is too large";
  EXPECT_EQ(parked.size(), 1u);
}

}  // namespace
}  // namespace layoutfs
