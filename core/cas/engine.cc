#include "core/cas/engine.h"

#include "core/base/json.h"
#include "core/cas/blob_batch.h"

namespace layoutfs {

Result<PutResult> Engine::copy_blob(const BlobPtr& blob, const PutOptions& options) {
  BlobSource content(blob, 0, options.context);
  return put_blob(content, options);
}

bool Engine::can_clone(const Blob&) const { return false; }

std::unique_ptr<BlobBatch> Engine::start_batch() { return std::make_unique<DirectBatch>(*this); }

Result<PutResult> Engine::put_blob_json(JsonValue value, const PutOptions& options) {
  const std::string text = canonical_json(value);
  MemorySource content(as_bytes(text));
  return put_blob(content, options);
}

}  // namespace layoutfs
