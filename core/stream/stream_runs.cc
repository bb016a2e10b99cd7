#include "core/stream/stream_runs.h"

#include <algorithm>

#include "core/cache/copy_directory.h"
#include "core/codec/codec.h"

namespace layoutfs {

StreamRuns::StreamRuns(const StreamIndex& index)
    : index_(index), starts_anywhere_(find_codec(index.compression)->starts_anywhere) {
  if (starts_anywhere_) return;
  for (std::size_t i = 0; i < index.points.size(); ++i) {
    const std::uint64_t end = i + 1 < index.points.size() ? index.points[i + 1].offset : index.size;
    const std::uint64_t size = end - index.points[i].offset;
    if (size <= kLongStretch) longest_ = std::max(longest_, size);
  }
}

std::uint64_t StreamRuns::span_at(std::uint64_t offset) const noexcept {
  const auto after = std::ranges::upper_bound(index_.spans, offset, {}, &SpanRecord::offset);
  return static_cast<std::uint64_t>(after - index_.spans.begin()) - 1;
}

std::uint64_t StreamRuns::first_of(std::uint64_t span) const noexcept {
  if (starts_anywhere_) return span;
  return span_at(index_.points[index_.spans[span].point].offset);
}

std::uint64_t StreamRuns::last_of(std::uint64_t span) const noexcept {
  if (starts_anywhere_) return span;
  const auto after = std::ranges::upper_bound(index_.spans, index_.spans[span].point, {}, &SpanRecord::point);
  return static_cast<std::uint64_t>(after - index_.spans.begin()) - 1;
}

bool StreamRuns::is_same(std::uint64_t span, std::uint64_t other) const noexcept {
  return span < index_.spans.size() && index_.spans[span].point == index_.spans[other].point;
}

PointRecord StreamRuns::point_of(std::uint64_t first) const noexcept {
  const std::uint64_t offset = index_.spans[first].offset;
  return starts_anywhere_ ? PointRecord{offset, offset * 8, 0, 0} : index_.points[index_.spans[first].point];
}

std::uint64_t StreamRuns::part_of_blob(std::uint64_t first, std::uint64_t last,
                                       std::uint64_t unknown) const noexcept {
  constexpr std::uint64_t kMore = std::uint64_t{32} << 10;
  if (starts_anywhere_) return index_.span_end(last) - index_.spans[first].offset;
  const std::uint64_t number = index_.spans[first].point;
  if (number + 1 == index_.points.size()) return unknown;
  const PointRecord &point = index_.points[number], &next = index_.points[number + 1];
  const double part = static_cast<double>(index_.span_end(last) - point.offset) /
                      static_cast<double>(next.offset - point.offset);
  return kMore + static_cast<std::uint64_t>(part * static_cast<double>(next.position - point.position) / 8);
}

}  // namespace layoutfs
