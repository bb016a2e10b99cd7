// A blob stored as a file or a part of one.
#pragma once

#include <cstdint>
#include <memory>

#include "core/base/file.h"
#include "layoutfs/blob.h"

namespace layoutfs {

class FileBlob final : public Blob {
 public:
  // `size` bytes of `file`, starting at `offset`.
  FileBlob(std::shared_ptr<const UniqueFd> file, std::uint64_t offset, std::uint64_t size, Digest digest)
      : file_(std::move(file)), offset_(offset), size_(size), digest_(std::move(digest)) {}

  std::uint64_t size() const noexcept override { return size_; }
  // Errc::corrupt if the file was truncated.
  Result<std::size_t> read_at(std::span<std::byte> out, std::uint64_t offset,
                              const Context& context = {}) const override;
  void will_read(std::uint64_t offset, std::uint64_t size) const noexcept override;
  std::optional<BlobExtent> extent() const noexcept override { return BlobExtent{file_->get(), offset_}; }

 private:
  std::shared_ptr<const UniqueFd> file_;
  std::uint64_t offset_, size_;
  Digest digest_;
};

}  // namespace layoutfs
