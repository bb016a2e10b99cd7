#include "core/base/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <latch>
#include <memory>
#include <thread>

#include "tests/support/eventually.h"

namespace layoutfs {
namespace {

using std::chrono::milliseconds;

TEST(WorkerPool, ThreadsStartWithTheWorkAndNotBefore) {
  WorkerPool pool(3, 100);
  EXPECT_EQ(pool.thread_count(), 0u);
  std::latch all(3);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(pool.post(nullptr, [&] { all.arrive_and_wait(); }));
  all.wait();
  EXPECT_EQ(pool.thread_count(), 3u);
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(pool.post(nullptr, [] {}));
  pool.drop(nullptr);
  EXPECT_EQ(pool.thread_count(), 3u);
}

TEST(WorkerPool, NoMoreWaitThanMay) {
  WorkerPool pool(1, 2);
  std::latch begun(1), go(1);
  EXPECT_TRUE(pool.post(nullptr, [&] { begun.count_down(), go.wait(); }));
  begun.wait();
  std::atomic<int> ran = 0;
  EXPECT_TRUE(pool.post(nullptr, [&] { ++ran; }));
  EXPECT_TRUE(pool.post(nullptr, [&] { ++ran; }));
  EXPECT_FALSE(pool.post(nullptr, [&] { ++ran; }));
  go.count_down();
  while (ran < 2) std::this_thread::sleep_for(milliseconds(1));
  pool.drop(nullptr);
  EXPECT_EQ(ran, 2);
}

TEST(WorkerPool, IsIdleWhenAllIsDone) {
  WorkerPool pool(1, 2);
  EXPECT_TRUE(pool.is_idle());
  std::latch begun(1), go(1);
  pool.post(nullptr, [&] { begun.count_down(), go.wait(); });
  begun.wait();
  EXPECT_FALSE(pool.is_idle()) << "one is running";
  go.count_down();
  EXPECT_TRUE(testing::eventually([&] { return pool.is_idle(); }));
}

constexpr std::size_t kManyWaiting = 1'000'000;

// Of a task: waits until tasks are no longer accepted, because another thread drops them or ends the pool.
void wait_until_refused(WorkerPool& pool, const void* owner, const auto& task) {
  EXPECT_TRUE(testing::eventually([&] { return !pool.post(owner, task); }));
}

TEST(WorkerPool, DroppingWaitsForWhatHasBegunAndForgetsTheRest) {
  WorkerPool pool(1, kManyWaiting);
  const int owner = 0, other = 0;
  std::latch begun(1);
  std::atomic<int> ran = 0, others = 0;
  const auto held = std::make_shared<int>();
  pool.post(&owner, [&, held] {
    begun.count_down();
    wait_until_refused(pool, &owner, [&] { ran += 100; });
    ++ran;
  });
  pool.post(&owner, [&, held] { ran += 100; });
  pool.post(&other, [&] { ++others; });
  begun.wait();
  pool.drop(&owner);
  EXPECT_EQ(ran, 1);
  EXPECT_EQ(held.use_count(), 1);
  while (others == 0) std::this_thread::sleep_for(milliseconds(1));
}

TEST(WorkerPool, ItsEndForgetsWhatWaits) {
  std::latch begun(1);
  std::atomic<int> ran = 0;
  {
    WorkerPool pool(1, kManyWaiting);
    pool.post(nullptr, [&] {
      begun.count_down();
      wait_until_refused(pool, nullptr, [&] { ran += 100; });
      ++ran;
    });
    for (int i = 0; i < 10; ++i) pool.post(nullptr, [&] { ran += 100; });
    begun.wait();
  }
  EXPECT_EQ(ran, 1);
}

}  // namespace
}  // namespace layoutfs
