#include "core/stream/decode_permits.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <optional>
#include <stop_token>

#include "tests/support/eventually.h"

namespace layoutfs {
namespace {

using For = DecodePermits::For;
using Permit = DecodePermits::Permit;

// Each thread may hold only one.
std::future<Result<Permit>> ask(DecodePermits& permits, For use, std::uint64_t memory = 0,
                                Context context = {}) {
  return std::async(std::launch::async,
                    [&permits, use, memory, context] { return permits.acquire(use, memory, context); });
}

// Returns whether as many threads wait for a permit, `asked` among them.
bool still_waits(const std::future<Result<Permit>>& asked, DecodePermits& permits, unsigned count = 1) {
  return testing::eventually([&] { return permits.waiting() == count; }) &&
         asked.wait_for(std::chrono::milliseconds(20)) == std::future_status::timeout;
}

TEST(DecodePermits, AThreadThatWaitsCanBeStopped) {
  DecodePermits permits(1);
  std::optional taken(ask(permits, For::reader).get().value());
  std::stop_source stop;
  auto waiting = ask(permits, For::reader, 0, {.stop = stop.get_token(), .deadline = {}});
  EXPECT_TRUE(still_waits(waiting, permits));
  stop.request_stop();
  EXPECT_EQ(waiting.get().error().code(), Errc::cancelled);
  const auto soon = std::chrono::steady_clock::now() + std::chrono::milliseconds(1);
  EXPECT_EQ(ask(permits, For::ahead, 0, {.stop = {}, .deadline = soon}).get().error().code(),
            Errc::cancelled);
  taken.reset();
  EXPECT_TRUE(ask(permits, For::ahead).get()) << "a reader that has left does not keep others waiting";
}

TEST(DecodePermits, WaitingReadersGoBeforeThoseThatDecodeAhead) {
  DecodePermits permits(1);
  std::optional first(ask(permits, For::reader).get().value());
  auto ahead = ask(permits, For::ahead);
  EXPECT_TRUE(still_waits(ahead, permits));
  auto reader = ask(permits, For::reader);
  EXPECT_TRUE(still_waits(reader, permits, 2));
  first.reset();
  std::optional second(reader.get().value());
  EXPECT_TRUE(still_waits(ahead, permits));
  second.reset();
  EXPECT_TRUE(ahead.get());
}

TEST(DecodePermits, ADecoderAheadYieldsToReadersOnly) {
  DecodePermits permits(1);
  std::promise<void> yield, yielded;
  auto decoding_ahead = std::async(std::launch::async, [&] {
    auto permit = permits.acquire(For::ahead, 0, {}).value();
    EXPECT_TRUE(permit.yield({})) << "nobody waits";
    yielded.set_value();
    yield.get_future().wait();
    return permit.yield({}).has_value();
  });
  yielded.get_future().wait();
  auto other = ask(permits, For::ahead);
  auto reader = ask(permits, For::reader);
  EXPECT_TRUE(still_waits(reader, permits, 2));
  yield.set_value();
  std::optional taken(reader.get().value());
  EXPECT_TRUE(still_waits(other, permits, 2)) << "and so does the one that yielded";
  taken.reset();
  std::optional(other.get()).reset();
  EXPECT_TRUE(decoding_ahead.get());
}

TEST(DecodePermits, TheMemoryOfAllDecodersIsLimited) {
  constexpr std::uint64_t kMost = DecodePermits::kMostMemory;
  DecodePermits permits(3);
  std::optional half(ask(permits, For::reader, kMost / 2).get().value());
  std::optional other_half(ask(permits, For::ahead, kMost / 2).get().value());
  auto third = ask(permits, For::reader, 1);
  EXPECT_TRUE(still_waits(third, permits));
  other_half->set_memory(kMost / 4);
  EXPECT_TRUE(third.get());
  half.reset();
  other_half.reset();
  EXPECT_TRUE(ask(permits, For::reader, 2 * kMost).get()) << "alone, it may need more";
}

}  // namespace
}  // namespace layoutfs
