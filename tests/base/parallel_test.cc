#include "core/base/parallel.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

namespace layoutfs::testing {
namespace {

TEST(Parallel, EachNumberIsWorkedOnOnce) {
  for (const std::size_t count : {0U, 1U, 2U, 1000U}) {
    std::vector<std::atomic<int>> times(count);
    for_each_in_parallel(count, [&](std::size_t i) { ++times[i]; });
    for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(times[i], 1) << i << " of " << count;
  }
}

TEST(Parallel, AnExceptionOfAnyThreadReachesTheCaller) {
  std::atomic<int> calls = 0;
  const auto work = [&](std::size_t) {
    ++calls;
    throw std::runtime_error("no");
  };
  EXPECT_THROW(for_each_in_parallel(100'000, work), std::runtime_error);
  EXPECT_LT(calls, 100'000);
}

TEST(Parallel, OnlyTheCoresThatTheProcessMayUseAreCounted) {
  EXPECT_GE(physical_cores(), 1u);
  EXPECT_LE(physical_cores(), std::max(1U, std::thread::hardware_concurrency()));
  std::jthread([] {  // the set of a thread ends with it
    cpu_set_t one;
    ASSERT_EQ(::sched_getaffinity(0, sizeof one, &one), 0);
    int cpu = 0;
    while (!CPU_ISSET(cpu, &one)) ++cpu;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
    EXPECT_EQ(physical_cores(), 1u);
  });
}

}  // namespace
}  // namespace layoutfs::testing
