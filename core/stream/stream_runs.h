// Finds the spans and the runs of a stream: a run is the spans of one access point.
#pragma once

#include <cstdint>

#include "core/codec/stream_index.h"

namespace layoutfs {

// A view of an index, which must outlive it and be consistent (is_consistent). Immutable.
class StreamRuns {
 public:
  // Cost: linear in the number of access points.
  explicit StreamRuns(const StreamIndex& index);

  // Returns whether decoding can start at any byte, so that bytes between an access point and a span are not
  // needed.
  bool starts_anywhere() const noexcept { return starts_anywhere_; }
  // Returns the span that contains `offset`, which lies inside the stream.
  std::uint64_t span_at(std::uint64_t offset) const noexcept;
  // Returns the span at which decoding for `span` starts if no decoder is nearer.
  std::uint64_t first_of(std::uint64_t span) const noexcept;
  // Returns the last span that needs the same start.
  std::uint64_t last_of(std::uint64_t span) const noexcept;
  // Returns whether `span` exists and has the access point of `other`.
  bool is_same(std::uint64_t span, std::uint64_t other) const noexcept;
  // Returns the size of the longest run in bytes, of those up to kLongStretch; 0 if none is needed.
  std::uint64_t longest() const noexcept { return longest_; }
  // Returns the access point at the start of the run that begins with `first`.
  PointRecord point_of(std::uint64_t first) const noexcept;
  // Estimates the bytes of the blob from the start of the run that begins with `first` to the end of span
  // `last`: assumes equal compression between two points, and rounds up. Returns `unknown` if no point
  // follows.
  std::uint64_t part_of_blob(std::uint64_t first, std::uint64_t last, std::uint64_t unknown) const noexcept;

 private:
  const StreamIndex& index_;
  bool starts_anywhere_;
  std::uint64_t longest_ = 0;
};

}  // namespace layoutfs
