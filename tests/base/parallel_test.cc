#include "core/base/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
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

}  // namespace
}  // namespace layoutfs::testing
