#include "core/base/release_queue.h"

#include <gtest/gtest.h>

#include <latch>
#include <memory>
#include <new>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/lock_order.h"

namespace layoutfs {
namespace {

TEST(ReleaseQueue, ReleasesInOrderOnAThreadThatHoldsNothing) {
  std::vector<std::pair<int, std::uint64_t>> released;  // levels held at that time
  const auto self = std::this_thread::get_id();
  std::latch done(1);
  {
    ReleaseQueue queue;
    const HoldingLevel holding(LockLevel::decode);
    ReleaseQueue::Work work;
    for (int i = 0; i < 3; ++i)
      work.emplace_back([&, i] {
        EXPECT_NE(std::this_thread::get_id(), self);
        released.emplace_back(i, HeldLevels::all());
        if (i == 2) done.count_down();
      });
    queue.add(std::move(work));
    done.wait();
  }
  EXPECT_EQ(released, (std::vector<std::pair<int, std::uint64_t>>{{0, 0}, {1, 0}, {2, 0}}));
}

TEST(ReleaseQueue, WorkThatThrowsEndsAloneAndIsDestroyed) {
  const auto held = std::make_shared<int>();
  bool ran = false;
  {
    ReleaseQueue queue;
    ReleaseQueue::Work work;
    work.emplace_back([held] { throw std::bad_alloc(); });
    work.emplace_back([&] { ran = true; });
    queue.add(std::move(work));
  }
  EXPECT_TRUE(ran) << "its end does the rest";
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace layoutfs
