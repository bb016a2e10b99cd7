#include "core/remote/request_slots.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "core/remote/range_cache.h"
#include "tests/remote/remote_test_blob.h"
#include "tests/support/results.h"
#include "tests/support/same_bytes.h"

namespace layoutfs::testing {
namespace {

TEST(RequestSlots, NoMoreThanTheSlotsAreHeldAtATime) {
  RequestSlots slots(3);
  std::atomic<int> held = 0, most = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      for (int round = 0; round < 200; ++round) {
        const auto slot = must(slots.acquire({}));
        const int now = ++held;
        for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) continue;
        std::this_thread::yield();
        --held;
      }
    });
  threads.clear();
  EXPECT_LE(most, 3);
  EXPECT_GT(most, 0);
}

TEST(RequestSlots, AWaitEndsWithItsContext) {
  RequestSlots slots(1);
  const auto held = must(slots.acquire({}));
  std::stop_source stop;
  std::jthread stopping([&] { stop.request_stop(); });
  EXPECT_EQ(failure_of(slots.acquire({.stop = stop.get_token(), .deadline = {}})), Errc::cancelled);
}

TEST(RequestSlots, AFailureOfTheNetworkIsSharedByThoseWhoHaveWaitedForAllOfIt) {
  RequestSlots slots(1);
  std::optional<RequestSlots::Slot> held;
  held.emplace(must(slots.acquire({})));
  const auto before = RequestSlots::Clock::now();
  std::atomic<bool> is_over = false;
  std::optional<Errc> outcome;
  std::jthread waiting([&] {
    outcome = failure_of(slots.acquire({}));
    is_over = true;
  });
  // It has waited for less than this failure took; it may begin to wait after the call as well.
  slots.fail_waiting(before, Error(Errc::corrupt, "earlier"));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_FALSE(is_over);
  while (!is_over) {
    slots.fail_waiting(RequestSlots::Clock::now(), Error(Errc::io, "no network"));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  waiting.join();
  EXPECT_EQ(outcome, Errc::io);
  held.reset();
  EXPECT_TRUE(slots.acquire({})) << "later requests try it themselves";
}

TEST(RequestSlots, TheBlobsOfACacheShareThem) {
  RangeCache cache("");
  std::vector<TestBlob> blobs;
  for (unsigned seed = 0; seed < 12; ++seed) blobs.emplace_back(seed);
  const auto requests = [&] {
    std::size_t sum = 0;
    for (const TestBlob& blob : blobs) sum += blob.source->request_count();
    return sum;
  };
  for (const TestBlob& blob : blobs) blob.source->stall_at(0);
  std::vector<std::jthread> readers;
  for (const TestBlob& blob : blobs)
    readers.emplace_back([&, opened = blob.open(cache)] {
      EXPECT_TRUE(same_bytes(must(read_range(*opened, 0, opened->size())), blob.source->content()));
    });
  while (requests() < RequestSlots::kUsual) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(requests(), RequestSlots::kUsual) << "the others wait for the host";
  for (const TestBlob& blob : blobs) blob.source->stall_at(~std::uint64_t{0});
}

}  // namespace
}  // namespace layoutfs::testing
