// The records of layers (tar_split.h) in the cache directory.
#pragma once

#include <cstdint>
#include <memory>

#include "core/base/file.h"
#include "core/base/io_buffers.h"
#include "core/cache/index_cache.h"
#include "core/image/image_library.h"
#include "layoutfs/context.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

// The content of LAYER.tar-split.gz. Immutable.
class TarSplit {
 public:
  // `record` is gzip, a part of `file`, of which `memory` bytes are not mapped from a file. `missing_blocks`
  // of zeros follow the layer's stream in the tar.
  TarSplit(SharedBytes file, ByteView record, std::size_t missing_blocks, std::uint64_t memory);

  std::uint64_t size() const noexcept { return record_.size() + tail_->size(); }
  // Returns the bytes in memory, without those of mapped files.
  std::uint64_t memory() const noexcept { return memory_; }
  // Appends `size` bytes, starting at `offset`; fewer only at the end.
  void read(IoBuffers& out, std::size_t size, std::uint64_t offset) const;

 private:
  SharedBytes file_;
  ByteView record_;
  std::shared_ptr<const Bytes> tail_;
  std::uint64_t memory_ = 0;
};
using TarSplitPtr = std::shared_ptr<const TarSplit>;

// Opens the record of the topmost layer of a stack. Errc::not_found if there is none. Other errors if the
// file is unusable and would be made again.
Result<TarSplitPtr> open_cached_tar_split(const IndexCache& cache, const LayerStack& stack,
                                          const LayerIndex& top);

// Verifies the stored record of a stack. Errc::not_found if there is none. Errc::corrupt if it is damaged.
Status check_cached_tar_split(const IndexCache& cache, const Digest& stack);

// The same as open_cached_tar_split(), but makes and stores a record if there is no usable one: decodes the
// layer once. `image` is the stack, `top` its topmost layer. Without a cache directory a record of up to 64
// MiB is kept in memory. Errc::corrupt if the layer is damaged. Errc::cancelled.
Result<TarSplitPtr> open_tar_split(const IndexCache& cache, const LayerStack& stack, const Image& image,
                                   const Layer& top, const Context& context = {});

}  // namespace layoutfs
