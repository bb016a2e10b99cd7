// One computation for many threads.
#include "core/base/single_flight.h"

#include <gtest/gtest.h>
#include <chrono>
#include <future>

#include <atomic>
#include <thread>
#include <vector>

namespace layoutfs {
namespace {

TEST(SingleFlight, ThreadsThatAskAtOnceShareOneComputation) {
  SingleFlight<int, int> flights;
  std::atomic<int> computed = 0, asked = 0;
  const auto compute = [&]() -> Result<int> {
    while (asked < 4) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return ++computed;
  };
  std::vector<std::thread> threads;
  std::vector<int> results(4);
  for (std::size_t i = 0; i < results.size(); ++i)
    threads.emplace_back([&, i] {
      ++asked;
      results[i] = flights.run(1, compute).value();
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(computed, 1);
  EXPECT_EQ(results, std::vector<int>(4, 1));
}

TEST(SingleFlight, AnErrorIsSharedButNotRemembered) {
  SingleFlight<int, int> flights;
  EXPECT_FALSE(flights.run(1, []() -> Result<int> { return fail(Errc::corrupt, "x"); }));
  EXPECT_EQ(flights.run(1, []() -> Result<int> { return 5; }).value(), 5);
}

TEST(SingleFlight, WhoWaitsMayLeaveEarlier) {
  SingleFlight<int, int> flights;
  std::promise<void> begun, end;
  const std::jthread slow([&] {
    ignore(flights.run(1,
                       [&]() -> Result<int> {
                         begun.set_value();
                         end.get_future().wait();
                         return 5;
                       }),
           "the other one's result counts");
  });
  begun.get_future().wait();
  const auto soon = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
  const auto none = [] { return Result<int>(6); };
  const auto left = flights.run(1, none, {.stop = {}, .deadline = soon});
  EXPECT_EQ(left.error().code(), Errc::cancelled);
  end.set_value();
}

}  // namespace
}  // namespace layoutfs
