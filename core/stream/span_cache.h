// Decoded spans of all layers of a mount, within one budget of bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "core/stream/span_buffer.h"
#include "layoutfs/context.h"
#include "layoutfs/error.h"

namespace layoutfs {

class ParkedDecoders;
class WorkerPool;

// Which span of which stream; streams get their numbers from SpanCache::new_stream.
struct SpanKey {
  std::uint64_t stream;
  std::uint64_t span;
  friend bool operator==(const SpanKey&, const SpanKey&) = default;
};

struct SpanCacheStats {
  std::uint64_t hits = 0, misses = 0, bytes = 0, decoded_bytes = 0, verify_failures = 0;
  std::uint64_t ahead_bytes = 0;   // of decoded_bytes: before anybody asked for them
  std::uint64_t unread_bytes = 0;  // of bytes: decoded ahead, and not read yet
};

// Least recently used spans leave first, and those that were decoded ahead and not read yet only when nothing
// else is left; readers keep what they hold. Thread-safe.
class SpanCache {
  struct State;

 public:
  explicit SpanCache(std::uint64_t budget_bytes);
  ~SpanCache();
  std::uint64_t new_stream() noexcept;

  // Nothing where the span is not there; counts which of both it was.
  SpanBytes find(SpanKey key);
  // As `find` for who has looked before: does not count again.
  SpanBytes find_again(SpanKey key);
  // Whether the span is there; no use of it.
  bool holds(SpanKey key) const;
  // Does nothing if there is no memory for the entry.
  void add(SpanKey key, SpanBytes span) noexcept;
  // To decode a span into.
  std::shared_ptr<SpanBuffer> make_buffer(std::size_t size) const;

  // Bytes that may be decoded ahead of one reader.
  std::uint64_t most_ahead() const noexcept;
  // Room for spans that will be decoded ahead; what is not used is free again when it ends.
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
  // Nothing where as much as may be waits for its readers, all of them together.
  std::optional<AheadRoom> room_ahead(std::uint64_t bytes);
  void add_ahead(SpanKey key, SpanBytes span, AheadRoom& room) noexcept;

  // The right to decode: there are as many as cores, since more decoders would not be faster, and each takes
  // a few windows of memory. A thread that has a permit must not wait for a second one.
  class Permit {
   public:
    // Waits until one is free. Errc::cancelled as soon as `context` ends.
    static Result<Permit> acquire(const SpanCache& cache, const Context& context);
    Permit(Permit&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    Permit& operator=(Permit&&) = delete;
    ~Permit();

   private:
    explicit Permit(State& state) noexcept : state_(&state) {}
    State* state_;
  };

  enum class DecodedFor { reader, ahead };
  void count_decoded(std::uint64_t bytes, DecodedFor whom) noexcept;
  void count_verify_failure() noexcept;
  SpanCacheStats stats() const;
  // The decoders that streams of this cache left where they stopped.
  ParkedDecoders& parked() const noexcept;
  // The threads that decode ahead. A stream drops its tasks before it ends.
  WorkerPool& workers() const noexcept;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace layoutfs
