#include "core/stream/pending_decodes.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <stop_token>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "tests/support/eventually.h"

namespace layoutfs {
namespace {

using Decode = PendingDecodes::Decode;

SpanBytes decoded_span(std::size_t size) { return std::make_shared<const SpanBuffer>(size); }

class NoDecoder final : public Decoder {
 public:
  Result<std::size_t> read(std::span<std::byte>) override { return std::size_t{0}; }
};

constexpr std::uint64_t kStream = 7;
constexpr std::uint64_t kRun = 10;       // spans 10 to 19 are of one access point
constexpr std::uint64_t kOtherRun = 20;  // spans from here on belong to another run

// The decodes of a stream with spans of 10 bytes.
struct DecodesFixture {
  explicit DecodesFixture(std::uint64_t budget = 10'000) : cache(std::make_shared<SpanCache>(budget)) {}

  Decode start(std::uint64_t wanted, std::uint64_t run) {
    return std::get<Decode>(decodes.join_or_start({wanted, wanted}, run));
  }
  // Runs `work` in a thread of its own, and returns when it waits.
  auto waiting_one(auto work) {
    const auto before = decodes.waiting();
    auto begun = std::async(std::launch::async, std::move(work));
    EXPECT_TRUE(testing::eventually([&] { return decodes.waiting() > before; })) << "it waits";
    return begun;
  }
  // A reader in its own thread that must get the span from another one.
  std::future<Result<SpanBytes>> join(std::uint64_t wanted, std::uint64_t run) {
    return join_all({wanted, wanted}, run);
  }
  std::future<Result<SpanBytes>> join_all(PendingDecodes::Wanted wanted, std::uint64_t run) {
    return waiting_one(
        [this, wanted, run] { return std::get<Result<SpanBytes>>(decodes.join_or_start(wanted, run)); });
  }
  AheadRequest request(std::uint64_t run, std::uint64_t first, std::uint64_t last) {
    return {run, first, last, *cache->room_ahead(10 * (last + 1 - first))};
  }
  void park(std::uint64_t span) { cache->parked().park(kStream, {std::make_unique<NoDecoder>(), span}); }

  std::shared_ptr<SpanCache> cache;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> reposted;  // first and last spans
  PendingDecodes decodes{cache, kStream, [this](const AheadRequest& request) {
                           reposted.emplace_back(request.first, request.last);
                         }};
};

TEST(PendingDecodes, AReaderOfASpanThatIsBeingDecodedGetsItWhenItIsDelivered) {
  DecodesFixture fixture(0);  // stores nothing
  auto decode = fixture.start(12, kRun);
  EXPECT_FALSE(decode.take_place());
  EXPECT_EQ(decode.last(), 12u);
  auto second = fixture.join(11, kRun);
  auto third = fixture.join(12, kRun);
  decode.deliver(decoded_span(1));
  const auto span = decoded_span(1);
  decode.deliver(span);
  EXPECT_EQ(second.get().value(), span);
  EXPECT_EQ(third.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  const auto last = decoded_span(1);
  decode.deliver(last);
  EXPECT_EQ(third.get().value(), last);
}

TEST(PendingDecodes, AReaderOfSeveralSpansWaitsForThoseOfTheDecode) {
  DecodesFixture fixture(0);
  auto decode = fixture.start(13, kRun);
  decode.deliver(decoded_span(1));
  auto reader = fixture.join_all({11, 12}, kRun);
  auto of_more = fixture.join_all({11, kOtherRun}, kRun);
  auto of_failed = fixture.join_all({12, 13}, kRun);
  const auto first = decoded_span(1);
  decode.deliver(first);
  EXPECT_EQ(reader.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  decode.deliver(decoded_span(1));
  EXPECT_EQ(reader.get().value(), first);
  EXPECT_EQ(of_more.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  decode.fail(Error(Errc::corrupt, "broken"));
  EXPECT_EQ(of_more.get().value(), first) << "the damage is behind it";
  EXPECT_TRUE(of_failed.get()) << "and behind its first span";
}

TEST(PendingDecodes, AReaderOfSeveralSpansGetsTheFirstOneIfTheDecodeEnds) {
  DecodesFixture fixture(0);
  std::optional<Decode> decode(fixture.start(12, kRun));
  auto reader = fixture.join_all({10, 12}, kRun);
  const auto first = decoded_span(1);
  decode->deliver(first);
  decode->skip(nullptr);
  EXPECT_EQ(reader.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  decode.reset();
  EXPECT_EQ(reader.get().value(), first);
}

TEST(PendingDecodes, ASpanInTheCacheNeedsNoDecode) {
  DecodesFixture fixture;
  const auto span = decoded_span(10);
  fixture.cache->add({kStream, 12}, span);
  EXPECT_EQ(std::get<Result<SpanBytes>>(fixture.decodes.join_or_start({12, 12}, kRun)).value(), span);
}

TEST(PendingDecodes, ADecodeBehindAnotherContinuesWithItsDecoder) {
  DecodesFixture fixture(0);
  std::future<std::uint64_t> began;
  {
    auto decode = fixture.start(12, kRun);
    began = fixture.waiting_one([&] {
      auto behind = fixture.start(15, kRun);
      return behind.take_place().value().span;
    });
    fixture.park(13);
  }
  EXPECT_EQ(began.get(), 13u);
}

TEST(PendingDecodes, DecodesThatDoNotOverlapRunAtOnce) {
  DecodesFixture fixture;
  fixture.park(17);
  auto decode = fixture.start(13, kRun);
  auto other_run = fixture.start(22, kOtherRun);
  auto ahead_of_it = fixture.start(18, kRun);
  EXPECT_EQ(ahead_of_it.take_place().value().span, 17u);
}

TEST(PendingDecodes, ReadersThatWaitGetTheErrorToo) {
  DecodesFixture fixture;
  auto decode = fixture.start(12, kRun);
  auto waiting = fixture.join(12, kRun);
  decode.fail(Error(Errc::corrupt, "broken"));
  EXPECT_EQ(waiting.get().error().code(), Errc::corrupt);
}

TEST(PendingDecodes, ADecodeThatEndsEarlyLetsOthersTry) {
  DecodesFixture fixture;
  std::future<std::uint64_t> next;
  {
    auto decode = fixture.start(12, kRun);
    next = fixture.waiting_one([&] { return fixture.start(12, kRun).last(); });
  }
  EXPECT_EQ(next.get(), 12u);
}

TEST(PendingDecodes, AheadOnlySpansThatAreNeitherCachedNorDecodedAreDone) {
  DecodesFixture fixture;
  fixture.cache->add({kStream, 20}, decoded_span(10));
  fixture.cache->add({kStream, 24}, decoded_span(10));
  fixture.park(21);
  auto decode = fixture.decodes.start_ahead(fixture.request(kOtherRun, 20, 24));
  ASSERT_TRUE(decode);
  EXPECT_TRUE(decode->is_ahead());
  EXPECT_EQ(decode->take_place().value().span, 21u);
  EXPECT_EQ(decode->last(), 23u);
  EXPECT_FALSE(fixture.decodes.start_ahead(fixture.request(kOtherRun, 21, 23)));
  EXPECT_TRUE(fixture.reposted.empty());
}

TEST(PendingDecodes, ASpanThatAReaderWaitsForIsNotUnread) {
  DecodesFixture fixture;
  auto decode = fixture.decodes.start_ahead(fixture.request(kOtherRun, 20, 21));
  auto waiting = fixture.join(20, kOtherRun);
  decode->deliver(decoded_span(10));
  decode->deliver(decoded_span(10));
  EXPECT_TRUE(waiting.get());
  EXPECT_EQ(fixture.cache->stats().unread_bytes, 10u);
  EXPECT_EQ(fixture.cache->stats().bytes, 20u);
}

TEST(PendingDecodes, ARequestBehindADecodeIsTriedAgainAfterIt) {
  DecodesFixture fixture;
  {
    auto decode = fixture.start(12, kRun);
    EXPECT_FALSE(fixture.decodes.start_ahead(fixture.request(kRun, 13, 15)));
    EXPECT_TRUE(fixture.reposted.empty());
  }
  EXPECT_EQ(fixture.reposted, (std::vector{std::pair<std::uint64_t, std::uint64_t>(13, 15)}));
}

TEST(PendingDecodes, AReaderThatWaitsCanBeStopped) {
  DecodesFixture fixture;
  auto decode = fixture.start(12, kRun);
  std::stop_source stop;
  const Context context{.stop = stop.get_token(), .deadline = {}};
  const auto wait_for = [&](std::uint64_t span) {
    return fixture.waiting_one([&, span] {
      return std::get<Result<SpanBytes>>(fixture.decodes.join_or_start({span, span}, kRun, context));
    });
  };
  auto of_it = wait_for(11), behind_it = wait_for(15);
  auto other = fixture.join(11, kRun);
  stop.request_stop();
  EXPECT_EQ(of_it.get().error().code(), Errc::cancelled);
  EXPECT_EQ(behind_it.get().error().code(), Errc::cancelled);
  decode.deliver(decoded_span(10));
  decode.deliver(decoded_span(10));
  EXPECT_TRUE(other.get()) << "who was not stopped gets the span";
}

// Each thread decodes a span in 1 ms; `in_work` marks the spans being decoded.
TEST(PendingDecodes, NoSpanIsDecodedTwiceAtTheSameTime) {
  DecodesFixture fixture(0);
  std::vector<std::atomic<int>> in_work(kOtherRun + 10);
  const auto decode_all = [&](Decode& decode, std::uint64_t run) {
    auto place = decode.take_place();
    const std::uint64_t begin = place ? place->span : run;
    for (std::uint64_t span = begin; span <= decode.last(); ++span) {
      EXPECT_EQ(in_work[span]++, 0) << span;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      --in_work[span];
      decode.deliver(decoded_span(1));
    }
    if (begin % 3 > 0) fixture.park(decode.last() + 1);
  };
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t seed = 0; seed < 8; ++seed)
      threads.emplace_back([&, seed] {
        for (std::uint64_t i = 0; i < 50; ++i) {
          const std::uint64_t run = (seed + i) % 2 == 0 ? kRun : kOtherRun;
          auto joined = fixture.decodes.join_or_start({run + seed * i % 10, run + 9}, run);
          if (auto* decode = std::get_if<Decode>(&joined)) decode_all(*decode, run);
        }
      });
  }
}

}  // namespace
}  // namespace layoutfs
