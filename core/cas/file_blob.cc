#include "core/cas/file_blob.h"

#include <fcntl.h>

#include <algorithm>

namespace layoutfs {

Result<std::size_t> FileBlob::read_at(std::span<std::byte> out, std::uint64_t offset, const Context&) const {
  if (offset >= size_) return 0;
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), size_ - offset));
  auto got = pread_full(file_->get(), out.first(wanted), offset_ + offset);
  if (!got) return fail(std::move(got).error(), digest_.str());
  if (*got < wanted)
    return fail(Errc::corrupt, digest_.str() + ": blob was truncated after opening, at byte " +
                                   std::to_string(offset + *got) + " of " + std::to_string(size_));
  return got;
}

void FileBlob::will_read(std::uint64_t offset, std::uint64_t size) const noexcept {
  if (offset >= size_) return;
  (void)::posix_fadvise(file_->get(), static_cast<off_t>(offset_ + offset),
                        static_cast<off_t>(std::min(size, size_ - offset)), POSIX_FADV_WILLNEED);
}

}  // namespace layoutfs
