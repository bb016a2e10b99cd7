// Recognizes sequential readers of one blob.
#include "core/remote/sequential_reads.h"

#include <algorithm>

namespace layoutfs {

void SequentialReads::announce(std::uint64_t offset, std::uint64_t size) {
  announced_[announcements_++ % announced_.size()] = {offset, offset + size};
}

// Returns an announced range in which a read at `offset` begins, if there is one.
const SequentialReads::Range* SequentialReads::announced(std::uint64_t offset) const {
  const auto found = std::ranges::find_if(
      announced_, [&](const Range& range) { return range.begin <= offset && offset < range.end; });
  return found == announced_.end() ? nullptr : &*found;
}

SequentialReads::Expected SequentialReads::note(std::uint64_t offset, std::uint64_t size) {
  if (size == 0) return {};
  ++reads_;
  const std::uint64_t end = offset + size;
  const Range* const range = announced(offset);
  const std::uint64_t rest = range == nullptr || range->end < end ? 0 : range->end - end;
  const auto continues = [&](const Reader& reader) {
    const std::uint64_t slack = std::min({kMostSlack, 2 * size, 2 * reader.size});
    return reader.size > 0 && offset <= reader.next + slack && offset + slack >= reader.next;
  };
  const auto known = std::ranges::find_if(readers_, continues);
  if (known == readers_.end()) {
    *std::ranges::min_element(readers_, {}, &Reader::used) = {
        .expected = range == nullptr ? offset : std::max(range->end, end),
        .shortest = range == nullptr ? kShortestWindow : kShortestBehind,
        .next = end,
        .size = size,
        .used = reads_};
    return {.bytes = rest};
  }
  known->used = reads_;
  known->size = size;
  // Reads in the neighbourhood that go nowhere are no progress.
  if (end <= known->next) return {.bytes = rest};
  known->next = end;
  if (end <= known->expected) return {.bytes = rest};
  const std::uint64_t progress = end - known->expected;
  return {.bytes = std::max(rest, std::clamp(progress / 2, known->shortest, kLongestWindow)),
          .is_endless = progress >= kEndlessAfter};
}

}  // namespace layoutfs
