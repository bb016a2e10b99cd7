// Decoders that wait where a reader stopped, for the read that goes on there.
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
  std::uint64_t span;  // the decoder stands where this span begins
};

// Each holds a blob open and up to several MiB of state, so there are few, for all streams of a mount
// together: the ones that were parked longest ago leave first. Thread-safe.
class ParkedDecoders {
 public:
  static constexpr std::size_t kMost = 16;
  static constexpr std::size_t kMostPerStream = 4;

  // The decoder of `stream` that stands furthest on from `first_span` to `last_span`, both included. It is
  // the caller's now.
  std::optional<ParkedDecoder> take(std::uint64_t stream, std::uint64_t first_span, std::uint64_t last_span);
  // Whether take() would find one.
  bool has(std::uint64_t stream, std::uint64_t first_span, std::uint64_t last_span) const;
  // Throws std::bad_alloc; the decoder is gone then.
  void park(std::uint64_t stream, ParkedDecoder place);
  // Ends all decoders of `stream`.
  void drop(std::uint64_t stream) noexcept;
  std::size_t size() const;

 private:
  struct Entry {
    std::uint64_t stream;
    ParkedDecoder place;
  };
  using Entries = std::list<Entry>;
  mutable OrderedGuarded<Entries, LockLevel::parked> entries_;  // parked last in front
};

}  // namespace layoutfs
