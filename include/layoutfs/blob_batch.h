// Puts several blobs with one wait for the disk instead of one wait for each.
#pragma once

#include "layoutfs/engine.h"

namespace layoutfs {

// A set of staged blobs. flush() installs them in the order in which they were put. If the batch is destroyed
// first, blobs that were not flushed are discarded.
// A staged blob is a file in the layout, so flush from time to time if you put many. Thread-safe.
class BlobBatch {
 public:
  virtual ~BlobBatch() = default;
  // Stages a blob as Engine::put_blob and Engine::copy_blob do, with the same errors. The blob is not
  // readable before flush().
  virtual Result<PutResult> put(ByteSource& content, const PutOptions& options = {}) = 0;
  virtual Result<PutResult> copy(const BlobPtr& blob, const PutOptions& options = {}) = 0;
  // Installs all staged blobs. If it returns success, they are complete and on disk. After an error, some of
  // them may be installed, and the batch is empty.
  virtual Status flush(const Context& context = {}) = 0;
};

}  // namespace layoutfs
