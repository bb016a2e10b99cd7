// Spans of a layer's stream, decoded, in a file of their own: each is a zstd frame that can be read alone.
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/file.h"
#include "core/codec/stream_index.h"
#include "core/stream/span_cache.h"
#include "layoutfs/error.h"

namespace layoutfs {

// The file: a header, a table with a place for every span of the index, then the frames. The header is
// written last, so that a file that was left behind unfinished is none.
//
// Nothing in the file is trusted: what is read is compared with the index' digest of the span. Any number of
// threads may read, also while one adds.
class DecodedCopy {
 public:
  // `index` must outlive this. Errc::corrupt where `file` is no complete copy of what `index` describes.
  static Result<DecodedCopy> open(UniqueFd file, const StreamIndex& index);
  // Begins one in an empty file.
  static DecodedCopy create(UniqueFd file, const StreamIndex& index);

  // Of a copy that create() began.
  Status add(std::uint64_t span, ByteView bytes);
  Status finish();

  // Nothing where the copy was made without this span. Errc::corrupt where the file is damaged.
  Result<std::optional<SpanBytes>> read(std::uint64_t span) const;
  // Bytes of the file.
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
