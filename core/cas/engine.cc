#include "layoutfs/engine.h"

#include "core/base/json.h"
#include "layoutfs/blob_batch.h"

namespace layoutfs {
namespace {

// For engines that gain nothing from batches: each blob is installed at once.
class DirectBatch final : public BlobBatch {
 public:
  explicit DirectBatch(Engine& engine) : engine_(engine) {}
  Result<PutResult> put(ByteSource& content, const PutOptions& options) override {
    return engine_.put_blob(content, options);
  }
  Result<PutResult> copy(const BlobPtr& blob, const PutOptions& options) override {
    return engine_.copy_blob(blob, options);
  }
  Status flush(const Context&) override { return {}; }

 private:
  Engine& engine_;
};

}  // namespace

Result<PutResult> Engine::copy_blob(const BlobPtr& blob, const PutOptions& options) {
  BlobSource content(blob, 0, options.context);
  return put_blob(content, options);
}

bool Engine::can_clone(const Blob&) const { return false; }

std::unique_ptr<BlobBatch> Engine::start_batch() { return std::make_unique<DirectBatch>(*this); }

Result<PutResult> Engine::put_blob_json(std::string_view json, const PutOptions& options) {
  const auto document = JsonDocument::parse(as_bytes(json));
  if (!document) return fail(Error(document.error()));
  const std::string text = canonical_json(document->root());
  MemorySource content(as_bytes(text));
  return put_blob(content, options);
}

}  // namespace layoutfs
