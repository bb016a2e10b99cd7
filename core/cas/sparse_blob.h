// A blob that is a sparse file of a tar: pieces that are stored, and zeros.
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
  // `size` bytes; of the pieces, `stream_offset` is where they begin in `file`.
  SparseBlob(std::shared_ptr<const UniqueFd> file, Extents extents, std::uint64_t size, Digest digest)
      : file_(std::move(file)), extents_(std::move(extents)), size_(size), digest_(std::move(digest)) {}

  std::uint64_t size() const noexcept override { return size_; }
  // Errc::corrupt where the file has become shorter.
  Result<std::size_t> read_at(std::span<std::byte> out, std::uint64_t offset,
                              const Context& context = {}) const override;
  void will_read(std::uint64_t offset, std::uint64_t size) const noexcept override;

 private:
  std::shared_ptr<const UniqueFd> file_;
  Extents extents_;
  std::uint64_t size_;
  Digest digest_;
};

// Reads from a sparse file: zeros, but for the pieces. `out` lies in the file. Errc::corrupt, in words that
// go on after the name of the file, where a piece is cut off.
Status read_sparse(int file, const std::vector<Extent>& extents, std::span<std::byte> out,
                   std::uint64_t offset);

}  // namespace layoutfs
