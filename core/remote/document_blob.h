// A blob in memory, for documents.
#pragma once

#include <algorithm>
#include <utility>

#include "layoutfs/blob.h"

namespace layoutfs {

class DocumentBlob final : public Blob {
 public:
  explicit DocumentBlob(Bytes bytes) : bytes_(std::move(bytes)) {}
  ByteView bytes() const noexcept { return bytes_; }
  std::uint64_t size() const noexcept override { return bytes_.size(); }
  Result<std::size_t> read_at(std::span<std::byte> out, std::uint64_t offset, const Context&) const override {
    if (offset >= bytes_.size()) return std::size_t{0};
    const ByteView rest = ByteView(bytes_).subspan(static_cast<std::size_t>(offset));
    const ByteView piece = rest.first(std::min(rest.size(), out.size()));
    copy_bytes(piece, out);
    return piece.size();
  }

 private:
  const Bytes bytes_;
};

}  // namespace layoutfs
