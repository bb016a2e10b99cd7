// Blobs that are put together, so that the disk is waited for once and not for each.
#pragma once

#include "layoutfs/engine.h"

namespace layoutfs {

// What was put is a blob from flush() on, in the order in which it was put; what was not flushed is gone with
// the batch. Each blob takes a file in the layout until then: who puts many flushes once in a while.
// Thread-safe.
class BlobBatch {
 public:
  virtual ~BlobBatch() = default;
  // As Engine::put_blob and Engine::copy_blob.
  virtual Result<PutResult> put(ByteSource& content, const PutOptions& options = {}) = 0;
  virtual Result<PutResult> copy(const BlobPtr& blob, const PutOptions& options = {}) = 0;
  // Everything that was put before is there, whole and on disk. After an error some may be there; none of
  // them is in the batch any more.
  virtual Status flush(const Context& context = {}) = 0;
};

}  // namespace layoutfs
