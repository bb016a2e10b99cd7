// Work in order on a second thread, and buffers that are returned.
#include "core/base/serial_executor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <stdexcept>
#include <thread>
#include <vector>

namespace layoutfs {
namespace {

TEST(SerialExecutor, WorksInOrderAndFinishesAll) {
  for (const int works : {0, 1, 2, 1000}) {
    std::vector<int> done;
    SerialExecutor lane(3);
    for (int i = 0; i < works; ++i) lane.run([&done, i] { done.push_back(i); });
    lane.finish();
    ASSERT_EQ(done.size(), static_cast<std::size_t>(works));
    for (int i = 0; i < works; ++i) EXPECT_EQ(done[static_cast<std::size_t>(i)], i);
    lane.run([&done] { done.push_back(-1); });
    lane.finish();
    EXPECT_EQ(done.back(), -1);
  }
}

TEST(SerialExecutor, WorksBesideItsCaller) {
  std::latch met(2);
  SerialExecutor lane(2);
  lane.run([] {});
  lane.run([&met] { met.arrive_and_wait(); });
  met.arrive_and_wait();
  lane.finish();
  SUCCEED();
}

TEST(SerialExecutor, MakesItsCallerWaitWhereTooMuchIsQueued) {
  std::atomic<int> begun = 0;
  std::latch go_on(1);
  SerialExecutor lane(2);
  std::thread caller([&] {
    for (int i = 0; i < 10; ++i)
      lane.run([&] {
        ++begun;
        go_on.wait();
      });
    begun += 100;
  });
  while (begun == 0) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(begun, 1) << "neither more work, nor the caller's end";
  go_on.count_down();
  caller.join();
  lane.finish();
  EXPECT_EQ(begun, 110);
}

TEST(SerialExecutor, TellsOfAnExceptionAndDropsWhatIsQueuedBehindIt) {
  SerialExecutor lane(10);
  std::atomic<int> done = 0;
  std::latch go_on(1);
  lane.run([&] { go_on.wait(); });
  lane.run([] { throw std::runtime_error("out of something"); });
  lane.run([&] { ++done; });
  go_on.count_down();
  EXPECT_THROW(lane.finish(), std::runtime_error);
  EXPECT_EQ(done, 0);
  lane.run([&] { ++done; });
  lane.finish();
  EXPECT_EQ(done, 1);
}

TEST(SerialExecutor, DropsWhatIsAddedAfterAnException) {
  SerialExecutor lane(10);
  std::atomic<int> done = 0;
  std::latch thrown(1);
  lane.run([] {});
  lane.run([&] {
    thrown.count_down();
    throw std::runtime_error("out of something");
  });
  thrown.wait();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  lane.run([&] { ++done; });
  lane.run([&] { ++done; });
  EXPECT_THROW(lane.finish(), std::runtime_error);
  EXPECT_EQ(done, 0);
}

TEST(SerialExecutor, MayEndWithWorkLeft) {
  for (int works = 0; works < 6; ++works) {
    SerialExecutor lane(10);
    for (int i = 0; i < works; ++i) lane.run([] {});
  }
  SUCCEED();
}

TEST(BufferRing, BuffersComeBackWhenNobodyHasThem) {
  BufferRing ring(2, 100);
  auto first = ring.take();
  auto second = ring.take();
  const std::byte* const place = first.get();
  auto reader = first;
  first.reset();
  std::thread releases([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    reader.reset();
  });
  const auto third = ring.take();
  EXPECT_EQ(third.get(), place);
  EXPECT_NE(third.get(), second.get());
  releases.join();
}

TEST(BufferRing, BuffersMayOutliveIt) {
  BufferRing::Buffer buffer;
  {
    BufferRing ring(1, 10);
    buffer = ring.take();
  }
  buffer[9] = std::byte{1};
  EXPECT_EQ(buffer[9], std::byte{1});
}

}  // namespace
}  // namespace layoutfs
