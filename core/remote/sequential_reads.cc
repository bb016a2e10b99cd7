// Recognizes sequential readers of one blob.
#include "core/remote/sequential_reads.h"

#include <algorithm>

namespace layoutfs {

std::uint64_t SequentialReads::note(std::uint64_t offset, std::uint64_t size) {
  if (size == 0) return 0;
  ++reads_;
  const auto continues = [&](const Reader& reader) {
    const std::uint64_t slack = std::min({kMostSlack, 2 * size, 2 * reader.size});
    return reader.progress > 0 && offset <= reader.next + slack && offset + slack >= reader.next;
  };
  const auto known = std::ranges::find_if(readers_, continues);
  if (known == readers_.end()) {
    *std::ranges::min_element(readers_, {}, &Reader::used) = {
        .next = offset + size, .size = size, .progress = size, .used = reads_};
    return 0;
  }
  known->used = reads_;
  known->size = size;
  // Reads in the neighbourhood that go nowhere are no progress.
  if (offset + size <= known->next) return 0;
  known->progress += offset + size - known->next;
  known->next = offset + size;
  return std::clamp(known->progress, kShortestWindow, kLongestWindow);
}

}  // namespace layoutfs
