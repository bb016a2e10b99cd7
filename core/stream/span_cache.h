// Decoded spans of all layers of a mount, within one budget of bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "core/base/bytes.h"
#include "core/base/error.h"

namespace layoutfs {

class ParkedDecoders;

using SpanBytes = std::shared_ptr<const Bytes>;

// Which span of which stream; streams get their numbers from SpanCache::new_stream.
struct SpanKey {
  std::uint64_t stream;
  std::uint64_t span;
  friend auto operator<=>(const SpanKey&, const SpanKey&) = default;
};

struct SpanCacheStats {
  std::uint64_t hits = 0, misses = 0, bytes = 0, decoded_bytes = 0, verify_failures = 0;
};

// Least recently used spans leave first; readers keep what they hold. Thread-safe.
class SpanCache {
 public:
  explicit SpanCache(std::uint64_t budget_bytes);
  ~SpanCache();
  std::uint64_t new_stream() noexcept;

  // The span, from the cache or from `decode`, which runs once however many threads ask (they wait and share
  // the result, also an error). `decode` may add other spans that it came by with `add`.
  Result<SpanBytes> get(SpanKey key, const std::function<Result<SpanBytes>()>& decode);
  void add(SpanKey key, SpanBytes span);
  void count_decoded(std::uint64_t bytes) noexcept;
  void count_verify_failure() noexcept;
  SpanCacheStats stats() const;
  // The decoders that streams of this cache left where they stopped.
  ParkedDecoders& parked() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace layoutfs
