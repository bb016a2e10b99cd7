// Compresses, hashes and indexes a new layer in one pass.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "core/base/compression.h"
#include "layoutfs/bytes.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

// The blob of a layer, made of the tar that it reads. For one thread at a time.
//
//   tar -> piece of 1 MiB -> threads that compress -> blob
//              |
//              +-> one thread: diffID, digests of the spans, tar parser -> LayerIndexBuilder
//
// The caller reads the tar and takes the compressed pieces in order. At most a few pieces per core are in
// memory. The index has an access point at each piece (layer_compressor.h).
class LayerPacker final : public ByteSource {
 public:
  // `tar` must outlive it. `cores` compress (0: those of this machine).
  LayerPacker(ByteSource& tar, Compression compression, std::size_t cores = 0);
  ~LayerPacker() override;

  // Errors are those of `tar`, and those of TarParser and LayerIndexBuilder before the end: a layer that
  // cannot be indexed cannot be mounted. May throw std::bad_alloc.
  Result<std::size_t> read(std::span<std::byte> out) override;

  struct Packed {
    Digest diff_id;  // of the tar
    Bytes index;     // the content of the index file of the blob
  };
  // Call it once, when read() has returned 0. `blob` is the digest of the bytes that were read.
  Result<Packed> finish(const Digest& blob);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace layoutfs
