#include "core/cas/sparse_blob.h"

#include <fcntl.h>

#include <algorithm>
#include <string>

namespace layoutfs {
namespace {

std::uint64_t end_of(const Extent& extent) { return extent.offset + extent.size; }

// Visits the part of each extent between `begin` and `end`.
template <class Visit>
void for_each_part(const std::vector<Extent>& extents, std::uint64_t begin, std::uint64_t end, Visit visit) {
  auto extent = std::ranges::upper_bound(extents, begin, {}, end_of);
  for (; extent != extents.end() && extent->offset < end; ++extent) {
    const std::uint64_t first = std::max(begin, extent->offset);
    const std::uint64_t size = std::min(end, end_of(*extent)) - first;
    if (!visit(Extent{first, size, extent->stream_offset + (first - extent->offset)})) return;
  }
}

}  // namespace

Status read_sparse(int file, const std::vector<Extent>& extents, std::span<std::byte> out,
                   std::uint64_t offset) {
  std::ranges::fill(out, std::byte{0});
  Status status;
  for_each_part(extents, offset, offset + out.size(), [&](const Extent& part) {
    const auto piece =
        out.subspan(static_cast<std::size_t>(part.offset - offset), static_cast<std::size_t>(part.size));
    const auto got = pread_full(file, piece, part.stream_offset);
    if (!got)
      status = fail(Error(got.error()));
    else if (*got < piece.size())
      status = fail(Errc::corrupt, "the archive was truncated after opening, at byte " +
                                       std::to_string(part.stream_offset + *got));
    return status.has_value();
  });
  return status;
}

Result<std::size_t> SparseBlob::read_at(std::span<std::byte> out, std::uint64_t offset,
                                        const Context&) const {
  if (offset >= size_) return 0;
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), size_ - offset));
  if (auto read = read_sparse(file_->get(), *extents_, out.first(wanted), offset); !read)
    return fail(std::move(read).error(), digest_.str());
  return wanted;
}

void SparseBlob::will_read(std::uint64_t offset, std::uint64_t size) const noexcept {
  if (offset >= size_) return;
  for_each_part(*extents_, offset, offset + std::min(size, size_ - offset), [&](const Extent& part) {
    (void)::posix_fadvise(file_->get(), static_cast<off_t>(part.stream_offset), static_cast<off_t>(part.size),
                          POSIX_FADV_WILLNEED);
    return true;
  });
}

}  // namespace layoutfs
