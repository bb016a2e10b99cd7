// Reads the part of a blob that a resumed decoder needs, and little more.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "layoutfs/blob.h"
#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Reads from `offset` on, without a buffer, and ends each read at a multiple of kPiece: a blob of a registry
// arrives in such pieces, and the next one may never be needed. For one thread.
class NarrowSource final : public ByteSource {
 public:
  static constexpr std::size_t kPiece = std::size_t{64} << 10;

  NarrowSource(BlobPtr blob, std::uint64_t offset) : blob_(std::move(blob)), offset_(offset) {}

  // Errors are those of Blob::read_at.
  Result<std::size_t> read(std::span<std::byte> out) override {
    auto size = blob_->read_at(out.first(std::min(out.size(), kPiece - offset_ % kPiece)), offset_);
    if (size) offset_ += *size;
    return size;
  }

 private:
  BlobPtr blob_;
  std::uint64_t offset_;
};

}  // namespace layoutfs
