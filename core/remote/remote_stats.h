// Counters of blobs that are read from registries.
#pragma once

#include <atomic>
#include <cstdint>

namespace layoutfs {

// Of one blob, or of all blobs of a RangeCache.
struct RemoteStats {
  std::uint64_t fetched = 0;   // bytes that arrived
  std::uint64_t requests = 0;  // ranges that were requested
  std::uint64_t cached = 0;    // bytes that were read from the cache
};

// Thread-safe.
struct RemoteBlobStats {
  std::atomic<std::uint64_t> fetched = 0, requests = 0, cached = 0;

  RemoteStats now() const noexcept { return {.fetched = fetched, .requests = requests, .cached = cached}; }
};

}  // namespace layoutfs
