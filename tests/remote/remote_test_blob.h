// For tests: a blob and its registry.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/remote/range_cache.h"
#include "core/remote/range_chunks.h"
#include "layoutfs/digest.h"
#include "tests/remote/memory_range_source.h"
#include "tests/support/results.h"

namespace layoutfs::testing {

struct TestBlob {
  explicit TestBlob(unsigned seed, std::size_t size = 40 * kRangeChunk + 1234)
      : source(std::make_shared<MemoryRangeSource>(random_bytes(size, seed))),
        digest(Digest::of(source->content())) {}
  std::shared_ptr<const RemoteBlob> open(RangeCache& cache) const {
    return must(cache.open({.digest = digest, .size = source->content().size()}, source));
  }
  ByteView range(std::uint64_t offset, std::size_t size) const {
    return ByteView(source->content()).subspan(offset, size);
  }

  std::shared_ptr<MemoryRangeSource> source;
  Digest digest;
};

}  // namespace layoutfs::testing
