// Whether a layout has a blob, and whether a copy may reuse it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "layoutfs/context.h"
#include "layoutfs/descriptor.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"
#include "layoutfs/layout_reader.h"

namespace layoutfs {

struct PresentBlobOptions {
  std::optional<std::uint64_t> size;  // expected bytes; nullopt if unknown
  std::string_view media_type;        // empty if unknown
  bool verifies_all = false;          // including blobs for which is_verified_always() is false
  Context context;
};

// Returns whether the content of an existing blob is verified before each reuse: blobs of up to 1 MiB, and of
// up to 4 MiB unless the media type is that of a layer. No document is larger, so all documents are verified.
bool is_verified_always(std::uint64_t size, std::string_view media_type);

// Returns whether `blob` can be reused: its size is as expected and, if it is verified, its content is
// intact.
Result<bool> is_usable(const BlobPtr& blob, const Digest& digest, const PresentBlobOptions& options);
// Returns the size of the blob `digest` if `reader` has it and it is_usable(). Otherwise it must be put,
// which replaces a damaged one. A blob that is not verified is not opened.
Result<std::optional<std::uint64_t>> usable_blob_size(const LayoutReader& reader, const Digest& digest,
                                                      const PresentBlobOptions& options);

// Checks that `reader` has the blob with the size of its descriptor; does not read its content.
// Errc::not_found; Errc::corrupt if it has another size.
Status check_present(const LayoutReader& reader, const Descriptor& descriptor);

}  // namespace layoutfs
