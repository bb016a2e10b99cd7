// Whether a copy may rely on a blob that its destination already has.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "layoutfs/context.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"
#include "layoutfs/layout_reader.h"

namespace layoutfs {

struct PresentBlobOptions {
  std::optional<std::uint64_t> size;  // bytes that the blob must have; nothing if that is not known
  std::string_view media_type;        // empty if it is not known
  bool verifies_all = false;          // also blobs that are read only on request, see is_verified_always()
  Context context;
};

// Whether the content of a present blob is verified on each reuse: each blob of up to 1 MiB, and each of up
// to 4 MiB unless its media type is that of a layer. No document is larger, so all documents are.
bool is_verified_always(std::uint64_t size, std::string_view media_type);

// Whether `blob` can be used as it is. False if its size differs or its content, where that is verified, is
// damaged.
Result<bool> is_usable(const BlobPtr& blob, const Digest& digest, const PresentBlobOptions& options);
// The size of the blob `digest` if `reader` has it and it is_usable(); otherwise it has to be put, which
// replaces a damaged one. A blob whose content is not verified is not opened.
Result<std::optional<std::uint64_t>> usable_blob_size(const LayoutReader& reader, const Digest& digest,
                                                      const PresentBlobOptions& options);

}  // namespace layoutfs
