// The batch of a layout in a directory.
#pragma once

#include <functional>
#include <vector>

#include "core/base/guarded.h"
#include "core/cas/blob_store.h"
#include "layoutfs/blob_batch.h"

namespace layoutfs {

// One call syncs all files before they get their names.
class StagedBatch final : public BlobBatch {
 public:
  // `check_open` returns an error if the engine is closed.
  StagedBatch(BlobStore& blobs, std::function<Status()> check_open)
      : blobs_(blobs), check_open_(std::move(check_open)) {}
  Result<PutResult> put(ByteSource& content, const PutOptions& options) override;
  Result<PutResult> copy(const BlobPtr& blob, const PutOptions& options) override;
  Status flush(const Context& context) override;

 private:
  Result<PutResult> add(Result<StagedBlob> blob);

  BlobStore& blobs_;
  const std::function<Status()> check_open_;
  Guarded<std::vector<StagedBlob>> staged_;
};

}  // namespace layoutfs
