// Reads of the data device: the content of files, block by block.
#include "core/erofs/erofs_reader.h"

#include <algorithm>
#include <iterator>

namespace layoutfs {

Status ErofsReader::read_data(IoBuffers& out, std::uint64_t size, std::uint64_t offset,
                              const Context& context) const {
  if (offset >= data_size()) return {};
  const std::uint64_t end = offset + std::min(size, data_size() - offset);
  // The runs cover the device without gaps, and the first starts at 0.
  auto run = std::prev(std::ranges::upper_bound(erofs_.runs, offset / kErofsBlockSize, {}, &ErofsRun::block));
  for (; offset < end; ++run) {
    const auto next = std::next(run);
    const std::uint64_t run_end = next == erofs_.runs.end() ? data_size() : next->block * kErofsBlockSize;
    const std::uint64_t to = std::min(end, run_end);
    const std::uint64_t in_file = run->file_block * kErofsBlockSize + (offset - run->block * kErofsBlockSize);
    const std::size_t before = out.size();
    if (auto done = image_->read(run->inode, out, static_cast<std::size_t>(to - offset), in_file, context);
        !done)
      return done;
    // The last block of a file.
    out.append_zeros(static_cast<std::size_t>(to - offset) - (out.size() - before));
    offset = to;
  }
  return {};
}

Status ErofsReader::read(IoBuffers& out, std::uint64_t size, std::uint64_t offset,
                         const Context& context) const {
  if (offset < metadata().size()) {
    const ByteView part =
        metadata().subspan(offset, std::min<std::uint64_t>(size, metadata().size() - offset));
    out.append_copy(part);
    size -= part.size();
    offset += part.size();
  }
  return size == 0 ? Status() : read_data(out, size, offset - metadata().size(), context);
}

}  // namespace layoutfs
