// Manifests that name the layers which a destination has already, in another compression, instead of their
// own.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/transfer/blob_info_cache.h"
#include "core/transfer/extra_documents.h"
#include "core/transfer/reference_batch.h"
#include "layoutfs/context.h"
#include "layoutfs/engine.h"
#include "layoutfs/error.h"

namespace layoutfs {

// The digest of a layer's uncompressed content, to the last byte; the content of the blob itself was
// verified.
using UncompressedDigest = std::function<Result<Digest>(const Provider& provider, const Digest& layer,
                                                        Algorithm algorithm, const Context& context)>;

struct SubstitutionOptions {
  BlobInfoCache* cache = nullptr;  // asked, and told of what is found out; never null
  std::string scope;               // of the destination, as DestinationOptions::scope
  UncompressedDigest find_digest;  // never null
  bool verifies_existing = false;  // the content of the layers that are to be used, however large
  Context context;
};

struct Substituted {
  std::vector<NamedDescriptor> images;  // those that were given, in their order, some with another manifest
  ExtraDocuments manifests;             // these other ones
  std::uint64_t layers = 0, bytes = 0;  // that need not be copied
};

// Rewrites the manifests among `images` where `destination` does not have a layer, but one whose uncompressed
// content is the same: that one is named then. All else in a manifest, and its config, stay; its digest
// becomes another one.
//
// The digests stay of an index and all that it names, of a manifest that has a subject or is that of another
// image among these, and of a layer whose descriptor has URLs, annotations or its content in it, for they may
// be about this very blob. In a Docker manifest nothing becomes zstd, which has no such type there.
//
// Which layers may be the same is taken from the configs in both layouts, and from the cache; that they are,
// is never taken from either: each layer is decoded once, unless the cache or an index has its digest. A
// layer that cannot be read is left to the copy. Errc::cancelled.
Result<Substituted> substitute_layers(const LayoutReader& source, const std::shared_ptr<Engine>& destination,
                                      std::span<const NamedDescriptor> images,
                                      const SubstitutionOptions& options);

}  // namespace layoutfs
