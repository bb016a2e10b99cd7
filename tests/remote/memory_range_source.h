// For tests: ranges of a blob in memory, from a source that counts requests, and can fail, stall and
// truncate.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/guarded.h"
#include "core/base/wait.h"
#include "core/remote/range_chunks.h"
#include "core/remote/range_source.h"
#include "layoutfs/bytes.h"

namespace layoutfs::testing {

inline Bytes random_bytes(std::size_t size, unsigned seed) {
  std::mt19937_64 random(seed);
  std::vector<std::uint64_t> words(size / sizeof(std::uint64_t) + 1);
  std::ranges::generate(words, random);
  const auto bytes = std::as_bytes(std::span(words)).first(size);
  return {bytes.begin(), bytes.end()};
}

class MemoryRangeSource final : public RangeSource {
 public:
  explicit MemoryRangeSource(Bytes content, std::size_t piece = 20'000)
      : content_(std::move(content)), fetched_(chunk_count(content_.size())), piece_(piece) {}

  Result<OpenedRange> open(std::uint64_t offset, std::uint64_t size, const Context& context) const override {
    {
      auto state = state_.lock();
      state->requests.emplace_back(offset, size);
      if (state->failures > 0) {
        --state->failures;
        return fail(Errc::io, "connection refused");
      }
    }
    return OpenedRange{offset, size, std::make_unique<Body>(*this, offset, size, context)};
  }

  // The next requests fail.
  void fail_requests(int count) { state_.lock()->failures = count; }
  // Bodies end here.
  void truncate_at(std::uint64_t offset) { state_.lock()->end = offset; }
  // Bodies stop here until another call.
  void stall_at(std::uint64_t offset) {
    state_.lock()->stall = offset;
    changed_.notify_all();
  }
  // Every read of a body takes this time.
  void slow_down(std::chrono::microseconds pause) { pause_ = pause; }
  // Changes the bytes that the source delivers.
  void damage(std::uint64_t offset) { state_.lock()->damaged = offset; }

  const Bytes& content() const { return content_; }
  // Offsets and sizes.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> requests() const { return state_.lock()->requests; }
  std::size_t request_count() const { return requests().size(); }
  std::uint64_t delivered() const { return delivered_; }
  // Waits until the source has delivered at least this number of bytes; false after half a minute.
  bool wait_delivered(std::uint64_t bytes) const {
    return wait([&](const State&) { return delivered_ >= bytes; });
  }
  bool wait_stalled() const {
    return wait([&](const State& state) { return state.stalled > 0; });
  }
  // Waits until no response is open.
  bool wait_closed() const {
    return wait([&](const State& state) { return state.bodies == 0; });
  }
  // Returns the highest number of times that a byte was delivered.
  int most_fetches() const {
    return *std::ranges::max_element(fetched_, {}, [](const auto& count) { return count.load(); });
  }

 private:
  struct State {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> requests;
    int failures = 0;
    int stalled = 0;
    int bodies = 0;  // responses that are open
    std::uint64_t end = ~std::uint64_t{0}, stall = ~std::uint64_t{0}, damaged = ~std::uint64_t{0};
  };

  class Body final : public ByteSource {
   public:
    Body(const MemoryRangeSource& source, std::uint64_t offset, std::uint64_t size, Context context)
        : source_(source), offset_(offset), end_(offset + size), context_(std::move(context)) {
      ++source_.state_.lock()->bodies;
    }
    ~Body() override {
      --source_.state_.lock()->bodies;
      source_.changed_.notify_all();
    }
    Result<std::size_t> read(std::span<std::byte> out) override {
      std::this_thread::sleep_for(source_.pause_.load());
      auto state = source_.state_.lock();
      if (offset_ == end_) return 0;
      ++state->stalled;
      if (offset_ >= state->stall) source_.changed_.notify_all();
      auto waited =
          wait_until_met(source_.changed_, state.lock(), context_, [&] { return offset_ < state->stall; });
      --state->stalled;
      if (!waited) return fail(std::move(waited).error());
      const std::uint64_t end = std::min({end_, state->end, state->stall});
      const auto size = static_cast<std::size_t>(
          std::min<std::uint64_t>({out.size(), source_.piece_, end - std::min(end, offset_)}));
      copy_bytes(ByteView(source_.content_).subspan(offset_, size), out.first(size));
      if (state->damaged >= offset_ && state->damaged - offset_ < size)
        out[state->damaged - offset_] ^= std::byte{1};
      for (std::uint64_t chunk = chunk_at(offset_); size > 0 && chunk <= chunk_at(offset_ + size - 1);
           ++chunk)
        if (chunk * kRangeChunk >= offset_ && chunk * kRangeChunk < offset_ + size) ++source_.fetched_[chunk];
      offset_ += size;
      source_.delivered_ += size;
      source_.changed_.notify_all();
      return size;
    }

   private:
    const MemoryRangeSource& source_;
    std::uint64_t offset_;
    const std::uint64_t end_;
    const Context context_;
  };

  template <class Condition>
  bool wait(Condition is_met) const {
    auto state = state_.lock();
    return changed_.wait_for(state.lock(), std::chrono::seconds(30), [&] { return is_met(*state); });
  }

  const Bytes content_;
  mutable std::vector<std::atomic<int>> fetched_;  // first byte of each chunk
  const std::size_t piece_;
  std::atomic<std::chrono::microseconds> pause_{};
  mutable std::atomic<std::uint64_t> delivered_ = 0;
  mutable Guarded<State> state_;
  mutable std::condition_variable_any changed_;
};

inline Result<Bytes> read_range(const auto& blob, std::uint64_t offset, std::size_t size,
                                const Context& context = {}) {
  Bytes bytes(size);
  const auto got = blob.read_at(bytes, offset, context);
  if (!got) return fail(Error(got.error()));
  bytes.resize(*got);
  return bytes;
}

}  // namespace layoutfs::testing
