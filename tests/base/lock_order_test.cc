#include "core/base/lock_order.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>

#include "core/base/parallel.h"
#include "core/base/single_flight.h"
#include "core/base/worker_pool.h"

namespace layoutfs {
namespace {

using Upper = OrderedGuarded<int, LockLevel::layouts>;
using Lower = OrderedGuarded<int, LockLevel::spans>;

TEST(LockOrder, LevelsAreTakenUpwardsAndGivenBackInAnyOrder) {
  Upper upper;
  Lower lower;
  {
    auto first = upper.lock();
    auto second = lower.lock();
    EXPECT_NE(HeldLevels::all(), 0u);
  }
  EXPECT_EQ(HeldLevels::all(), 0u);
  HeldLevels::take(LockLevel::decode);
  HeldLevels::take(LockLevel::permit);
  HeldLevels::give_back(LockLevel::decode);
  HeldLevels::check_may_take(LockLevel::spans);
  HeldLevels::give_back(LockLevel::permit);
  EXPECT_EQ(HeldLevels::all(), 0u);
}

TEST(LockOrderDeathTest, TheWrongOrderEndsTheProgram) {
  Upper upper;
  Lower lower;
  const auto wrong = [&] {
    auto first = lower.lock();
    auto second = upper.lock();
  };
  EXPECT_DEATH(wrong(), "order of lock_order.h");
  const auto twice = [&] {
    Lower other;
    auto first = lower.lock();
    auto second = other.lock();
  };
  EXPECT_DEATH(twice(), "order of lock_order.h");
  const auto drop_within_a_task = [] {
    WorkerPool pool(1, 1);
    std::atomic<bool> done = false;
    pool.post(&pool, [&] { pool.drop(&pool); });
    done.wait(false);
  };
  EXPECT_DEATH(drop_within_a_task(), "order of lock_order.h");
}

TEST(LockOrder, AComputationHoldsItsLevelAlsoInTheThreadsThatItWaitsFor) {
  SingleFlight<int, int> flights(LockLevel::image);
  const auto result = flights.run(1, []() -> Result<int> {
    const std::uint64_t held = HeldLevels::all();
    EXPECT_NE(held, 0u);
    for_each_in_parallel(8, [&](std::size_t) { EXPECT_EQ(HeldLevels::all(), held); });
    return 1;
  });
  EXPECT_EQ(result.value(), 1);
  EXPECT_EQ(HeldLevels::all(), 0u);
}

}  // namespace
}  // namespace layoutfs
