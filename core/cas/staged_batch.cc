#include "core/cas/staged_batch.h"

#include <utility>

namespace layoutfs {

Result<PutResult> StagedBatch::put(ByteSource& content, const PutOptions& options) {
  if (auto usable = check_open_(); !usable) return fail(std::move(usable).error());
  return add(blobs_.stage(content, options));
}

Result<PutResult> StagedBatch::copy(const BlobPtr& blob, const PutOptions& options) {
  if (auto usable = check_open_(); !usable) return fail(std::move(usable).error());
  return add(blobs_.stage_copy(blob, options));
}

Result<PutResult> StagedBatch::add(Result<StagedBlob> blob) {
  if (!blob) return fail(std::move(blob).error());
  // A batch may have more files than a process may hold open.
  blob->file.close();
  PutResult put = blob->put;
  staged_.lock()->push_back(std::move(*blob));
  return put;
}

Status StagedBatch::flush(const Context& context) {
  if (auto usable = check_open_(); !usable) return usable;
  std::vector<StagedBlob> blobs = std::exchange(*staged_.lock(), {});
  return blobs_.install_all(blobs, context);
}

}  // namespace layoutfs
