// Spans that could not be decoded, so that each page of a damaged file does not decode the same spans again.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "core/base/guarded.h"
#include "layoutfs/error.h"

namespace layoutfs {

// The damage of one stream. An entry is forgotten after some time, because the blob may have been repaired.
// Thread-safe.
class DamagedSpans {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kMost = 64;  // entries; the oldest leave

  explicit DamagedSpans(Clock::duration remembered = std::chrono::seconds(10)) : remembered_(remembered) {}

  // Remembers the error of the spans from `first` to `last`, inclusive. Throws std::bad_alloc; nothing has
  // changed then.
  void add(std::uint64_t first, std::uint64_t last, const Error& error);
  // Returns the error of a span, nullopt if none is remembered.
  std::optional<Error> find(std::uint64_t span) const;

 private:
  struct Damage {
    std::uint64_t first, last;
    Error error;
    Clock::time_point until;
  };
  const Clock::duration remembered_;
  mutable Guarded<std::deque<Damage>> damages_;  // the oldest first
};

}  // namespace layoutfs
