// An image as an EROFS filesystem, read without writing it anywhere: the files that Linux mounts.
#pragma once

#include <cstdint>
#include <utility>

#include "core/base/io_buffers.h"
#include "core/erofs/erofs_image.h"
#include "core/image/image.h"
#include "layoutfs/context.h"

namespace layoutfs {

// Immutable. Thread-safe.
class ErofsReader {
 public:
  // Precondition: `erofs` was made of the tree of `image`.
  ErofsReader(ImagePtr image, ErofsImage erofs) : image_(std::move(image)), erofs_(std::move(erofs)) {}

  ByteView metadata() const noexcept { return erofs_.metadata; }
  std::uint64_t data_size() const noexcept { return erofs_.data_blocks * kErofsBlockSize; }
  // Appends bytes of the data device to `out`, from `offset`: `size`, fewer only at its end. Cost and errors
  // are those of Image::read() for each file in the range.
  Status read_data(IoBuffers& out, std::uint64_t size, std::uint64_t offset,
                   const Context& context = {}) const;

  // The metadata and the data as one file, which ErofsPlacement::appended makes a complete filesystem image.
  std::uint64_t size() const noexcept { return metadata().size() + data_size(); }
  Status read(IoBuffers& out, std::uint64_t size, std::uint64_t offset, const Context& context = {}) const;

 private:
  ImagePtr image_;
  ErofsImage erofs_;
};

}  // namespace layoutfs
