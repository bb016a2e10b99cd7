// Handlers that run at the same time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <set>
#include <stdexcept>
#include <thread>

#include "core/base/guarded.h"
#include "core/oci/walk.h"
#include "tests/oci/numbered_graph.h"

namespace layoutfs {
namespace {

using testing::all_numbered;
using ::testing::HasSubstr;
using testing::numbered;
using testing::numbered_handler;

using Numbers = std::vector<std::uint64_t>;

// 1 to 9, and ten below each, up to `last`.
Handler decimal_tree(std::uint64_t last) {
  return numbered_handler([=](std::uint64_t n) {
    Numbers children;
    for (std::uint64_t child = 10 * n; child < 10 * n + 10 && child <= last && n != 0; ++child)
      children.push_back(child);
    return children;
  });
}
std::vector<Descriptor> digits() { return all_numbered({1, 2, 3, 4, 5, 6, 7, 8, 9}); }

TEST(Dispatch, VisitsAllParentsFirst) {
  constexpr std::uint64_t kLast = 100'000;
  Guarded<std::vector<std::uint64_t>> seen;
  const Handler note = [&](const Descriptor& descriptor, const Context&) -> Result<Visit> {
    seen.lock()->push_back(descriptor.size);
    return Visit();
  };
  ASSERT_TRUE(dispatch(digits(), handlers({note, decimal_tree(kLast)}), 4));
  const auto order = *seen.lock();
  ASSERT_EQ(order.size(), kLast);
  std::vector<std::size_t> place(kLast + 1, kLast);
  for (std::size_t i = 0; i < order.size(); ++i) place[order[i]] = i;
  for (std::uint64_t n = 10; n <= kLast; ++n) EXPECT_LT(place[n / 10], place[n]) << n;
}

TEST(Dispatch, RunsSiblingsAtTheSameTimeAndNoMoreThanAllowed) {
  std::atomic<int> running = 0, most = 0;
  std::barrier both(2);
  const Handler meet = [&](const Descriptor& descriptor, const Context&) -> Result<Visit> {
    const int now = ++running;
    for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) continue;
    // Ends only if two handlers run at the same time.
    if (descriptor.size <= 2) both.arrive_and_wait();
    --running;
    return Visit();
  };
  ASSERT_TRUE(dispatch(digits(), meet, 2));
  EXPECT_EQ(most, 2);
  most = 0;
  const Handler alone = [&](const Descriptor&, const Context&) -> Result<Visit> {
    most = std::max<int>(most, ++running);
    --running;
    return Visit();
  };
  ASSERT_TRUE(dispatch(digits(), handlers({alone, decimal_tree(1000)}), 1));
  EXPECT_EQ(most, 1);
}

TEST(Dispatch, WaitsForNothingButParents) {
  // 1 descends to 11 while 2 still waits for that.
  std::barrier both(2);
  const Handler meet = [&](const Descriptor& descriptor, const Context&) -> Result<Visit> {
    if (descriptor.size == 1) return Visit::to({numbered(11)});
    both.arrive_and_wait();
    return Visit();
  };
  EXPECT_TRUE(dispatch(all_numbered({1, 2}), meet, 2));
}

// Waits for a stop request, with a limit: a failing test is better than a hanging one.
bool is_stopped_soon(const Context& context) {
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!context.stop.stop_requested()) {
    if (std::chrono::steady_clock::now() > patience) return false;
    std::this_thread::yield();
  }
  return true;
}

TEST(Dispatch, EndsWithTheFirstErrorAndStopsTheOthers) {
  std::atomic<int> begun = 0;
  const Handler handler = [&](const Descriptor& descriptor, const Context& context) -> Result<Visit> {
    ++begun;
    if (descriptor.size == 1) {
      while (begun < 2) std::this_thread::yield();  // there is one to be stopped
      return fail(Errc::corrupt, "one is broken");
    }
    EXPECT_TRUE(is_stopped_soon(context)) << descriptor.size;
    return fail(Errc::cancelled, "stopped");
  };
  const auto dispatched = dispatch(digits(), handler, 3);
  ASSERT_FALSE(dispatched);
  EXPECT_EQ(dispatched.error().message(), "one is broken");
  EXPECT_LE(begun, 3);
}

