// One computation for many threads.
#include "core/base/single_flight.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <new>
#include <stop_token>
#include <thread>
#include <vector>

#include "tests/support/eventually.h"

namespace layoutfs {
namespace {

TEST(SingleFlight, ThreadsThatAskAtOnceShareOneComputation) {
  SingleFlight<int, int> flights;
  std::atomic<int> computed = 0;
  const auto compute = [&]() -> Result<int> {
    EXPECT_TRUE(testing::eventually([&] { return flights.waiting() == 3; }));
    return ++computed;
  };
  std::vector<std::thread> threads;
  std::vector<int> results(4);
  for (std::size_t i = 0; i < results.size(); ++i)
    threads.emplace_back([&, i] { results[i] = flights.run(1, compute).value(); });
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

// Two threads ask; the first one's computation ends by `fail_first`, and the second one computes 2.
template <class FailFirst>
void expect_second_computes(FailFirst&& fail_first) {
  SingleFlight<int, int> flights;
  std::promise<void> begun, end;
  std::jthread first([&] {
    fail_first(flights, [&] {
      begun.set_value();
      end.get_future().wait();
    });
  });
  begun.get_future().wait();
  auto second = std::async(std::launch::async, [&] { return flights.run(1, [] { return Result<int>(2); }); });
  EXPECT_TRUE(testing::eventually([&] { return flights.waiting() == 1; }));
  end.set_value();
  EXPECT_EQ(second.get().value(), 2);
  EXPECT_EQ(flights.run(1, [] { return Result<int>(3); }).value(), 3) << "nothing is left behind";
}

TEST(SingleFlight, AComputationThatThrowsLeavesNothingBehind) {
  expect_second_computes([](auto& flights, const auto& wait) {
    const auto run = [&] {
      ignore(flights.run(1,
                         [&]() -> Result<int> {
                           wait();
                           throw std::bad_alloc();
                         }),
             "it throws");
    };
    EXPECT_THROW(run(), std::bad_alloc);
  });
}

TEST(SingleFlight, ACancelledComputationConcernsItsOwnCallerAlone) {
  expect_second_computes([](auto& flights, const auto& wait) {
    const auto cancelled = flights.run(1, [&]() -> Result<int> {
      wait();
      return fail(Errc::cancelled, "stopped");
    });
    EXPECT_EQ(cancelled.error().code(), Errc::cancelled);
  });
}

TEST(SingleFlight, AThreadThatWaitsCanBeStopped) {
  SingleFlight<int, int> flights;
  std::promise<void> begun, end;
  auto slow = std::async(std::launch::async, [&] {
    return flights.run(1, [&]() -> Result<int> {
      begun.set_value();
      end.get_future().wait();
      return 5;
    });
  });
  begun.get_future().wait();
  std::stop_source stop;
  auto waiting = std::async(std::launch::async, [&] {
    return flights.run(1, [] { return Result<int>(6); }, {.stop = stop.get_token(), .deadline = {}});
  });
  EXPECT_TRUE(testing::eventually([&] { return flights.waiting() == 1; }));
  stop.request_stop();
  EXPECT_EQ(waiting.get().error().code(), Errc::cancelled);
  end.set_value();
  EXPECT_EQ(slow.get().value(), 5);
}

}  // namespace
}  // namespace layoutfs
