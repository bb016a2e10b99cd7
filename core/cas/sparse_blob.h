// A blob stored as a sparse file in a tar: extents and zeros.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/file.h"
#include "core/tar/tar_parser.h"
#include "layoutfs/blob.h"

namespace layoutfs {

class SparseBlob final : public Blob {
 public:
  using Extents = std::shared_ptr<const std::vector<Extent>>;
  // A blob of `size` bytes. The `stream_offset` of an extent is its position in `file`.
  SparseBlob(std::shared_ptr<const UniqueFd> file, Extents extents, std::uint64_t size, Digest digest)
      : file_(std::move(file)), extents_(std::move(extents)), size_(size), digest_(std::move(digest)) {}

  std::uint64_t size() const noexcept override { return size_; }
  // Errc::corrupt if the file was truncated.
  Result<std::size_t> read_at(std::span<std::byte> out, std::uint64_t offset,
                              const Context& context = {}) const override;
  void will_read(std::uint64_t offset, std::uint64_t size) const noexcept override;

 private:
  std::shared_ptr<const UniqueFd> file_;
  Extents extents_;
  std::uint64_t size_;
  Digest digest_;
};

// Reads from a sparse file: zeros outside of the extents. `out` lies in the file. Errc::corrupt if an extent
// is truncated; the message continues after the name of the file.
Status read_sparse(int file, const std::vector<Extent>& extents, std::span<std::byte> out,
                   std::uint64_t offset);

}  // namespace layoutfs