TEST(Dispatch, SkipsWithoutAnError) {
  std::atomic<int> visits = 0;
  const Handler skip = [&](const Descriptor&, const Context&) -> Result<Visit> {
    ++visits;
    return Visit::skip();
  };
  EXPECT_TRUE(dispatch(digits(), handlers({skip, decimal_tree(1000)}), 2));
  EXPECT_EQ(visits, 9);
  const Handler stop = [](const Descriptor&, const Context&) -> Result<Visit> { return Visit::stop(); };
  EXPECT_EQ(dispatch(digits(), stop).error().code(), Errc::failed_precondition);
  EXPECT_TRUE(dispatch(digits(), handlers({stop})));
}

TEST(Dispatch, VisitsWhatSeveralLeadToAsOften) {
  std::atomic<int> visits = 0;
  const Handler count = [&](const Descriptor& descriptor, const Context&) -> Result<Visit> {
    visits += descriptor.size == 50 ? 1 : 0;
    return Visit();
  };
  // Each path to 50 passes two descriptors that also have other parents.
  const auto diamonds = numbered_handler([](std::uint64_t n) {
    if (n < 10) return Numbers{20, 21};
    if (n < 30) return Numbers{40, 40};
    return n < 50 ? Numbers{50} : Numbers();
  });
  EXPECT_TRUE(dispatch(digits(), handlers({count, diamonds}), 4));
  EXPECT_EQ(visits, 9 * 2 * 2);
}

TEST(Dispatch, EndsWithAnErrorWhereADescriptorLeadsToItself) {
  for (const std::uint64_t length : {1uz, 2uz, 1000uz}) {
    const auto circle = numbered_handler([=](std::uint64_t n) { return Numbers{n % length + 1}; });
    const auto dispatched = dispatch(all_numbered({1}), circle, 2);
    ASSERT_FALSE(dispatched);
    EXPECT_EQ(dispatched.error().code(), Errc::invalid_image);
    EXPECT_THAT(dispatched.error().message(), HasSubstr("reference cycle"));
  }
}

TEST(Dispatch, GoesDownAnyDepth) {
  constexpr std::uint64_t kMany = 100'000;
  std::atomic<std::uint64_t> visits = 0;
  const Handler chain = [&](const Descriptor& descriptor, const Context&) -> Result<Visit> {
    ++visits;
    return descriptor.size < kMany ? Visit::to({numbered(descriptor.size + 1)}) : Visit();
  };
  EXPECT_TRUE(dispatch(all_numbered({1}), chain, 2));
  EXPECT_EQ(visits, kMany);
}

TEST(Dispatch, StopsOnRequestAndAfterTheDeadline) {
  std::stop_source stop;
  constexpr std::uint64_t kFar = 1'000'000;
  const Handler long_chain = [&](const Descriptor& descriptor, const Context&) -> Result<Visit> {
    if (descriptor.size == 1000) stop.request_stop();
    return descriptor.size < kFar ? Visit::to({numbered(descriptor.size + 1)}) : Visit();
  };
  const auto stopped = dispatch(all_numbered({1}), long_chain, 2, {.stop = stop.get_token(), .deadline = {}});
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code(), Errc::cancelled);
  const auto soon = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
  const auto late = dispatch(all_numbered({2000}), long_chain, 2, {.stop = {}, .deadline = soon});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), Errc::cancelled);
}

TEST(Dispatch, StopsAHandlerThatIsRunning) {
  std::stop_source stop;
  const Handler waiting = [&](const Descriptor&, const Context& context) -> Result<Visit> {
    stop.request_stop();
    EXPECT_TRUE(is_stopped_soon(context));
    return fail(Errc::cancelled, "stopped");
  };
  EXPECT_FALSE(dispatch(all_numbered({1}), waiting, 2, {.stop = stop.get_token(), .deadline = {}}));
}

TEST(Dispatch, StopsTheOthersAfterAnException) {
  std::barrier both(2);
  const Handler handler = [&](const Descriptor& descriptor, const Context& context) -> Result<Visit> {
    both.arrive_and_wait();
    if (descriptor.size == 1) throw std::runtime_error("one");
    EXPECT_TRUE(is_stopped_soon(context));
    return Visit();
  };
  EXPECT_THROW(std::ignore = dispatch(all_numbered({1, 2}), handler, 2), std::runtime_error);
}

TEST(Dispatch, HandsOnAnException) {
  const Handler throwing = [](const Descriptor& descriptor, const Context&) -> Result<Visit> {
    if (descriptor.size == 5) throw std::runtime_error("five");
    return Visit();
  };
  EXPECT_THROW(ignore(dispatch(digits(), throwing, 3), "it throws"), std::runtime_error);
}

TEST(Dispatch, OfNothingIsDone) { EXPECT_TRUE(dispatch({}, decimal_tree(1000), 2)); }

}  // namespace
}  // namespace layoutfs
