// Decoded spans of all layers of a mount, within one budget of bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "core/stream/decode_permits.h"
#include "core/stream/span_buffer.h"
#include "layoutfs/context.h"
#include "layoutfs/error.h"

namespace layoutfs {

class EndedDecoders;
class ParkedDecoders;
class WorkerPool;

// A span of a stream; SpanCache::new_stream returns stream numbers.
struct SpanKey {
  std::uint64_t stream;
  std::uint64_t span;
  friend bool operator==(const SpanKey&, const SpanKey&) = default;
};

struct SpanCacheStats {
  std::uint64_t hits = 0, misses = 0, bytes = 0, decoded_bytes = 0, verify_failures = 0;
  std::uint64_t ahead_bytes = 0;   // part of decoded_bytes: decoded ahead
  std::uint64_t unread_bytes = 0;  // part of bytes: decoded ahead and not read yet
};

// Evicts spans that a sequential reader has passed first, then the least recently used ones, and unread ones
// only if there are no others. Readers keep the spans that they hold. Thread-safe.
class SpanCache {
  struct State;

 public:
  // `cores` is the number of threads that decode at once; 0: one per core of the machine.
  explicit SpanCache(std::uint64_t budget_bytes, unsigned cores = 0);
  ~SpanCache();
  std::uint64_t new_stream() noexcept;

  // Returns nullptr if the span is not cached. Counts hits and misses.
  SpanBytes find(SpanKey key);
  // Like `find`, but does not count.
  SpanBytes find_again(SpanKey key);
  // Returns whether the span is cached, without marking it as used.
  bool holds(SpanKey key) const;
  // Does nothing if there is no memory for the entry.
  void add(SpanKey key, SpanBytes span) noexcept;
  // A sequential reader has read the span to its end, and will not return: the span is evicted before others,
  // and soon, unless it is used again.
  void pass(SpanKey key) noexcept;
  // Returns memory for a decoded span.
  std::shared_ptr<SpanBuffer> make_buffer(std::size_t size) const;

  // Returns the limit for bytes decoded ahead of one reader of a stream, in which the longest distance
  // between two access points is `longest_run` bytes: enough for all cores, within the budget.
  std::uint64_t most_ahead(std::uint64_t longest_run) const noexcept;
  // Reserved room for spans to decode ahead. The destructor releases the unused part.
  class AheadRoom {
   public:
    AheadRoom(AheadRoom&& other) noexcept;
    AheadRoom& operator=(AheadRoom&&) = delete;
    ~AheadRoom();

   private:
    friend class SpanCache;
    AheadRoom(State& state, std::uint64_t bytes) noexcept : state_(&state), bytes_(bytes) {}
    State* state_;
    std::uint64_t bytes_;
  };
  // Returns nullopt if unread spans of all readers together use their limit.
  std::optional<AheadRoom> room_ahead(std::uint64_t bytes);
  void add_ahead(SpanKey key, SpanBytes span, AheadRoom& room) noexcept;

  void count_decoded(std::uint64_t bytes, DecodePermits::For whom) noexcept;
  void count_verify_failure() noexcept;
  SpanCacheStats stats() const;
  // Returns the permits to decode. There are as many as cores, because more decoders would not be faster.
  DecodePermits& permits() const noexcept;
  // Returns the decoders that the streams of this cache have parked.
  ParkedDecoders& parked() const noexcept;
  // Returns the decoders that were kept for their memory.
  EndedDecoders& ended() const noexcept;
  // Returns the threads that decode ahead. A stream drops its tasks before it ends.
  WorkerPool& workers() const noexcept;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace layoutfs
