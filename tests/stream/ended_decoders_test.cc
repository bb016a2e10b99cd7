#include "core/stream/ended_decoders.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <utility>
#include <vector>

namespace layoutfs {
namespace {

class KeptDecoder final : public Decoder {
 public:
  KeptDecoder(std::size_t memory, bool is_useful, bool* has_ended = nullptr)
      : memory_(memory), is_useful_(is_useful), has_ended_(has_ended) {}
  Result<std::size_t> read(std::span<std::byte>) override { return std::size_t{0}; }
  std::size_t memory() const noexcept override { return memory_; }
  std::optional<Compression> end() noexcept override {
    if (has_ended_ != nullptr) *has_ended_ = true;
    return is_useful_ ? std::optional(Compression::zstd) : std::nullopt;
  }

 private:
  std::size_t memory_;
  bool is_useful_;
  bool* has_ended_;
};

std::unique_ptr<Decoder> decoder(std::size_t memory, bool is_useful = true) {
  return std::make_unique<KeptDecoder>(memory, is_useful);
}

TEST(EndedDecoders, AreTakenOnceAndByTheirOwnCodec) {
  EndedDecoders ended;
  bool has_ended = false;
  auto kept = std::make_unique<KeptDecoder>(1, true, &has_ended);
  Decoder* const address = kept.get();
  ended.keep(std::move(kept));
  EXPECT_TRUE(has_ended) << "it lets go of its blob";
  EXPECT_EQ(ended.take(Compression::gzip), nullptr);
  EXPECT_EQ(ended.take(Compression::zstd).get(), address);
  EXPECT_EQ(ended.take(Compression::zstd), nullptr);
}

TEST(EndedDecoders, AreNotKeptIfThatSavesNothing) {
  EndedDecoders ended;
  ended.keep(decoder(1, false));
  EXPECT_EQ(ended.take(Compression::zstd), nullptr);
}

TEST(EndedDecoders, TakeAtMostTheirMemory) {
  EndedDecoders ended;
  constexpr std::size_t kHalf = EndedDecoders::kMostMemory / 2;
  for (const std::size_t size : {kHalf, kHalf, std::size_t{1}}) ended.keep(decoder(size));
  for (int i = 0; i < 2; ++i) EXPECT_EQ(ended.take(Compression::zstd)->memory(), kHalf);
  EXPECT_EQ(ended.take(Compression::zstd), nullptr);
  ended.keep(decoder(EndedDecoders::kMostMemory + 1));
  EXPECT_EQ(ended.take(Compression::zstd), nullptr);
  for (std::size_t i = 0; i <= EndedDecoders::kMost; ++i) ended.keep(decoder(0));
  std::size_t count = 0;
  while (ended.take(Compression::zstd)) ++count;
  EXPECT_EQ(count, EndedDecoders::kMost);
}

TEST(EndedDecoders, AreTakenByManyThreads) {
  EndedDecoders ended;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&ended] {
      for (int round = 0; round < 200; ++round) {
        auto taken = ended.take(Compression::zstd);
        EXPECT_TRUE(taken == nullptr || taken->memory() == 1);
        ended.keep(taken ? std::move(taken) : decoder(1));
      }
    });
}

}  // namespace
}  // namespace layoutfs
