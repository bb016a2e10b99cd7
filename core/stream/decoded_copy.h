// Decoded spans of a layer's stream in a file. Each span is a zstd frame that can be read independently.
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/file.h"
#include "core/codec/stream_index.h"
#include "core/stream/span_cache.h"
#include "layoutfs/error.h"

namespace layoutfs {

// The file: a header, a table with an entry for every span of the index, then the frames. The header is
// written last, so that an unfinished file is not a valid copy.
//
// The file is not trusted: a span is compared with its digest in the index after reading. Any number of
// threads may read, also while one adds.
class DecodedCopy {
 public:
  // `index` must outlive this. Errc::corrupt if `file` is not a complete copy for `index`.
  static Result<DecodedCopy> open(UniqueFd file, const StreamIndex& index);
  // Starts a copy in an empty file.
  static DecodedCopy create(UniqueFd file, const StreamIndex& index);

  // Adds a span to a copy from create().
  Status add(std::uint64_t span, ByteView bytes);
  Status finish();

  // Returns the span, nullopt if the copy does not contain it. Errc::corrupt if the file is damaged.
  Result<std::optional<SpanBytes>> read(std::uint64_t span) const;
  // Returns the size of the file in bytes.
  std::uint64_t size() const noexcept { return size_; }
  int fd() const noexcept { return file_.get(); }

 private:
  DecodedCopy(UniqueFd file, const StreamIndex& index, std::uint64_t size)
      : file_(std::move(file)), index_(&index), size_(size) {}

  UniqueFd file_;
  const StreamIndex* index_;
  std::uint64_t size_;
};

}  // namespace layoutfs
