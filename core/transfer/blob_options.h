// Rules for the options of a blob, shared by all destinations.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <set>

#include "core/base/guarded.h"
#include "core/transfer/image_destination.h"
#include "layoutfs/blob.h"
#include "layoutfs/context.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Errc::invalid_argument, with the option, if the options contradict each other: a config is not a layer.
// Errc::unsupported if a config exceeds the size limit of documents.
Status check_put_options(const BlobInfo& info, const PutBlobOptions& options);

// Returns the error with the number of its layer.
Error of_layer(Error error, const std::optional<std::size_t>& layer_index);

// Layers marked as empty: verified, but not stored. Thread-safe.
class EmptyLayers {
 public:
  // Reads and verifies `content` against `info`, as put_blob_with_options() does.
  Result<BlobInfo> add(ByteSource& content, const BlobInfo& info, const Context& context);
  // Returns the result of a search for a blob to reuse: `found`, with the number of the layer if it is an
  // error. If there is none and the layer is marked as empty and has a known size, adds it without its
  // content.
  Result<std::optional<BlobInfo>> found_or_added(Result<std::optional<BlobInfo>> found, const BlobInfo& info,
                                                 const TryReusingBlobOptions& options);
  // RegistryCode::manifest_blob_unknown if `manifest` names one of them and it is not stored.
  Status check(ByteView manifest, const std::function<Result<bool>(const Digest&)>& is_stored) const;

 private:
  BlobInfo add(const BlobInfo& info);

  mutable Guarded<std::set<Digest>> digests_;
};

}  // namespace layoutfs
