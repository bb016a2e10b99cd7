// What destinations that are stores make of the options of a blob.
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

// Errc::invalid_argument, naming the option, if the options contradict each other: a config is no layer.
// Errc::unsupported for a config that is larger than a document may be.
Status check_put_options(const BlobInfo& info, const PutBlobOptions& options);

// The error, and which layer it is about.
Error of_layer(Error error, const std::optional<std::size_t>& layer_index);

// Layers that were said to be empty: verified, and not stored. Thread-safe.
class EmptyLayers {
 public:
  // Reads `content`, which must be what `info` says, as put_blob_with_options() has it.
  Result<BlobInfo> add(ByteSource& content, const BlobInfo& info, const Context& context);
  // One of known size, without its content.
  BlobInfo add(const BlobInfo& info);
  // RegistryCode::manifest_blob_unknown if `manifest` names one of them and it is not stored.
  Status check(ByteView manifest, const std::function<Result<bool>(const Digest&)>& is_stored) const;

 private:
  mutable Guarded<std::set<Digest>> digests_;
};

}  // namespace layoutfs
