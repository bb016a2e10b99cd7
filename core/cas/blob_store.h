// The blobs of a layout in a directory: `blobs/<algorithm>/<hex>`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/cas/engine.h"
#include "core/cas/layout_dir.h"
#include "core/cas/workspace.h"

namespace layoutfs {

// Thread-safe. Digests must not be empty.
class BlobStore {
 public:
  // Both must outlive this.
  BlobStore(const LayoutDir& layout, Workspace& workspace) : layout_(layout), workspace_(workspace) {}

  Result<BlobPtr> open(const Digest& digest) const;
  Result<std::optional<BlobStatus>> status(const Digest& digest) const;
  Result<std::vector<Digest>> list(Algorithm algorithm) const;
  std::int64_t listing_ns(Algorithm algorithm) const;
  Result<PutResult> put(ByteSource& content, const PutOptions& options);
  // Whether it was there.
  Result<bool> erase(const Digest& digest);

 private:
  Result<UniqueFd> open_folder(Algorithm algorithm) const;
  Result<UniqueFd> open_or_make_folder(Algorithm algorithm);
  // Gives a file whose content is written and on disk its name, or keeps the blob that is there.
  Status install(TempFile& file, const PutResult& put, const Context& context);
  // Whether the blob is there, of this content and on disk; nobody sweeps it from now on as one that was put
  // before. `file` holds the same.
  Result<bool> keep(TempFile& file, int folder, const PutResult& put, const Context& context) const;

  const LayoutDir& layout_;
  Workspace& workspace_;
};

}  // namespace layoutfs
