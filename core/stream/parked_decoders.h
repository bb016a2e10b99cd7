// Decoders kept at the end of a read, for a read that continues there.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>

#include "core/base/lock_order.h"
#include "core/codec/codec.h"

namespace layoutfs {

struct ParkedDecoder {
  std::unique_ptr<Decoder> decoder;
  std::uint64_t span;  // the decoder is at the start of this span
};

// Each holds a blob open and up to several MiB of state, so there are few for all streams of a mount: those
// parked longest ago are dropped first. Thread-safe.
class ParkedDecoders {
 public:
  static constexpr std::size_t kMost = 16;
  static constexpr std::size_t kMostPerStream = 4;
  static constexpr std::size_t kMostMemory = std::size_t{16} << 20;  // unless a single one needs more

  // Removes and returns the decoder of `stream` with the largest position from `first_span` to `last_span`,
  // inclusive.
  std::optional<ParkedDecoder> take(std::uint64_t stream, std::uint64_t first_span, std::uint64_t last_span);
  // Returns whether take() would find one.
  bool has(std::uint64_t stream, std::uint64_t first_span, std::uint64_t last_span) const;
  // Throws std::bad_alloc; the decoder is destroyed then.
  void park(std::uint64_t stream, ParkedDecoder place);
  // Removes and returns those that park() would destroy for a decoder of `stream` with this memory. Throws
  // std::bad_alloc.
  std::list<ParkedDecoder> make_room(std::uint64_t stream, std::size_t memory);
  // Destroys all decoders of `stream`.
  void drop(std::uint64_t stream) noexcept;
  std::size_t size() const;

 private:
  struct Entry {
    std::uint64_t stream;
    ParkedDecoder place;
    std::size_t memory;
  };
  using Entries = std::list<Entry>;
  static void make_room(Entries& entries, std::uint64_t stream, std::size_t memory, Entries& leaving);
  mutable OrderedGuarded<Entries, LockLevel::parked> entries_;  // parked last first
};

}  // namespace layoutfs
