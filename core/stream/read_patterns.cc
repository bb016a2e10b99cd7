// Represents readers by the intervals that they have covered.
#include "core/stream/read_patterns.h"

#include <algorithm>

namespace layoutfs {
namespace {

// A reader that covered less may be a single early read.
constexpr std::uint64_t kMostEarly = std::uint64_t{4} << 20;

bool follows(std::uint64_t begin, std::uint64_t end) noexcept {
  return begin >= end && begin - end <= ReadPatterns::kMostGap;
}

}  // namespace

ReadPatterns::Reader* ReadPatterns::reader_before(std::uint64_t offset) noexcept {
  Reader* nearest = nullptr;
  for (Reader& reader : readers_)
    if (reader.used != 0 && follows(offset, reader.end) && (nearest == nullptr || reader.end > nearest->end))
      nearest = &reader;
  return nearest;
}

void ReadPatterns::join_next(Reader& reader) noexcept {
  for (Reader& next : readers_) {
    if (next.used == 0 || &next == &reader || next.end - next.begin > kMostEarly) continue;
    if (!follows(next.begin, reader.end)) continue;
    reader.end = next.end;
    reader.size += next.size;
    reader.announced = std::max(reader.announced, next.announced);
    reader.planned = std::max(reader.planned, next.planned);
    next = {};
  }
}

ReadPatterns::Reader& ReadPatterns::least_active() noexcept {
  return *std::ranges::min_element(readers_, {}, &Reader::used);
}

ReadPatterns::Reader& ReadPatterns::expect(std::uint64_t begin, std::uint64_t end) noexcept {
  return least_active() = {.begin = begin, .end = begin, .used = ++reads_, .announced = end};
}

ReadPatterns::Reader* ReadPatterns::note(std::uint64_t offset, std::uint64_t size) noexcept {
  ++reads_;
  Reader* const reader = reader_before(offset);
  if (reader == nullptr) {
    least_active() = {.begin = offset, .end = offset + size, .size = size, .used = reads_};
    return nullptr;
  }
  reader->end = offset + size;
  reader->size += size;
  reader->used = reads_;
  join_next(*reader);
  return reader;
}

bool ReadPatterns::has_come_over(std::uint64_t offset) const noexcept {
  return std::ranges::any_of(readers_, [offset](const Reader& reader) {
    return reader.used != 0 && reader.begin <= offset && offset < reader.end;
  });
}

}  // namespace layoutfs
